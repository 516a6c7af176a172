package dev.palimpsest.kernel;

/**
 * A half-open range of class columns, [begin, end); empty if both are the same.
 *
 * @param begin first class, at least 0
 * @param end the class after the last, at least begin
 */
public record ClassRange(int begin, int end) {
    /**
     * Checks the range.
     *
     * @throws IllegalArgumentException if begin is negative or end lies before it
     */
    public ClassRange {
        if (begin < 0 || end < begin) {
            throw new IllegalArgumentException(
                    "classes [" + begin + ", " + end + ") are not a range: expected 0 ≤ begin ≤ end");
        }
    }

    /**
     * How many classes the range has.
     *
     * @return end − begin
     */
    public int size() {
        return end - begin;
    }

    /**
     * Whether a class lies in the range.
     *
     * @param label number of the class
     * @return true if begin ≤ label &lt; end
     */
    public boolean contains(int label) {
        return label >= begin && label < end;
    }

    @Override
    public String toString() {
        return "[" + begin + ", " + end + ")";
    }
}

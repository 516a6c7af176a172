package dev.palimpsest.kernel;

/** A half-open range of class columns, [begin, end); empty if both are the same. */
public record ClassRange(int begin, int end) {
    public ClassRange {
        if (begin < 0 || end < begin) {
            throw new IllegalArgumentException(
                    "classes [" + begin + ", " + end + ") are not a range: expected 0 ≤ begin ≤ end");
        }
    }

    public int size() {
        return end - begin;
    }

    public boolean contains(int label) {
        return label >= begin && label < end;
    }

    @Override
    public String toString() {
        return "[" + begin + ", " + end + ")";
    }
}

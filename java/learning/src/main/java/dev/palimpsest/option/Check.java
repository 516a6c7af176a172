package dev.palimpsest.option;

/** Ranges of options, refused with a sentence that names the option and the value. */
public final class Check {
    private Check() {}

    /**
     * Refuses a value unless a condition holds.
     *
     * @param condition that has to hold
     * @param name of the option
     * @param value of the option
     * @param expected what would do, for the sentence
     * @throws IllegalArgumentException {@code name = value: expected ...}
     */
    public static void that(boolean condition, String name, Object value, String expected) {
        if (!condition) {
            throw new IllegalArgumentException(name + " = " + Option.format(value) + ": expected " + expected);
        }
    }

    /**
     * Refuses a value below the least.
     *
     * @param name of the option
     * @param value of the option
     * @param least that is taken
     * @throws IllegalArgumentException with a sentence
     */
    public static void atLeast(String name, int value, int least) {
        that(value >= least, name, value, "at least " + least);
    }

    /**
     * Refuses negative numbers, NaN and infinity.
     *
     * @param name of the option
     * @param value of the option
     * @throws IllegalArgumentException with a sentence
     */
    public static void notNegative(String name, double value) {
        that(value >= 0 && Double.isFinite(value), name, value, "a number of at least 0");
    }

    /**
     * Refuses temperatures that the kernels, which take float32, could not divide by.
     *
     * @param value of the option {@code temperature}
     * @throws IllegalArgumentException with a sentence
     */
    public static void temperature(double value) {
        float single = (float) value;
        that(
                single >= Float.MIN_NORMAL && single < Float.POSITIVE_INFINITY,
                "temperature",
                value,
                "a number above 0 that float32 has");
    }

    /**
     * Refuses numbers that are not above 0, NaN and infinity.
     *
     * @param name of the option
     * @param value of the option
     * @throws IllegalArgumentException with a sentence
     */
    public static void positive(String name, double value) {
        that(value > 0 && Double.isFinite(value), name, value, "a number above 0");
    }
}

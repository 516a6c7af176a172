package dev.palimpsest.recipe;

/** Ranges of options, refused with a sentence that names the option and the value. */
final class Check {
    private Check() {}

    static void that(boolean condition, String name, Object value, String expected) {
        if (!condition) {
            throw new IllegalArgumentException(name + " = " + Option.format(value) + ": expected " + expected);
        }
    }

    static void atLeast(String name, int value, int least) {
        that(value >= least, name, value, "at least " + least);
    }

    /** Refuses NaN and infinity too. */
    static void notNegative(String name, double value) {
        that(value >= 0 && Double.isFinite(value), name, value, "a number of at least 0");
    }

    static void positive(String name, double value) {
        that(value > 0 && Double.isFinite(value), name, value, "a number above 0");
    }
}

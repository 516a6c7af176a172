package dev.palimpsest.option;

import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * An amount of memory, such as 512M or 2G: K, M and G are 1024, 1024² and 1024³ bytes.
 *
 * @param bytes at least 0
 */
public record MemorySize(long bytes) {
    private static final Pattern TEXT = Pattern.compile("(\\d{1,9})([KMG]?)");
    private static final String UNITS = "KMG";

    /**
     * Checks the range.
     *
     * @throws IllegalArgumentException if it is negative
     */
    public MemorySize {
        if (bytes < 0) {
            throw new IllegalArgumentException("memory of " + bytes + " bytes: expected at least 0");
        }
    }

    /**
     * Reads an amount as people write it.
     *
     * @param name of the option, for the sentence that refuses other text
     * @param text bytes, or a whole number and K, M or G
     * @return the amount
     * @throws IllegalArgumentException with a sentence, if it is something else
     */
    public static MemorySize parse(String name, String text) {
        Matcher matcher = TEXT.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException(
                    name + " = " + text + ": expected bytes, or a whole number and K, M or G, such as 512M");
        }
        int powers = matcher.group(2).isEmpty() ? 0 : 1 + UNITS.indexOf(matcher.group(2));
        return new MemorySize(Math.multiplyExact(Long.parseLong(matcher.group(1)), 1L << (10 * powers)));
    }

    /** The amount in the largest unit that divides it, as {@link #parse} reads it. */
    @Override
    public String toString() {
        long amount = bytes;
        int unit = -1;
        while (amount > 0 && amount % 1024 == 0 && unit < UNITS.length() - 1) {
            amount /= 1024;
            unit++;
        }
        return amount + (unit < 0 ? "" : UNITS.substring(unit, unit + 1));
    }
}

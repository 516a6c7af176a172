package dev.palimpsest.option;

import dev.palimpsest.internal.Nearest;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The one declaration of an option: its name is the key in recipe files, the flag on the command line and the key in
 * run.json. Immutable.
 *
 * @param <R> the record that holds the option's value
 * @param <T> type of the value
 * @param name lower case with hyphens, without the leading {@code --}
 * @param hint what a value looks like, for the help text: {@code N}, {@code sgd|adam}
 * @param defaultText the value where nobody gives one
 * @param description one sentence for the help text
 * @param parse text to value; refuses text that it cannot read
 * @param read the option's value in a record
 * @param effective whether the value has an effect in a record
 * @param condition what {@code effective} asks for, as {@code option = value}; empty if the value always counts
 */
public record Option<R, T>(
        String name,
        String hint,
        String defaultText,
        String description,
        Function<String, T> parse,
        Function<R, T> read,
        Predicate<R> effective,
        String condition) {

    /** The text of a number that is worked out from the number of experiences. */
    public static final String PLANNED = "planned";

    private static final Pattern WHOLE = Pattern.compile("[+-]?[0-9]+");
    private static final Pattern NUMBER =
            Pattern.compile("[+-]?([0-9]+\\.?[0-9]*|\\.[0-9]+)([eE][+-]?[0-9]+)?|NaN|-?Infinity");

    /**
     * An option that always counts.
     *
     * @param name lower case with hyphens, without the leading {@code --}
     * @param hint what a value looks like, for the help text
     * @param defaultText the value where nobody gives one
     * @param description one sentence for the help text
     * @param parse text to value; refuses text that it cannot read
     * @param read the option's value in a record
     */
    public Option(
            String name,
            String hint,
            String defaultText,
            String description,
            Function<String, T> parse,
            Function<R, T> read) {
        this(name, hint, defaultText, description, parse, read, record -> true, "");
    }

    /**
     * The same option, which counts only under a condition on the other values.
     *
     * @param holds the condition
     * @param asked what it asks for, as {@code option = value}
     * @return the option
     */
    public Option<R, T> when(Predicate<R> holds, String asked) {
        return new Option<>(name, hint, defaultText, description, parse, read, holds, asked);
    }

    /**
     * The option's value as a recipe file writes it.
     *
     * @param record that holds the value
     * @return text that {@link #parse} takes
     */
    public String text(R record) {
        return format(read.apply(record));
    }

    /**
     * One of an enum's constants.
     *
     * @param <R> the record that holds the value
     * @param <E> the enum
     * @param name of the option
     * @param type the enum
     * @param standard the default
     * @param description one sentence
     * @param read the value in a record
     * @return the option
     */
    public static <R, E extends Enum<E>> Option<R, E> choice(
            String name, Class<E> type, E standard, String description, Function<R, E> read) {
        List<String> labels =
                Arrays.stream(type.getEnumConstants()).map(Option::label).toList();
        Function<String, E> parse = text -> {
            int index = labels.indexOf(text);
            if (index < 0) {
                throw new IllegalArgumentException(name + " = " + text + ": expected one of "
                        + String.join(", ", labels) + Nearest.suggestion(text, labels));
            }
            return type.getEnumConstants()[index];
        };
        return new Option<>(name, String.join("|", labels), label(standard), description, parse, read);
    }

    /**
     * A whole number of 32 bits.
     *
     * @param <R> the record that holds the value
     * @param name of the option
     * @param standard the default
     * @param description one sentence
     * @param read the value in a record
     * @return the option
     */
    public static <R> Option<R, Integer> integer(
            String name, int standard, String description, Function<R, Integer> read) {
        return new Option<>(name, "N", Integer.toString(standard), description, text -> parseInt(name, text), read);
    }

    /**
     * A float64 number.
     *
     * @param <R> the record that holds the value
     * @param name of the option
     * @param standard the default
     * @param description one sentence
     * @param read the value in a record
     * @return the option
     */
    public static <R> Option<R, Double> number(
            String name, double standard, String description, Function<R, Double> read) {
        return new Option<>(name, "X", format(standard), description, text -> parseDouble(name, text), read);
    }

    /**
     * True or false.
     *
     * @param <R> the record that holds the value
     * @param name of the option
     * @param standard the default
     * @param description one sentence
     * @param read the value in a record
     * @return the option
     */
    public static <R> Option<R, Boolean> flag(
            String name, boolean standard, String description, Function<R, Boolean> read) {
        Function<String, Boolean> parse = text -> switch (text) {
            case "true" -> true;
            case "false" -> false;
            default -> throw new IllegalArgumentException(name + " = " + text + ": expected true or false");
        };
        return new Option<>(name, "true|false", Boolean.toString(standard), description, parse, read);
    }

    /**
     * Whole numbers with commas between them; may be empty.
     *
     * @param <R> the record that holds the value
     * @param name of the option
     * @param hint what a value looks like
     * @param standard the default's text
     * @param description one sentence
     * @param read the value in a record
     * @return the option
     */
    public static <R> Option<R, List<Integer>> integers(
            String name, String hint, String standard, String description, Function<R, List<Integer>> read) {
        return new Option<>(name, hint, standard, description, text -> parseIntegers(name, text), read);
    }

    /**
     * A whole number of 32 bits out of a text.
     *
     * @param name of the option
     * @param text of the number
     * @return the number
     * @throws IllegalArgumentException with a sentence, for any other text
     */
    public static int parseInt(String name, String text) {
        long number = parseLong(name, text);
        if (number != (int) number) {
            throw new IllegalArgumentException(name + " = " + text + ": expected a whole number of at most 32 bits");
        }
        return (int) number;
    }

    /**
     * A whole number of 64 bits out of a text.
     *
     * @param name of the option
     * @param text of the number
     * @return the number
     * @throws IllegalArgumentException with a sentence, for any other text
     */
    public static long parseLong(String name, String text) {
        // Java also reads digits of other scripts.
        if (!WHOLE.matcher(text).matches()) {
            throw new IllegalArgumentException(name + " = " + text + ": expected a whole number");
        }
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(name + " = " + text + ": expected a whole number of at most 64 bits", e);
        }
    }

    /**
     * A float64 number out of a text in decimal notation.
     *
     * @param name of the option
     * @param text of the number
     * @return the number; also NaN and infinity, by these names
     * @throws IllegalArgumentException with a sentence, for any other text
     */
    public static double parseDouble(String name, String text) {
        // Java also reads its own literals, as 0.1f and 0x1p-3.
        if (!NUMBER.matcher(text).matches()) {
            throw new IllegalArgumentException(name + " = " + text + ": expected a number");
        }
        return Double.parseDouble(text);
    }

    private static List<Integer> parseIntegers(String name, String text) {
        List<Integer> values = new ArrayList<>();
        for (String part : text.isEmpty() ? new String[0] : text.split(",", -1)) {
            values.add(parseInt(name, part.strip()));
        }
        return List.copyOf(values);
    }

    /**
     * Text of a value, such that parsing it gives the value back.
     *
     * @param value a number, an enum's constant, a list or an optional of them, or what describes itself by its
     *     {@code toString}
     * @return the text
     */
    public static String format(Object value) {
        return switch (value) {
            case Enum<?> constant -> label(constant);
            case List<?> list ->
                String.join(",", list.stream().map(Option::format).toList());
            case Optional<?> optional -> optional.map(Option::format).orElse("");
            case OptionalDouble planned when planned.isEmpty() -> PLANNED;
            case OptionalDouble number -> format(number.getAsDouble());
            case Double number when Double.isFinite(number) -> plain(new BigDecimal(number.toString()));
            default -> value.toString();
        };
    }

    /** Without an exponent where that is short, and without zeros at the end. */
    private static String plain(BigDecimal number) {
        BigDecimal stripped = number.stripTrailingZeros();
        return stripped.scale() > 9 || stripped.precision() - stripped.scale() > 9
                ? stripped.toString()
                : stripped.toPlainString();
    }

    /**
     * An enum's constant as options write it: {@code FINE_TUNING} is {@code fine-tuning}.
     *
     * @param constant to be written
     * @return its name in lower case with hyphens
     */
    public static String label(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }

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
}

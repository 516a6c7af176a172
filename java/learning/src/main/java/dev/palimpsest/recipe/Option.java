package dev.palimpsest.recipe;

import dev.palimpsest.stream.ClassOrder;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.function.Function;

/**
 * The one declaration of a recipe's option: its name is the key in recipe files, the flag on the command line and the
 * key in run.json.
 *
 * @param name lower case with hyphens, without the leading {@code --}
 * @param hint what a value looks like, for the help text: {@code N}, {@code sgd|adam}
 * @param defaultText the value where neither a recipe nor the command line gives one
 * @param description one sentence for the help text
 * @param parse text to value; refuses text it cannot read
 * @param read the option's value in a recipe
 */
public record Option<T>(
        String name,
        String hint,
        String defaultText,
        String description,
        Function<String, T> parse,
        Function<Recipe, T> read) {

    /** The text of a number that is worked out from the number of experiences. */
    static final String PLANNED = "planned";

    /** The option's value in a recipe, as a recipe file would say it. */
    public String text(Recipe recipe) {
        return format(read.apply(recipe));
    }

    static <E extends Enum<E>> Option<E> choice(
            String name, Class<E> type, E standard, String description, Function<Recipe, E> read) {
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

    static Option<Integer> integer(String name, int standard, String description, Function<Recipe, Integer> read) {
        return new Option<>(name, "N", Integer.toString(standard), description, text -> parseInt(name, text), read);
    }

    static Option<Double> number(String name, double standard, String description, Function<Recipe, Double> read) {
        return new Option<>(name, "X", format(standard), description, text -> parseDouble(name, text), read);
    }

    static Option<Boolean> flag(String name, boolean standard, String description, Function<Recipe, Boolean> read) {
        Function<String, Boolean> parse = text -> switch (text) {
            case "true" -> true;
            case "false" -> false;
            default -> throw new IllegalArgumentException(name + " = " + text + ": expected true or false");
        };
        return new Option<>(name, "true|false", Boolean.toString(standard), description, parse, read);
    }

    static Option<List<Integer>> integers(
            String name, String hint, String standard, String description, Function<Recipe, List<Integer>> read) {
        return new Option<>(name, hint, standard, description, text -> parseIntegers(name, text), read);
    }

    static int parseInt(String name, String text) {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(name + " = " + text + ": expected a whole number", e);
        }
    }

    static long parseLong(String name, String text) {
        try {
            return Long.parseLong(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(name + " = " + text + ": expected a whole number", e);
        }
    }

    static double parseDouble(String name, String text) {
        try {
            return Double.parseDouble(text);
        } catch (NumberFormatException e) {
            throw new IllegalArgumentException(name + " = " + text + ": expected a number", e);
        }
    }

    static List<Integer> parseIntegers(String name, String text) {
        List<Integer> values = new ArrayList<>();
        for (String part : text.isEmpty() ? new String[0] : text.split(",", -1)) {
            values.add(parseInt(name, part.strip()));
        }
        return List.copyOf(values);
    }

    /** Text of a value, such that parsing it gives the value back. */
    static String format(Object value) {
        return switch (value) {
            case Enum<?> constant -> label(constant);
            case List<?> list ->
                String.join(",", list.stream().map(Option::format).toList());
            case Optional<?> optional -> optional.map(Option::format).orElse("");
            case OptionalDouble planned when planned.isEmpty() -> PLANNED;
            case OptionalDouble number -> format(number.getAsDouble());
            case ClassOrder.Seeded seeded -> Long.toString(seeded.seed());
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

    /** {@code FINE_TUNING} is written {@code fine-tuning}. */
    public static String label(Enum<?> constant) {
        return constant.name().toLowerCase(Locale.ROOT).replace('_', '-');
    }
}

package dev.palimpsest;

import com.fasterxml.jackson.databind.JsonNode;
import dev.palimpsest.internal.Reason;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SequencedMap;
import java.util.function.BiFunction;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The fields of a JSON object, each taken for what it has to be and for nothing else: a text that stands where a number
 * should is no 0. What is missing or of another kind is refused with an {@link IllegalArgumentException} that says
 * where it stands.
 *
 * @param place of the object, with a dot after it; empty for the root
 * @param node an object
 */
record Fields(String place, JsonNode node) {
    private static final String OBJECT = "an object";
    private static final String ARRAY = "an array";

    Fields {
        if (!node.isObject()) {
            String where = place.isEmpty() ? "it" : "its " + place.substring(0, place.length() - 1);
            throw new IllegalArgumentException(where + " is " + Reason.brief(node) + ", expected " + OBJECT);
        }
    }

    private static JsonNode taken(String place, JsonNode node, Predicate<JsonNode> test, String expected) {
        if (node.isMissingNode()) {
            throw new IllegalArgumentException("its " + place + " is missing, expected " + expected);
        }
        if (!test.test(node)) {
            throw new IllegalArgumentException("its " + place + " is " + Reason.brief(node) + ", expected " + expected);
        }
        return node;
    }

    private JsonNode taken(String name, Predicate<JsonNode> test, String expected) {
        return taken(place + name, node.path(name), test, expected);
    }

    boolean has(String name) {
        return node.has(name);
    }

    Fields object(String name) {
        return new Fields(place + name + ".", taken(name, JsonNode::isObject, OBJECT));
    }

    /** Of an array of objects, in its order. */
    <T> List<T> each(String name, Function<Fields, T> read) {
        JsonNode array = taken(name, JsonNode::isArray, ARRAY);
        List<T> all = new ArrayList<>();
        for (int i = 0; i < array.size(); i++) {
            all.add(read.apply(new Fields(place + name + "[" + i + "].", array.get(i))));
        }
        return all;
    }

    /** Shares of 1 by the names of an object's fields. */
    SequencedMap<String, Double> shares(String name) {
        return byName(name, Fields::share);
    }

    /** Texts by the names of an object's fields. */
    SequencedMap<String, String> textsByName(String name) {
        return byName(name, Fields::text);
    }

    private <T> SequencedMap<String, T> byName(String name, BiFunction<Fields, String, T> read) {
        Fields object = object(name);
        SequencedMap<String, T> all = new LinkedHashMap<>();
        object.node.fieldNames().forEachRemaining(key -> all.put(key, read.apply(object, key)));
        return all;
    }

    String text(String name) {
        return taken(name, JsonNode::isTextual, "a text").textValue();
    }

    /** One of an enumeration's names. */
    <E extends Enum<E>> E constant(String name, Class<E> type) {
        JsonNode found = taken(name, node -> named(node.textValue(), type).isPresent(), oneOf(type));
        return named(found.textValue(), type).orElseThrow();
    }

    /** The constant of a name; empty if there is none. */
    static <E extends Enum<E>> Optional<E> named(@Nullable String name, Class<E> type) {
        return Arrays.stream(type.getEnumConstants())
                .filter(each -> each.name().equals(name))
                .findFirst();
    }

    /** What to expect of such a name. */
    static String oneOf(Class<? extends Enum<?>> type) {
        return "one of "
                + Arrays.stream(type.getEnumConstants()).map(Enum::name).collect(Collectors.joining(", "));
    }

    int integer(String name) {
        return taken(name, Fields::isInteger, "a whole number").intValue();
    }

    /** At least 0. */
    int count(String name) {
        return taken(name, found -> isInteger(found) && found.intValue() >= 0, "a whole number of at least 0")
                .intValue();
    }

    long integer64(String name) {
        return taken(name, found -> found.isIntegralNumber() && found.canConvertToLong(), "a whole number")
                .longValue();
    }

    double number(String name) {
        return taken(name, Fields::isFinite, "a number").doubleValue();
    }

    private static boolean isInteger(JsonNode found) {
        return found.isIntegralNumber() && found.canConvertToInt();
    }

    private static boolean isFinite(JsonNode found) {
        return found.isNumber() && Double.isFinite(found.doubleValue());
    }

    double share(String name) {
        return taken(
                        name,
                        found -> isFinite(found) && found.doubleValue() >= 0 && found.doubleValue() <= 1,
                        "a share from 0 to 1")
                .doubleValue();
    }

    /** Empty where the field is missing. */
    OptionalDouble optionalShare(String name) {
        return has(name) ? OptionalDouble.of(share(name)) : OptionalDouble.empty();
    }

    List<String> texts(String name) {
        return elements(name, JsonNode::isTextual, "a text")
                .map(JsonNode::textValue)
                .toList();
    }

    int[] integers(String name) {
        return elements(name, Fields::isInteger, "a whole number")
                .mapToInt(JsonNode::intValue)
                .toArray();
    }

    double[] numbers(String name) {
        return elements(name, Fields::isFinite, "a number")
                .mapToDouble(JsonNode::doubleValue)
                .toArray();
    }

    private Stream<JsonNode> elements(String name, Predicate<JsonNode> test, String expected) {
        JsonNode array = taken(name, JsonNode::isArray, ARRAY);
        return IntStream.range(0, array.size())
                .mapToObj(i -> taken(place + name + "[" + i + "]", array.get(i), test, expected));
    }
}

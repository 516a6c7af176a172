package dev.palimpsest.train;

import java.util.HashSet;
import java.util.List;

/** The order in which the classes of a data set arrive. */
public sealed interface ClassOrder {
    /** A permutation drawn from a seed. */
    record Seed(long seed) implements ClassOrder {
        @Override
        public String toString() {
            return Long.toString(seed);
        }
    }

    /** The data set's labels in the order given. */
    record Given(List<Integer> labels) implements ClassOrder {
        public Given {
            labels = List.copyOf(labels);
            Check.that(labels.size() >= 2 && labels.stream().allMatch(label -> label >= 0), "order", labels,
                    "a seed, or at least two labels of 0 or more");
            Check.that(new HashSet<>(labels).size() == labels.size(), "order", labels, "every label once");
        }

        @Override
        public String toString() {
            return Option.format(labels);
        }
    }

    /** One whole number is a seed, several with commas are labels. */
    static ClassOrder parse(String text) {
        return text.contains(",") ? new Given(Option.parseIntegers("order", text)) : new Seed(Option.parseLong("order", text));
    }
}

package dev.palimpsest.option;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Function;

/**
 * The options of one record: what turns texts into the record and back. Immutable.
 *
 * @param <R> the record
 * @param options in the order of the help text; each name once
 * @param make the record out of its options' values; refuses values that cannot be with a sentence
 */
public record OptionGroup<R>(List<Option<R, ?>> options, Function<Values, R> make) {
    /** Copies the list. */
    public OptionGroup {
        options = List.copyOf(options);
    }

    /**
     * Without options.
     *
     * @param <R> the record
     * @param only the one value there is
     * @return the group
     */
    public static <R> OptionGroup<R> none(R only) {
        return new OptionGroup<>(List.of(), values -> only);
    }

    /**
     * The record that texts describe.
     *
     * @param texts by option name; what is missing has its default, and other names are left alone
     * @return the record
     * @throws IllegalArgumentException with a sentence, for a text that cannot be read or a value that cannot be
     */
    public R of(Map<String, String> texts) {
        return make.apply(new Values(texts));
    }

    /**
     * Every option of a record by name; {@link #of} gives the same record back.
     *
     * @param record to be described
     * @return texts in the options' order
     */
    public SequencedMap<String, String> texts(R record) {
        SequencedMap<String, String> texts = new LinkedHashMap<>();
        options.forEach(option -> texts.put(option.name(), option.text(record)));
        return texts;
    }

    /**
     * A record with one value changed.
     *
     * @param <T> type of the value
     * @param record to start from
     * @param option one of this group's
     * @param value the new value
     * @return the changed record
     * @throws IllegalArgumentException with a sentence, if the value cannot be
     */
    public <T> R with(R record, Option<R, T> option, T value) {
        SequencedMap<String, String> texts = texts(record);
        texts.put(option.name(), Option.format(value));
        return of(texts);
    }

    /**
     * The option of a name.
     *
     * @param name without {@code --}
     * @return empty if there is none
     */
    public Optional<Option<R, ?>> named(String name) {
        return options.stream().filter(option -> option.name().equals(name)).findFirst();
    }

    /**
     * Names of the options.
     *
     * @return names in the options' order
     */
    public List<String> names() {
        return options.stream().<String>map(Option::name).toList();
    }

    /**
     * Texts by option name; what is missing has the option's default.
     *
     * @param texts by name
     */
    public record Values(Map<String, String> texts) {
        /**
         * An option's value.
         *
         * @param <T> its type
         * @param option to be read
         * @return the parsed text, or the parsed default
         * @throws IllegalArgumentException with a sentence, if the text cannot be read
         */
        public <T> T get(Option<?, T> option) {
            String text = texts.getOrDefault(option.name(), option.defaultText());
            if (text == null) {
                throw new NullPointerException(option.name() + " is null: expected a text, or leave it out");
            }
            return option.parse().apply(text.strip());
        }
    }
}

package dev.palimpsest.option;

import java.util.Map;

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
        return option.parse()
                .apply(texts.getOrDefault(option.name(), option.defaultText()).strip());
    }
}

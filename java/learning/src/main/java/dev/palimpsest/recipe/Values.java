package dev.palimpsest.recipe;

import java.util.Map;

/** Texts by option name; what is missing has the option's default. */
record Values(Map<String, String> texts) {
    <T> T get(Option<T> option) {
        return option.parse()
                .apply(texts.getOrDefault(option.name(), option.defaultText()).strip());
    }
}

package dev.palimpsest.cli;

import java.util.List;
import java.util.stream.Collectors;

/** A command as one would type it. */
final class Words {
    private static final String PLAIN = "[A-Za-z0-9_./:=,+@%-]+";

    private Words() {}

    /** The words in a line for a shell. */
    static String join(List<String> words) {
        return words.stream()
                .map(word -> word.matches(PLAIN) ? word : "'" + word.replace("'", "'\\''") + "'")
                .collect(Collectors.joining(" "));
    }
}

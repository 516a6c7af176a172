package dev.palimpsest.internal;

import java.nio.charset.StandardCharsets;
import java.text.Normalizer;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** What names of classes may be: one for every class, readable in a line of a file, a table and a page. */
public final class ClassNames {
    private ClassNames() {}

    /**
     * Checks the names of all classes of a data set.
     *
     * @param names in the order of their labels
     * @return a copy
     * @throws IllegalArgumentException with a sentence, if one is blank, holds a control character (a line's end among
     *     them) or half a surrogate pair, or two are the same text in Unicode's normal form C
     */
    public static List<String> checked(List<String> names) {
        Map<String, String> seen = new HashMap<>();
        for (String name : Given.all(names, "class name", "a text")) {
            if (name.isBlank()) {
                throw new IllegalArgumentException("a class needs a name that is not blank, got '" + name + "'");
            }
            if (name.chars().anyMatch(Character::isISOControl)
                    || !StandardCharsets.UTF_8.newEncoder().canEncode(name)) {
                throw new IllegalArgumentException("the class name \"" + printable(name)
                        + "\" holds a character that cannot be written in a line of text: rename the class");
            }
            String other = seen.put(Normalizer.normalize(name, Normalizer.Form.NFC), name);
            if (other != null) {
                throw new IllegalArgumentException("every class needs a name of its own, got " + name + " twice"
                        + (other.equals(name) ? "" : ", written with other characters that look the same"));
            }
        }
        return List.copyOf(names);
    }

    /** With other characters as Java writes them in a literal. */
    private static String printable(String name) {
        StringBuilder text = new StringBuilder();
        name.chars()
                .forEach(c -> text.append(
                        Character.isISOControl(c) || Character.isSurrogate((char) c)
                                ? String.format("\\u%04x", c)
                                : String.valueOf((char) c)));
        return text.toString();
    }
}

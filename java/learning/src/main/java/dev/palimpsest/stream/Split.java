package dev.palimpsest.stream;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * How many new classes each experience brings.
 *
 * @param sizes number of classes of experience 1, 2, …; at least one experience, each of at least 1 class
 */
public record Split(List<Integer> sizes) {
    private static final Pattern TERM = Pattern.compile("(?:(\\d{1,4})[x×])?(\\d{1,4})");

    /**
     * Checks and copies the sizes.
     *
     * @throws IllegalArgumentException if there is no experience, or one without classes
     */
    public Split {
        sizes = List.copyOf(sizes);
        if (sizes.isEmpty() || sizes.stream().anyMatch(size -> size < 1)) {
            throw new IllegalArgumentException("every experience needs at least one class, got " + sizes);
        }
    }

    /**
     * Reads a split as recipes write it.
     *
     * @param text terms joined by +, each {@code N} (one experience of N classes) or {@code ExN} (E experiences of N
     *     classes): "5x2", "10x10", "50+10x5"
     * @return the split
     * @throws IllegalArgumentException if the text is anything else
     */
    public static Split parse(String text) {
        List<Integer> sizes = new ArrayList<>();
        for (String term : text.split("\\+", -1)) {
            Matcher matcher = TERM.matcher(term.strip());
            int experiences = matcher.matches() ? matcher.group(1) == null ? 1 : Integer.parseInt(matcher.group(1)) : 0;
            if (experiences == 0 || Integer.parseInt(matcher.group(2)) == 0) {
                throw new IllegalArgumentException(
                        "\"" + text + "\" is not a split: expected EXPERIENCESxCLASSES such as 5x2, or 50+10x5 "
                                + "for an experience of 50 classes and ten of 5");
            }
            for (int i = 0; i < experiences; i++) {
                sizes.add(Integer.parseInt(matcher.group(2)));
            }
        }
        return new Split(sizes);
    }

    /**
     * The number of classes.
     *
     * @return how many classes all experiences have together
     */
    public int classes() {
        return sizes.stream().mapToInt(Integer::intValue).sum();
    }

    /** The shortest text that {@link #parse} takes for this. */
    @Override
    public String toString() {
        List<String> terms = new ArrayList<>();
        for (int begin = 0, end; begin < sizes.size(); begin = end) {
            end = begin + 1;
            while (end < sizes.size() && sizes.get(end).equals(sizes.get(begin))) {
                end++;
            }
            terms.add((end - begin == 1 ? "" : end - begin + "x") + sizes.get(begin));
        }
        return terms.stream().collect(Collectors.joining("+"));
    }
}

package dev.palimpsest.report;

import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How often a run keeps its state in the midst of an experience; after every experience it does so anyway. Results do
 * not depend on it.
 *
 * @param steps between two; 0 for those that go by time
 * @param time between two; zero for those that go by steps
 */
public record CheckpointEvery(long steps, Duration time) {
    /** Seldom enough to cost nothing. */
    public static final CheckpointEvery DEFAULT = new CheckpointEvery(0, Duration.ofMinutes(10));

    private static final Pattern FORM = Pattern.compile("(\\d{1,9})(m?)");

    /**
     * Reads a text.
     *
     * @param text a number of steps, or of minutes with an {@code m}; 0 for none within experiences
     * @return what it says
     * @throws IllegalArgumentException with a sentence, if it says nothing of the kind
     */
    public static CheckpointEvery parse(String text) {
        Matcher matcher = FORM.matcher(text);
        if (!matcher.matches()) {
            throw new IllegalArgumentException("checkpoint-every = " + text
                    + ": expected a number of steps such as 500, of minutes such as 5m, or 0 for none inside"
                    + " experiences");
        }
        long number = Long.parseLong(matcher.group(1));
        return matcher.group(2).isEmpty()
                ? new CheckpointEvery(number, Duration.ZERO)
                : new CheckpointEvery(0, Duration.ofMinutes(number));
    }

    /** As {@link #parse} reads it. */
    @Override
    public String toString() {
        return time.isZero() ? Long.toString(steps) : time.toMinutes() + "m";
    }

    /** Whether it is time for one, so long after the last one or the beginning. */
    boolean due(long stepsSince, long nanosSince) {
        return steps > 0 ? stepsSince >= steps : time.isPositive() && nanosSince >= time.toNanos();
    }
}

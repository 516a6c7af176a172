package dev.palimpsest.train;

import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where the time of training goes, by the clock of the thread that trains. A device works behind that thread's back:
 * there the parts are the time it takes to queue their work.
 */
final class StepTimes {
    private final Map<Pass.Part, Long> nanos = new EnumMap<>(Pass.Part.class);
    /** Null outside of training. */
    private Pass.@Nullable Part current;

    private long since;

    /** Of no time at all. */
    StepTimes() {}

    /**
     * From now on time goes to this part.
     *
     * @param part that the block is about
     * @return ends the block
     */
    Pass.Span at(Pass.Part part) {
        Pass.Part before = current;
        change(part);
        return () -> change(before);
    }

    private void change(Pass.@Nullable Part next) {
        long now = System.nanoTime();
        if (current != null) {
            nanos.merge(current, now - since, Long::sum);
        }
        current = next;
        since = now;
    }

    /** Seconds of each part that any time went to. */
    Map<Pass.Part, Double> seconds() {
        Map<Pass.Part, Double> seconds = new EnumMap<>(Pass.Part.class);
        nanos.forEach((part, count) -> seconds.put(part, count * 1e-9));
        return seconds;
    }
}

package dev.palimpsest.train;

import java.util.EnumMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Where the time of training goes, by the clock of the thread that trains. A device works behind that thread's back:
 * there the parts are the time it takes to queue their work.
 */
public final class StepTimes {
    /** What that thread is busy with. */
    public enum Part {
        /** Waiting for a batch that is not ready yet, and what a method makes of it. */
        DATA,
        /** The trained network, forward and backward. */
        STUDENT,
        /** Earlier models, forward. */
        TEACHERS,
        /** What outputs are compared with, and the gradients by them. */
        LOSSES,
        /** Moving weights, those of moving-average teachers among them. */
        OPTIMISER,
        /** Reporting losses; on a device, waiting for them. */
        REPORTING
    }

    /** A block that time is taken of. */
    @FunctionalInterface
    public interface Span extends AutoCloseable {
        /** Time goes to what it went to before. */
        @Override
        void close();
    }

    private final Map<Part, Long> nanos = new EnumMap<>(Part.class);
    /** Null outside of training. */
    private @Nullable Part current;

    private long since;

    /** Of no time at all. */
    StepTimes() {}

    /**
     * From now on time goes to this part.
     *
     * @param part that the block is about
     * @return ends the block
     */
    Span at(Part part) {
        Part before = current;
        change(part);
        return () -> change(before);
    }

    private void change(@Nullable Part next) {
        long now = System.nanoTime();
        if (current != null) {
            nanos.merge(current, now - since, Long::sum);
        }
        current = next;
        since = now;
    }

    /** Seconds of each part that any time went to. */
    Map<Part, Double> seconds() {
        Map<Part, Double> seconds = new EnumMap<>(Part.class);
        nanos.forEach((part, count) -> seconds.put(part, count * 1e-9));
        return seconds;
    }
}

package dev.palimpsest.train;

import java.util.EnumMap;
import java.util.Map;

/**
 * Where the time of training goes, by the clock of the thread that trains. A device works behind that thread's back:
 * there the parts are the time it takes to queue their work.
 */
public final class StepTimes {
    /** What that thread is at. */
    public enum Part {
        /** Waiting for a batch that is not ready yet, and what a method makes of it. */
        DATA,
        /** The trained network, forward and backward. */
        STUDENT,
        /** Earlier models, forward. */
        TEACHERS,
        /** What outputs are compared with, and the gradients by them. */
        LOSSES,
        /** Moving weights, those of teachers that follow among them. */
        OPTIMISER,
        /** Telling of losses; on a device, waiting for them. */
        REPORTING
    }

    private final Map<Part, Long> nanos = new EnumMap<>(Part.class);
    /** Null outside of training. */
    private Part current;

    private long since;

    /** Of no time at all. */
    public StepTimes() {}

    /** From now on time goes to this part. */
    public void at(Part part) {
        long now = System.nanoTime();
        if (current != null) {
            nanos.merge(current, now - since, Long::sum);
        }
        current = part;
        since = now;
    }

    /** Nothing is trained for now. */
    void pause() {
        at(null);
    }

    /** Seconds of each part that any time went to. */
    Map<Part, Double> seconds() {
        Map<Part, Double> seconds = new EnumMap<>(Part.class);
        nanos.forEach((part, count) -> seconds.put(part, count * 1e-9));
        return seconds;
    }
}

package dev.palimpsest.train;

import dev.palimpsest.metrics.AccuracyMatrix;
import dev.palimpsest.snapshot.Snapshots;
import java.util.Collections;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The outcome of a run. Immutable.
 *
 * @param accuracy single-head: argmax over all classes seen
 * @param withinExperience argmax among the classes of the image's own experience
 * @param memory what the snapshots took after each experience; empty for a method that keeps none
 * @param weightsSha256 of all final parameters and buffers, in the model's order
 * @param seconds that training and evaluation took together
 * @param secondsByPart seconds of training alone, by what they were spent on
 * @param stopped why training ended before the stream did; empty if it did not
 */
public record Result(
        AccuracyMatrix accuracy,
        AccuracyMatrix withinExperience,
        List<Snapshots.Memory> memory,
        String weightsSha256,
        double seconds,
        Map<Pass.Part, Double> secondsByPart,
        Optional<String> stopped) {
    /** Copies what could be changed from outside. */
    public Result {
        memory = List.copyOf(memory);
        secondsByPart = Collections.unmodifiableMap(new EnumMap<>(secondsByPart));
    }

    /**
     * Memory at the end.
     *
     * @return zeros for a method that keeps no snapshots
     */
    public Snapshots.Memory finalMemory() {
        return memory.isEmpty() ? Snapshots.Memory.NONE : memory.getLast();
    }
}

package dev.palimpsest.snapshot;

import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.SnapshotMask;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * One snapshot as the weights of a frozen network.
 *
 * @param snapshots among which it is
 * @param snapshot from 1
 */
record SnapshotWeights(Snapshots snapshots, int snapshot) implements Weights {
    @Override
    public void weight(Parameter parameter, @Nullable MemorySegment scale, MemorySegment out) {
        snapshots.weight(snapshot, parameter, scale, out);
    }

    @Override
    public Optional<SnapshotMask> mask(Parameter parameter) {
        return snapshots.mask(snapshot, parameter);
    }

    @Override
    public MemorySegment vector(String name) {
        return snapshots.vector(snapshot, name);
    }
}

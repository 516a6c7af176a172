package dev.palimpsest.model;

import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.SnapshotMask;
import java.lang.foreign.MemorySegment;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Where a frozen network takes its weights from: the live network, or one of its snapshots. */
public interface Weights {
    /**
     * Writes a convolution's weight [O, …], output channel o times {@code scale[o]} unless that is null, float32
     * row-major; likewise a linear layer's [O, inputs].
     *
     * @param parameter of role WEIGHT
     * @param scale [O] float32, or null
     * @param out of the parameter's size
     */
    void weight(Parameter parameter, @Nullable MemorySegment scale, MemorySegment out);

    /**
     * By which {@link #weight} chooses among the parameter's present values, if that is all it does.
     *
     * @param parameter of role WEIGHT
     * @return empty if the weights are kept elsewhere
     */
    default Optional<SnapshotMask> mask(Parameter parameter) {
        return Optional.empty();
    }

    /**
     * Values of a norm's or head's parameter or of a buffer, by name; a head has as many rows as classes were seen
     * then.
     *
     * @param name of the parameter or buffer
     * @return its values, float32 and row-major, not to be written to
     * @throws IllegalArgumentException if there is none of that name
     */
    MemorySegment vector(String name);

    /**
     * The weights as they are now.
     *
     * @param network whose weights these are
     * @return a view of them
     */
    static Weights of(Network network) {
        return new LiveWeights(network);
    }
}

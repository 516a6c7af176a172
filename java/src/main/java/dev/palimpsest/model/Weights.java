package dev.palimpsest.model;

import dev.palimpsest.tensor.Parameter;
import java.lang.foreign.MemorySegment;

/** Where a frozen network takes its weights from: the live network, or one of its snapshots. */
public interface Weights {
    /** Writes a convolution's weight [O, …], output channel o times {@code scale[o]} unless that is null, float32 row-major. */
    void weight(Parameter parameter, MemorySegment scale, MemorySegment out);

    /** Values of a norm's or head's parameter or of a buffer, by name; a head has as many rows as classes were seen then. */
    MemorySegment vector(String name);

    /** The weights as they are now. */
    static Weights of(Network network) {
        return new LiveWeights(network);
    }
}

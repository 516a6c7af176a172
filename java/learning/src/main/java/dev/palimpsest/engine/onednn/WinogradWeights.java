package dev.palimpsest.engine.onednn;

import dev.palimpsest.kernel.passes.Winograd;
import dev.palimpsest.kernel.passes.Winograd.Geometry;
import dev.palimpsest.tensor.Mirror;
import dev.palimpsest.tensor.Parameter;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** A layer's weight as {@link Winograd} takes it, whatever the images: for the output, and for the gradient by them. */
final class WinogradWeights implements AutoCloseable {
    /** Of one direction; made again only after the weight changed. */
    private static final class Transformed extends Mirror.Copy {
        private final OneDnnContext engine;
        private final Geometry geometry;
        private final boolean flipped;
        private final Arena arena = Arena.ofShared();
        private final MemorySegment memory;

        Transformed(OneDnnContext engine, Parameter weight, Geometry geometry, boolean flipped) {
            super(weight.valueMirror());
            this.engine = engine;
            this.geometry = geometry;
            this.flipped = flipped;
            memory = allocate(arena, geometry);
        }

        @Override
        protected void renew(MemorySegment host) {
            engine.winograd(0).weights(geometry, host, flipped, memory);
        }

        MemorySegment present() {
            read();
            return memory;
        }
    }

    private final OneDnnContext engine;
    private final Parameter weight;
    private @Nullable Transformed forward;
    private @Nullable Transformed backward;

    WinogradWeights(OneDnnContext engine, Parameter weight) {
        this.engine = engine;
        this.weight = weight;
    }

    /** Memory for a transformed weight. */
    static MemorySegment allocate(Arena arena, Geometry geometry) {
        return arena.allocate((long) Winograd.FREQUENCIES * geometry.inputs() * geometry.outputs() * Float.BYTES, 64);
    }

    /** For a convolution of this geometry, up to date. */
    MemorySegment forward(Geometry geometry) {
        if (forward == null) {
            forward = new Transformed(engine, weight, geometry, false);
        }
        return forward.present();
    }

    /** For the gradient by the images of a convolution of this geometry, up to date. */
    MemorySegment backward(Geometry geometry) {
        if (backward == null) {
            backward = new Transformed(engine, weight, geometry.transposed(), true);
        }
        return backward.present();
    }

    @Override
    public void close() {
        if (forward != null) {
            forward.arena.close();
        }
        if (backward != null) {
            backward.arena.close();
        }
    }
}

package dev.palimpsest.engine.onednn;

import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/** A tensor's order of axes against row-major order, for one shape; each primitive is built when it is first needed. */
final class CpuReorder implements AutoCloseable {
    private final OneDnnContext engine;
    private final MemorySegment described;
    private final Shape shape;
    private @Nullable Primitive toRowMajor;
    private @Nullable Primitive fromRowMajor;

    CpuReorder(OneDnnContext engine, Shape shape) {
        this.engine = engine;
        this.shape = shape;
        described = engine.describe(shape, Tensor.Layout.ENGINE);
    }

    void toRowMajor(Tensor from, MemorySegment to) {
        if (toRowMajor == null) {
            toRowMajor = engine.reorder(described, engine.rowMajor(shape), false);
        }
        toRowMajor.run(0, to, MemorySegment.NULL, from.data().address(), to.address());
    }

    void fromRowMajor(MemorySegment from, Tensor to) {
        if (fromRowMajor == null) {
            fromRowMajor = engine.reorder(engine.rowMajor(shape), described, false);
        }
        fromRowMajor.run(0, from, MemorySegment.NULL, from.address(), to.data().address());
    }

    /** Frees the primitives. */
    @Override
    public void close() {
        if (toRowMajor != null) {
            toRowMajor.close();
        }
        if (fromRowMajor != null) {
            fromRowMajor.close();
        }
    }
}

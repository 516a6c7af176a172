package dev.palimpsest.kernel.passes;

import dev.palimpsest.kernel.Kernels.Implementation;
import dev.palimpsest.kernel.ffi.Held;
import dev.palimpsest.kernel.ffi.NativeKernel;
import dev.palimpsest.kernel.ffi.NativeStruct.Field;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The passes of batch norm over activations [images, channels / width, positions, width], float32, which
 * native/kernels/batch_norm/batch_norm.md defines. A pass is bound to memory by one thread and then run over ranges of
 * images by any; the next may be bound when all have finished. Callers have checked sizes; memory is off-heap.
 */
public final class BatchNormPasses implements AutoCloseable {
    /** As in palimpsest_batch_norm_pass. */
    enum Pass {
        MOMENTS,
        NORMALISE,
        GRADIENT_SUMS,
        NORM_GRADIENT
    }

    /**
     * How activations lie.
     *
     * @param images N
     * @param channels C
     * @param width channels that lie together; divides C
     * @param positions height times width of an image
     */
    public record Geometry(int images, int channels, int width, int positions) {}

    /**
     * What the norm did to x before the ReLU.
     *
     * @param scale [channels]
     * @param shift [channels]
     */
    public record Affine(MemorySegment scale, MemorySegment shift) {}

    /** What a pass reads and writes; null where it does neither. */
    record Operands(
            Pass pass,
            MemorySegment x,
            @Nullable MemorySegment residual,
            @Nullable Affine clipped,
            @Nullable MemorySegment gradient,
            @Nullable MemorySegment mean,
            @Nullable MemorySegment first,
            @Nullable MemorySegment second,
            @Nullable MemorySegment third,
            boolean relu,
            @Nullable MemorySegment out,
            @Nullable MemorySegment sums) {
        /** In the order of {@link #FIELDS}. */
        @SuppressWarnings("EnumOrdinal") // the constants stand in the order of palimpsest_batch_norm_pass
        long[] values() {
            return new long[] {
                pass.ordinal(),
                x.address(),
                address(residual),
                clipped == null ? 0 : clipped.scale.address(),
                clipped == null ? 0 : clipped.shift.address(),
                address(gradient),
                address(mean),
                address(first),
                address(second),
                address(third),
                relu ? 1 : 0,
                address(out),
                address(sums)
            };
        }

        private static long address(@Nullable MemorySegment segment) {
            return segment == null ? 0 : segment.address();
        }
    }

    private static final List<String> FIELDS = List.of(
            "pass",
            "x",
            "residual",
            "relu_scale",
            "relu_shift",
            "gradient",
            "mean",
            "first",
            "second",
            "third",
            "relu",
            "out",
            "sums");

    private final Arena arena = Arena.ofShared();

    private final MemorySegment args;
    private final Held held = new Held();
    /** Of {@link #FIELDS}; looking one up takes longer than a small pass. None for plain Java. */
    private final List<Field> fields;

    private final Range range;
    /** Null until a pass is bound. */
    private @Nullable Operands operands;

    /**
     * Passes for one geometry.
     *
     * @param implementation that runs on this machine
     * @param geometry of the activations
     */
    public BatchNormPasses(Implementation implementation, Geometry geometry) {
        if (implementation == Implementation.JAVA) {
            args = MemorySegment.NULL;
            fields = List.of();
            range = (begin, end) -> JavaBatchNorm.run(geometry, Objects.requireNonNull(operands), begin, end);
        } else {
            NativeKernel own = NativeKernel.overRange("batch_norm", implementation.isa());
            args = own.arguments().allocate(arena);
            range = (begin, end) -> own.range(args, begin, end, held);
            own.arguments().field("images").set(args, geometry.images);
            own.arguments().field("channels").set(args, geometry.channels);
            own.arguments().field("width").set(args, geometry.width);
            own.arguments().field("positions").set(args, geometry.positions);
            fields = FIELDS.stream().map(own.arguments()::field).toList();
        }
    }

    /**
     * Means and centred sums of squares over the positions of each image.
     *
     * @param x activations
     * @param sums [images, 2, channels]: overwritten in the range's images
     * @return the bound pass
     */
    public Range moments(MemorySegment x, MemorySegment sums) {
        return bind(new Operands(Pass.MOMENTS, x, null, null, null, null, null, null, null, false, null, sums));
    }

    /**
     * x·scale + shift, with a residual added and a ReLU behind it where asked.
     *
     * @param x activations
     * @param scale [channels]
     * @param shift [channels]
     * @param residual activations; null for none
     * @param relu whether the result is max(0, ·)
     * @param out activations; may be the residual's memory
     * @return the bound pass
     */
    public Range normalise(
            MemorySegment x,
            MemorySegment scale,
            MemorySegment shift,
            @Nullable MemorySegment residual,
            boolean relu,
            MemorySegment out) {
        return bind(new Operands(Pass.NORMALISE, x, residual, null, null, null, scale, shift, null, relu, out, null));
    }

    /**
     * Sums of g' and of g'·(x − mean) over the positions of each image.
     *
     * @param gradient g, of the output
     * @param relu null: g' is g; else g' is 0 where the ReLU behind the norm clipped
     * @param x activations
     * @param mean [channels]
     * @param sums [images, 2, channels]: overwritten in the range's images
     * @return the bound pass
     */
    public Range gradientSums(
            MemorySegment gradient, @Nullable Affine relu, MemorySegment x, MemorySegment mean, MemorySegment sums) {
        return bind(
                new Operands(Pass.GRADIENT_SUMS, x, null, relu, gradient, mean, null, null, null, false, null, sums));
    }

    /**
     * first·g' + (second·(x − mean) + third), or first·g' alone.
     *
     * @param gradient g, of the output
     * @param relu as in {@link #gradientSums}
     * @param x activations
     * @param mean [channels]
     * @param first [channels]
     * @param second [channels]; null, as third, for running statistics, through which nothing comes back
     * @param third [channels]
     * @param out activations; may be the gradient's memory
     * @return the bound pass
     */
    public Range gradient(
            MemorySegment gradient,
            @Nullable Affine relu,
            MemorySegment x,
            MemorySegment mean,
            MemorySegment first,
            @Nullable MemorySegment second,
            @Nullable MemorySegment third,
            MemorySegment out) {
        return bind(new Operands(
                Pass.NORM_GRADIENT, x, null, relu, gradient, mean, first, second, third, false, out, null));
    }

    private Range bind(Operands of) {
        operands = of;
        held.clear();
        // Statistics may be of a model's memory; everything else is the engine's own, which nobody else closes.
        if (of.mean != null) {
            held.add(of.mean);
        }
        held.add(of.x);
        long[] values = of.values();
        for (int f = 0; f < fields.size(); f++) {
            fields.get(f).set(args, values[f]);
        }
        return range;
    }

    @Override
    public void close() {
        arena.close();
    }
}

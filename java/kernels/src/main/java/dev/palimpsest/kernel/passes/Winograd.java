package dev.palimpsest.kernel.passes;

import dev.palimpsest.kernel.Kernels.Implementation;
import dev.palimpsest.kernel.ffi.Held;
import dev.palimpsest.kernel.ffi.NativeKernel;
import dev.palimpsest.kernel.ffi.NativeStruct.Field;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Convolutions 3 × 3 of stride 1 and padding 1, and their gradients, over activations [images, channels / 16, height,
 * width, 16], float32, by Winograd's F(2 × 2, 3 × 3), which native/kernels/winograd/winograd.md defines. An object
 * belongs to one thread at a time, whose scratch it holds, and computes for any layer. Callers have checked sizes;
 * memory is off-heap.
 */
public final class Winograd implements AutoCloseable {
    /** As in palimpsest_winograd_pass. */
    enum Pass {
        WEIGHTS,
        CONVOLVE,
        GRADIENT,
        ADD
    }

    /** Channels that lie together; inputs and outputs are multiples. */
    public static final int BLOCK = 16;

    /** Values of a transformed tile, or kernel. */
    public static final int FREQUENCIES = 16;

    /** Values of a kernel. */
    public static final int TAPS = 9;

    /**
     * A convolution.
     *
     * @param images N
     * @param inputs C
     * @param outputs K
     * @param height of images and outputs
     * @param width of images and outputs
     */
    public record Geometry(int images, int inputs, int outputs, int height, int width) {
        /**
         * The convolution that gives the gradient by the images of that by the outputs.
         *
         * @return with inputs and outputs exchanged
         */
        public Geometry transposed() {
            return new Geometry(images, outputs, inputs, height, width);
        }
    }

    /** What a pass reads and writes; null where it does neither. */
    record Operands(
            Pass pass,
            boolean flipped,
            int part,
            MemorySegment x,
            @Nullable MemorySegment transformed,
            @Nullable MemorySegment gradient,
            @Nullable MemorySegment bias,
            @Nullable MemorySegment residual,
            boolean relu,
            MemorySegment out) {
        /** In the order of {@link #FIELDS}, after those of the geometry. */
        @SuppressWarnings("EnumOrdinal") // the constants stand in the order of palimpsest_winograd_pass
        long[] values(Geometry geometry) {
            return new long[] {
                geometry.images,
                geometry.inputs,
                geometry.outputs,
                geometry.height,
                geometry.width,
                pass.ordinal(),
                flipped ? 1 : 0,
                part,
                x.address(),
                address(transformed),
                address(gradient),
                address(bias),
                address(residual),
                relu ? 1 : 0,
                out.address()
            };
        }

        private static long address(@Nullable MemorySegment segment) {
            return segment == null ? 0 : segment.address();
        }
    }

    private static final List<String> FIELDS = List.of(
            "images",
            "inputs",
            "outputs",
            "height",
            "width",
            "pass",
            "flipped",
            "part",
            "x",
            "transformed",
            "gradient",
            "bias",
            "residual",
            "relu",
            "out");

    private final Arena arena = Arena.ofShared();
    /** Null for plain Java. */
    private final @Nullable NativeKernel kernel;

    private final MemorySegment args;
    private final Held held = new Held();
    /** Of {@link #FIELDS}; looking one up takes longer than setting it. None for plain Java. */
    private final List<Field> fields;

    private Arena scratchArena = Arena.ofShared();
    private long scratchBytes;

    /**
     * Convolutions of one implementation.
     *
     * @param implementation that runs on this machine
     */
    public Winograd(Implementation implementation) {
        if (implementation == Implementation.JAVA) {
            kernel = null;
            args = MemorySegment.NULL;
            fields = List.of();
        } else {
            NativeKernel own = NativeKernel.overRange("winograd", implementation.isa());
            kernel = own;
            args = own.arguments().allocate(arena);
            fields = FIELDS.stream().map(own.arguments()::field).toList();
        }
    }

    /**
     * Transforms weights.
     *
     * @param geometry images, height and width are not looked at
     * @param weights [outputs, inputs, 3, 3]; flipped [inputs, outputs, 3, 3]
     * @param flipped whether the weights are those of the {@linkplain Geometry#transposed() transposed} convolution
     * @param transformed [16, outputs / 16, inputs, 16]: overwritten
     */
    public void weights(Geometry geometry, MemorySegment weights, boolean flipped, MemorySegment transformed) {
        run(
                geometry,
                new Operands(Pass.WEIGHTS, flipped, 1, weights, null, null, null, null, false, transformed),
                geometry.outputs / BLOCK);
    }

    /**
     * The convolution of all images, with a bias and a residual added and a ReLU behind it where asked.
     *
     * @param geometry of the convolution
     * @param x images
     * @param transformed weights, as {@link #weights} gives them
     * @param bias [outputs]; null for none
     * @param residual as the outputs; null for none
     * @param relu whether the result is max(0, ·)
     * @param out outputs: overwritten; may be the residual's memory
     */
    public void convolve(
            Geometry geometry,
            MemorySegment x,
            MemorySegment transformed,
            @Nullable MemorySegment bias,
            @Nullable MemorySegment residual,
            boolean relu,
            MemorySegment out) {
        run(
                geometry,
                new Operands(Pass.CONVOLVE, false, 1, x, transformed, null, bias, residual, relu, out),
                geometry.images);
    }

    /**
     * The gradient of the weights, summed over parts of the images.
     *
     * @param geometry of the convolution
     * @param x images
     * @param gradient of the outputs
     * @param part images of a part; the last may have fewer
     * @param out [parts, 9, outputs / 16, inputs, 16]: overwritten
     */
    public void gradient(Geometry geometry, MemorySegment x, MemorySegment gradient, int part, MemorySegment out) {
        run(
                geometry,
                new Operands(Pass.GRADIENT, false, part, x, null, gradient, null, null, false, out),
                Math.ceilDiv(geometry.images, part));
    }

    /**
     * Adds a gradient to that of the weights.
     *
     * @param geometry images, height and width are not looked at
     * @param part as {@link #gradient} gives one
     * @param weights [outputs, inputs, 3, 3]: added to
     */
    public void add(Geometry geometry, MemorySegment part, MemorySegment weights) {
        run(
                geometry,
                new Operands(Pass.ADD, false, 1, part, null, null, null, null, false, weights),
                geometry.outputs / BLOCK);
    }

    private void run(Geometry geometry, Operands operands, int parts) {
        if (kernel == null) {
            JavaWinograd.run(geometry, operands, parts);
            return;
        }
        held.clear();
        held.add(operands.x);
        held.add(operands.out);
        long[] values = operands.values(geometry);
        for (int f = 0; f < values.length; f++) {
            fields.get(f).set(args, values[f]);
        }
        long bytes = kernel.scratchBytes(args);
        if (bytes > scratchBytes) {
            scratchArena.close();
            scratchArena = Arena.ofShared();
            kernel.arguments()
                    .field("scratch")
                    .set(args, scratchArena.allocate(bytes, 64).address());
            scratchBytes = bytes;
        }
        kernel.range(args, 0, parts, held);
    }

    @Override
    public void close() {
        scratchArena.close();
        arena.close();
    }
}

package dev.palimpsest.cuda.engine;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import dev.palimpsest.cuda.CudaKernel;
import dev.palimpsest.cuda.DeviceBuffer;
import dev.palimpsest.cuda.PinnedBuffer;
import dev.palimpsest.engine.Loss;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.function.DoubleSupplier;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Losses on the device: their values follow to pinned memory on their own, and the host waits for one only when it is
 * asked for.
 */
final class CudaLosses {
    /** How many are kept. */
    private static final int RING = 256;

    private final CudaQueue engine;
    private final DeviceBuffer values;
    private final PinnedBuffer arrived;
    private final CudaKernel softmax;
    private final CudaKernel sigmoid;
    private final CudaKernel mean;
    private MemorySegment labels = MemorySegment.NULL;
    private long made;

    CudaLosses(CudaQueue engine) {
        this.engine = engine;
        values = engine.device().allocate(RING * Double.BYTES);
        arrived = engine.device().pinned(RING * Double.BYTES);
        softmax = engine.device().kernel("softmax_cross_entropy");
        sigmoid = engine.device().kernel("sigmoid_cross_entropy");
        mean = engine.device().kernel("row_loss_mean");
    }

    /** A loss whose value the given work writes to the device address that it is given. */
    Loss of(Tensor gradient, LongConsumer work) {
        return new Loss(value(work), gradient);
    }

    /** The mean of float64 values on the device, added in their order. */
    DoubleSupplier mean(long rowValues, int rows) {
        return value(value -> mean.with(rowValues, rows, value).run(engine.streamContext().stream()));
    }

    /** See {@link #of}. */
    DoubleSupplier value(LongConsumer work) {
        long number = made++;
        long offset = number % RING * Double.BYTES;
        values.usedBy(engine.streamContext().stream());
        work.accept(values.address() + offset);
        engine.streamContext().stream().toHost(values.address() + offset, arrived, offset, Double.BYTES);
        long point = engine.eventRing().set();
        return () -> value(number, point);
    }

    private double value(long number, long point) {
        engine.requireOpen();
        if (made - number > RING) {
            throw new IllegalStateException(
                    "a loss was asked for after " + (made - number - 1) + " others, expected at most " + (RING - 1));
        }
        engine.eventRing().await(point);
        return arrived.segment().getAtIndex(JAVA_DOUBLE, number % RING);
    }

    Loss softmax(Tensor logits, int[] label, ClassRange classes) {
        Shape shape = logits.shape();
        return classification(
                shape,
                label,
                (labelAddress, gradient, rowLoss) -> softmax.with(
                        engine.address(logits),
                        labelAddress,
                        shape.extent(0),
                        shape.extent(1),
                        classes.begin(),
                        classes.end(),
                        gradient,
                        rowLoss));
    }

    Loss sigmoid(Tensor logits, int[] label, @Nullable Tensor last) {
        Shape shape = logits.shape();
        return classification(
                shape,
                label,
                (labelAddress, gradient, rowLoss) -> sigmoid.with(
                        engine.address(logits),
                        labelAddress,
                        last == null ? 0 : engine.address(last),
                        last == null ? 0 : last.shape().extent(1),
                        shape.extent(0),
                        shape.extent(1),
                        gradient,
                        rowLoss));
    }

    private interface Arguments {
        CudaKernel.Launch of(long label, long gradient, long rowLoss);
    }

    private Loss classification(Shape shape, int[] label, Arguments arguments) {
        int rows = shape.extent(0);
        Tensor gradient = engine.allocate(shape);
        try (DeviceBuffer labelMemory = engine.take((long) rows * Integer.BYTES);
                DeviceBuffer rowLoss = engine.take((long) rows * Double.BYTES)) {
            engine.staging().upload(ints(label), engine.streamContext().stream(), labelMemory.address());
            return of(gradient, value -> {
                arguments
                        .of(labelMemory.address(), engine.address(gradient), rowLoss.address())
                        .run(engine.streamContext().stream());
                mean.with(rowLoss.address(), rows, value).run(engine.streamContext().stream());
            });
        }
    }

    /** The labels off-heap, in memory that is used again. */
    private MemorySegment ints(int[] label) {
        long bytes = (long) label.length * Integer.BYTES;
        if (labels.byteSize() < bytes) {
            labels = Arena.ofAuto().allocate(bytes, Long.BYTES);
        }
        MemorySegment.copy(label, 0, labels, JAVA_INT, 0, label.length);
        return labels.asSlice(0, bytes);
    }
}

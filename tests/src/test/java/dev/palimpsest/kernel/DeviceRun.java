package dev.palimpsest.kernel;

import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_SHORT;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.cuda.CudaDevice;
import dev.palimpsest.cuda.CudaFeatureMse;
import dev.palimpsest.cuda.CudaMultiTeacherKl;
import dev.palimpsest.cuda.CudaSnapshotReconstruction;
import dev.palimpsest.cuda.CudaStream;
import dev.palimpsest.cuda.DeviceBuffer;
import dev.palimpsest.cuda.DeviceMatrix;
import dev.palimpsest.cuda.DeviceMatrix.ElementType;
import dev.palimpsest.cuda.TestDevice;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/** Takes the kernels' inputs to a device and the results back, rows apart by a gap whose content must stay. */
final class DeviceRun implements AutoCloseable {
    private static final byte FILLER = 0x7b;

    final CudaDevice device = TestDevice.open();
    private final CudaStream stream = device.compute();
    private final Arena arena = Arena.ofShared();
    private final List<DeviceBuffer> buffers = new ArrayList<>();

    /** Rows with a gap behind each, on the device. */
    record Rows(DeviceBuffer memory, int rows, int columns, int gap) {
        DeviceMatrix matrix() {
            return new DeviceMatrix(memory.address(), columns + gap);
        }
    }

    Rows rows(float[] dense, int rows, int columns, int gap, ElementType type) {
        int size = type.bytes();
        MemorySegment host = arena.allocate(Math.max(1, (long) rows * (columns + gap) * size), 64)
                .fill(FILLER);
        for (int i = 0; dense != null && i < dense.length; i++) {
            long at = (long) (i / columns) * (columns + gap) + i % columns;
            switch (type) {
                case FLOAT32 -> host.setAtIndex(JAVA_FLOAT, at, dense[i]);
                case BFLOAT16 -> host.setAtIndex(JAVA_SHORT, at, (short) (Float.floatToRawIntBits(dense[i]) >>> 16));
                case FLOAT16 -> host.setAtIndex(JAVA_SHORT, at, Float.floatToFloat16(dense[i]));
            }
        }
        return new Rows(upload(host), rows, columns, gap);
    }

    /** What the value is after its way through the type. */
    static float through(ElementType type, float value) {
        return switch (type) {
            case FLOAT32 -> value;
            case BFLOAT16 -> Float.intBitsToFloat(Float.floatToRawIntBits(value) & 0xffff0000);
            case FLOAT16 -> Float.float16ToFloat(Float.floatToFloat16(value));
        };
    }

    DeviceBuffer upload(MemorySegment host) {
        DeviceBuffer buffer = allocate(host.byteSize());
        stream.toDevice(host, buffer.address());
        return buffer;
    }

    DeviceBuffer allocate(long bytes) {
        DeviceBuffer buffer = device.allocate(bytes);
        buffers.add(buffer);
        return buffer;
    }

    /** Without the gaps, which must be as they were. */
    float[] download(Rows rows) {
        MemorySegment host = arena.allocate((long) rows.rows * (rows.columns + rows.gap) * Float.BYTES, 64);
        stream.toHost(rows.memory.address(), host);
        float[] dense = new float[rows.rows * rows.columns];
        for (int i = 0; i < rows.rows * (rows.columns + rows.gap); i++) {
            int column = i % (rows.columns + rows.gap);
            if (column < rows.columns) {
                dense[i / (rows.columns + rows.gap) * rows.columns + column] = host.getAtIndex(JAVA_FLOAT, i);
            } else {
                assertEquals(FILLER, host.get(JAVA_BYTE, 4L * i), "between rows");
            }
        }
        return dense;
    }

    double download(DeviceBuffer loss) {
        MemorySegment host = arena.allocate(8, 8);
        stream.toHost(loss.address(), host);
        return host.get(JAVA_DOUBLE, 0);
    }

    KlCase.Result kl(KlCase input, ElementType type, int gap) {
        Rows student = rows(input.student(), input.rows(), input.classes(), gap, ElementType.FLOAT32);
        Rows gradient = rows(null, input.rows(), input.classes(), gap, ElementType.FLOAT32);
        Rows weight = rows(input.weight(), input.rows(), input.ranges().size(), gap, ElementType.FLOAT32);
        DeviceMatrix[] teachers = new DeviceMatrix[input.ranges().size()];
        for (int k = 0; k < teachers.length; k++) {
            teachers[k] = rows(
                            input.teachers()[k],
                            input.rows(),
                            input.ranges().get(k).size(),
                            gap,
                            type)
                    .matrix();
        }
        DeviceBuffer loss = allocate(8);
        try (CudaMultiTeacherKl kernel =
                new CudaMultiTeacherKl(device, stream, input.rows(), input.classes(), input.ranges(), type)) {
            kernel.lossAndGradient(
                    input.rows(),
                    input.temperature(),
                    student.matrix(),
                    teachers,
                    weight.matrix(),
                    gradient.matrix(),
                    loss.address());
        }
        KlCase.Result result = new KlCase.Result(download(loss), download(gradient));
        release();
        return result;
    }

    KlCase.Result mse(int rows, int dims, float[] values, float[][] given, float[] weights, ElementType type, int gap) {
        Rows student = rows(values, rows, dims, gap, ElementType.FLOAT32);
        Rows gradient = rows(null, rows, dims, gap, ElementType.FLOAT32);
        Rows weight = rows(weights, rows, given.length, gap, ElementType.FLOAT32);
        DeviceMatrix[] teachers = new DeviceMatrix[given.length];
        for (int k = 0; k < teachers.length; k++) {
            teachers[k] = rows(given[k], rows, dims, gap, type).matrix();
        }
        DeviceBuffer loss = allocate(8);
        try (CudaFeatureMse kernel = new CudaFeatureMse(device, stream, rows, dims, given.length, type)) {
            kernel.lossAndGradient(
                    rows, student.matrix(), teachers, weight.matrix(), gradient.matrix(), loss.address());
        }
        KlCase.Result result = new KlCase.Result(download(loss), download(gradient));
        release();
        return result;
    }

    /** @param scale null for none */
    float[] snapshot(float[] weights, byte[] owners, int planes, int step, float[] scale, int weightsPerChannel) {
        MemorySegment packed = arena.allocate(SnapshotReconstruction.planeBytes(owners.length, planes), 8);
        SnapshotReconstruction.pack(owners, planes, packed);
        Rows in = rows(weights, 1, weights.length, 0, ElementType.FLOAT32);
        Rows out = rows(null, 1, weights.length, 0, ElementType.FLOAT32);
        long factors = scale == null
                ? 0
                : rows(scale, 1, scale.length, 0, ElementType.FLOAT32).memory().address();
        new CudaSnapshotReconstruction(device, stream)
                .apply(
                        weights.length,
                        in.memory().address(),
                        upload(packed).address(),
                        planes,
                        step,
                        factors,
                        weightsPerChannel,
                        out.memory().address());
        float[] result = download(out);
        release();
        return result;
    }

    private void release() {
        buffers.forEach(DeviceBuffer::close);
        buffers.clear();
        assertEquals(0, device.memory().usedBytes(), "bytes in use after everything was given back");
    }

    @Override
    public void close() {
        device.close();
        arena.close();
        TestDevice.assertNothingIsLeft();
    }
}

package dev.palimpsest.cuda;

import dev.palimpsest.cuda.DeviceMatrix.ElementType;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.kernel.ffi.NativeStruct.Field;
import java.util.List;

/**
 * {@link dev.palimpsest.kernel.MultiTeacherKl} on a device, with the same bits. A call queues work on its stream and
 * returns: the host waits for nothing, and nothing is allocated. A CUDA graph can capture a call of an instance that
 * is used for nothing else afterwards, since the addresses of the teachers are kept in the instance. Not thread-safe.
 */
public final class CudaMultiTeacherKl extends CudaRowKernel {
    private static final String[] VARIANTS = {"narrow", "wide", "streaming"};

    private final long[] sizes; // that the plan depends on
    private final Field temperature;

    /**
     * Prepares the kernel on a device.
     *
     * @param device that computes
     * @param stream that all calls queue their work on
     * @param maxRows the most rows a call will have
     * @param classes columns of student and gradient
     * @param ranges the classes of each teacher, within [0, classes); may be empty
     * @param type of the teachers' logits
     * @throws IllegalArgumentException if a size is not positive or a range lies outside the classes
     * @throws CudaException if memory or kernels are not to be had
     */
    public CudaMultiTeacherKl(
            CudaDevice device, CudaStream stream, int maxRows, int classes, List<ClassRange> ranges, ElementType type) {
        super(
                device,
                stream,
                "multi_teacher_kl",
                5,
                VARIANTS,
                checked(maxRows, classes, ranges),
                classes,
                ranges.stream().mapToInt(ClassRange::size).toArray(),
                type);
        long widest = ranges.stream().mapToInt(ClassRange::size).max().orElse(0);
        sizes = new long[] {0, classes, widest, ranges.size(), sharedLimit()};
        this.temperature = field("temperature");
        set("classes", classes);
        set("class_begin", tableAddress(2));
        set("class_end", tableAddress(3));
        try {
            writeTable(2, ranges.stream().mapToInt(ClassRange::begin).toArray());
            writeTable(3, ranges.stream().mapToInt(ClassRange::end).toArray());
        } catch (CudaException e) {
            close();
            throw e;
        }
    }

    private static int checked(int maxRows, int classes, List<ClassRange> ranges) {
        if (maxRows < 1 || classes < 1) {
            throw new IllegalArgumentException(
                    "maxRows " + maxRows + " and classes " + classes + ": expected at least 1 of each");
        }
        for (int k = 0; k < ranges.size(); k++) {
            ClassRange range = ranges.get(k);
            if (range == null) {
                throw new NullPointerException("range " + k + " is null: expected a teacher's classes");
            }
            if (range.end() > classes) {
                throw new IllegalArgumentException(
                        "a teacher's classes " + range + " lie outside the student's [0, " + classes + ")");
            }
        }
        return maxRows;
    }

    /**
     * Queues the loss and its gradient.
     *
     * @param rows B, 1 to maxRows
     * @param temperature T, finite and above 0
     * @param student logits [B, classes], float32
     * @param teachers logits [B, size of its range] of each teacher
     * @param weight w [B, teachers], float32
     * @param gradient [B, classes], float32, overwritten; must not overlap the inputs
     * @param loss device address of a float64 that gets the loss
     * @throws IllegalArgumentException if rows, a stride or an alignment is wrong
     * @throws CudaException if a launch is refused
     */
    public void lossAndGradient(
            int rows,
            float temperature,
            DeviceMatrix student,
            DeviceMatrix[] teachers,
            DeviceMatrix weight,
            DeviceMatrix gradient,
            long loss) {
        if (!(temperature > 0 && temperature < Float.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("temperature " + temperature + ": expected a finite value above 0");
        }
        this.temperature.setDouble(args(), temperature);
        queue(rows, student, teachers, weight, gradient, loss);
    }

    @Override
    boolean plan(int rows, LaunchPlan into) {
        sizes[0] = rows;
        return into.make(sizes);
    }
}

package dev.palimpsest.cuda;

import dev.palimpsest.cuda.DeviceMatrix.ElementType;
import java.util.Arrays;

/**
 * {@link dev.palimpsest.kernel.FeatureMse} on a device, with the same bits. A call queues work on its stream and
 * returns: the host waits for nothing, and nothing is allocated. For CUDA graphs see {@link CudaMultiTeacherKl}. Not
 * thread-safe.
 */
public final class CudaFeatureMse extends CudaRowKernel {
    private static final String[] VARIANTS = {"narrow", "wide"};

    private final long[] sizes; // that the plan depends on

    /**
     * Prepares the kernel on a device.
     *
     * @param device that computes
     * @param stream that all calls queue their work on
     * @param maxRows the most rows a call will have
     * @param dims features of a row
     * @param teachers how many; may be 0
     * @param type of the teachers' features
     * @throws IllegalArgumentException if a size is out of range
     * @throws CudaException if memory or kernels are not to be had
     */
    public CudaFeatureMse(CudaDevice device, CudaStream stream, int maxRows, int dims, int teachers, ElementType type) {
        super(device, stream, "feature_mse", 4, VARIANTS, maxRows, dims, columns(maxRows, dims, teachers), type);
        sizes = new long[] {0, dims, teachers, sharedLimit()};
        set("dims", dims);
    }

    private static int[] columns(int maxRows, int dims, int teachers) {
        if (maxRows < 1 || dims < 1 || teachers < 0) {
            throw new IllegalArgumentException("maxRows " + maxRows + ", dims " + dims + ", teachers " + teachers
                    + ": expected at least 1, 1 and 0");
        }
        int[] columns = new int[teachers];
        Arrays.fill(columns, dims);
        return columns;
    }

    /**
     * Queues the loss and its gradient.
     *
     * @param rows B, 1 to maxRows
     * @param student features [B, dims], float32
     * @param teachers features [B, dims] of each teacher
     * @param weight w [B, teachers], float32
     * @param gradient [B, dims], float32, overwritten; must not overlap the inputs
     * @param loss device address of a float64 that gets the loss
     * @throws IllegalArgumentException if rows, a stride or an alignment is wrong
     * @throws CudaException if a launch is refused
     */
    public void lossAndGradient(
            int rows,
            DeviceMatrix student,
            DeviceMatrix[] teachers,
            DeviceMatrix weight,
            DeviceMatrix gradient,
            long loss) {
        queue(rows, student, teachers, weight, gradient, loss);
    }

    @Override
    boolean plan(int rows, LaunchPlan into) {
        sizes[0] = rows;
        return into.make(sizes);
    }
}

package dev.palimpsest.cuda.engine;

import dev.palimpsest.cuda.CudaArguments;
import dev.palimpsest.cuda.CudaDevice;
import dev.palimpsest.cuda.CudaKernel;
import dev.palimpsest.cuda.CudaStream;
import java.util.Arrays;

/** A kernel of ours with its arguments, none of which is larger than 8 bytes. */
final class CudaLaunch {
    private final CudaKernel kernel;
    private final CudaArguments arguments;
    private int next;

    /** @param source the stem of its .cu file */
    CudaLaunch(CudaDevice device, String source, String name, int arguments) {
        kernel = device.kernel(source, "palimpsest_cuda_" + name);
        int[] sizes = new int[arguments];
        Arrays.fill(sizes, Long.BYTES);
        this.arguments = new CudaArguments(sizes);
    }

    /** The next argument: a device address or an int64. */
    CudaLaunch with(long value) {
        arguments.set(next++, value);
        return this;
    }

    CudaLaunch withInt(int value) {
        arguments.set(next++, value);
        return this;
    }

    CudaLaunch withFloat(float value) {
        arguments.set(next++, value);
        return this;
    }

    CudaLaunch withDouble(double value) {
        arguments.set(next++, value);
        return this;
    }

    void run(CudaStream stream, long blocks, int threads, int sharedBytes) {
        next = 0;
        kernel.launch(stream, Math.toIntExact(blocks), threads, sharedBytes, arguments);
    }
}

package dev.palimpsest.cuda;

import java.util.Locale;

/**
 * A GPU that the driver shows.
 *
 * @param index as in {@code cuda:1}; CUDA_VISIBLE_DEVICES decides which devices are counted
 * @param name as its maker calls it
 * @param major of its compute capability: 9 for 9.0, which code for sm_90 runs on
 * @param sharedBytes what a block may take of shared memory at most
 * @param multiprocessors how many
 * @param memoryBytes all its memory
 * @param minor second number of the compute capability
 */
public record CudaDeviceInfo(
        int index, String name, int major, int minor, int sharedBytes, int multiprocessors, long memoryBytes) {
    /** One line for {@code doctor}. */
    @Override
    public String toString() {
        return String.format(
                Locale.ROOT,
                "cuda:%d %s, compute capability %d.%d, %d multiprocessors, %s",
                index,
                name,
                major,
                minor,
                multiprocessors,
                DeviceMemory.size(memoryBytes));
    }
}

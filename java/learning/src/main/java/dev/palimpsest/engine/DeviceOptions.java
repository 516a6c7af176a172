package dev.palimpsest.engine;

import dev.palimpsest.kernel.threads.Team;

/**
 * What a user may say about where and how layers are computed.
 *
 * @param device where
 * @param threads of the processor, 1 to {@link #MOST_THREADS}
 * @param tf32 convolutions and products may round their inputs to TF32 on the tensor cores: faster, with 10 bits of
 *     mantissa
 * @param deterministic only algorithms whose sums come in a fixed order, and no choice by timing, so that runs repeat
 *     bit for bit
 * @param memoryMebibytes the most device memory to take, in MiB; 0 for all there is
 */
public record DeviceOptions(Device device, int threads, boolean tf32, boolean deterministic, int memoryMebibytes) {
    /** The most threads of the processor. */
    public static final int MOST_THREADS = Team.MOST_THREADS;

    /**
     * An engine by the name of its provider, and which of its devices; see {@link Engines#device}.
     *
     * @param name of a provider, or {@code auto}
     * @param index counted from 0
     */
    public record Device(String name, int index) {
        /** The first engine that works, in the order of {@link EngineProvider#preference}. */
        public static final Device AUTO = new Device("auto", 0);

        /** The processor. */
        public static final Device CPU = new Device("cpu", 0);

        /**
         * Checks the values.
         *
         * @throws IllegalArgumentException if the name has other characters than lower-case letters, digits and
         *     hyphens, or the index is negative
         */
        public Device {
            if (!name.matches("[a-z][a-z0-9-]*") || index < 0) {
                throw new IllegalArgumentException("device " + name + ":" + index
                        + ": expected a name of lower-case letters, digits and hyphens, and an index of at least 0");
            }
        }

        @Override
        public String toString() {
            return index == 0 ? name : name + ":" + index;
        }
    }

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException if the threads are out of range or the memory is negative
     */
    public DeviceOptions {
        if (threads < 1 || threads > MOST_THREADS) {
            throw new IllegalArgumentException("an engine of " + threads + " threads: expected 1 to " + MOST_THREADS);
        }
        if (memoryMebibytes < 0) {
            throw new IllegalArgumentException(
                    "GPU memory " + memoryMebibytes + " MiB: expected at least 1, or 0 for all there is");
        }
    }

    /**
     * Full float32, any algorithm, all the memory there is.
     *
     * @param device where
     * @param threads of the processor, 1 to {@link #MOST_THREADS}
     * @return the options
     */
    public static DeviceOptions of(Device device, int threads) {
        return new DeviceOptions(device, threads, false, false, 0);
    }

    /**
     * The same with another number of threads.
     *
     * @param threads of the processor, 1 to {@link #MOST_THREADS}
     * @return new options
     */
    public DeviceOptions withThreads(int threads) {
        return new DeviceOptions(device, threads, tf32, deterministic, memoryMebibytes);
    }
}

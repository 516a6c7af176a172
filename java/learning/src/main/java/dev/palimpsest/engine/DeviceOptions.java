package dev.palimpsest.engine;

/**
 * What a user may say about where and how layers are computed.
 *
 * @param device where
 * @param tf32 convolutions and products may round their inputs to TF32 on the tensor cores: faster, with 10 bits of
 *     mantissa
 * @param deterministic only algorithms whose sums come in a fixed order, and no choice by timing, so that runs repeat
 *     bit for bit
 * @param memoryMebibytes the most GPU memory to take, in MiB; 0 for all there is
 */
public record DeviceOptions(Device device, boolean tf32, boolean deterministic, int memoryMebibytes) {
    /** {@code auto}, {@code cpu}, {@code cuda} or {@code cuda:N}. */
    public record Device(Kind kind, int index) {
        /** AUTO takes the first GPU that works, or else the CPU. */
        public enum Kind {
            AUTO,
            CPU,
            CUDA
        }

        /** @throws IllegalArgumentException with a sentence, if it is none of the four */
        public static Device parse(String text) {
            if (text.equals("auto")) {
                return new Device(Kind.AUTO, 0);
            }
            if (text.equals("cpu")) {
                return new Device(Kind.CPU, 0);
            }
            if (text.matches("cuda(:\\d{1,4})?")) {
                return new Device(Kind.CUDA, text.length() > 5 ? Integer.parseInt(text.substring(5)) : 0);
            }
            throw new IllegalArgumentException("device = " + text + ": expected auto, cpu, cuda or cuda:N");
        }

        @Override
        public String toString() {
            return switch (kind) {
                case AUTO -> "auto";
                case CPU -> "cpu";
                case CUDA -> "cuda:" + index;
            };
        }
    }

    public static final DeviceOptions CPU = of(new Device(Device.Kind.CPU, 0));

    /** Full float32, any algorithm, all the memory there is. */
    public static DeviceOptions of(Device device) {
        return new DeviceOptions(device, false, false, 0);
    }

    /** @throws IllegalArgumentException if the memory is negative */
    public DeviceOptions {
        if (memoryMebibytes < 0) {
            throw new IllegalArgumentException(
                    "GPU memory " + memoryMebibytes + " MiB: expected at least 1, or 0 for all there is");
        }
    }
}

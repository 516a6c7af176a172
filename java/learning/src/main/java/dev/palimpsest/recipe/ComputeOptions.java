package dev.palimpsest.recipe;

import java.util.List;

/**
 * Where and how layers are computed. Results repeat bit for bit on the same device; between devices they differ by
 * rounding.
 *
 * @param device auto, cpu, cuda or cuda:N
 * @param tf32 whether a GPU may round to TF32
 * @param deterministic whether a GPU takes only algorithms that repeat
 * @param gpuMemory the most to take, in MiB; 0 for all there is
 */
public record ComputeOptions(String device, boolean tf32, boolean deterministic, int gpuMemory) {
    static final Option<String> DEVICE = new Option<>(
            "device",
            "auto|cpu|cuda|cuda:N",
            "cpu",
            "What computes: the processor, a GPU, or auto: a GPU if one works.",
            text -> text,
            r -> r.compute().device());
    static final Option<Boolean> TF32 = Option.flag(
            "tf32",
            false,
            "A GPU may round to TF32 on its tensor cores: faster, less precise.",
            r -> r.compute().tf32());
    static final Option<Boolean> DETERMINISTIC = Option.flag(
            "deterministic",
            false,
            "A GPU takes only algorithms that repeat bit for bit.",
            r -> r.compute().deterministic());
    static final Option<Integer> GPU_MEMORY = Option.integer(
            "gpu-memory",
            0,
            "The most GPU memory to take, in MiB; 0: all there is.",
            r -> r.compute().gpuMemory());

    static final List<Option<?>> ALL = List.of(DEVICE, TF32, DETERMINISTIC, GPU_MEMORY);

    /** @throws IllegalArgumentException with a sentence, for a value that cannot be */
    public ComputeOptions {
        Check.that(
                device.matches("[a-z][a-z0-9-]*(:\\d{1,4})?"),
                "device",
                device,
                "auto, or an engine's name like cpu, cuda or cuda:1");
        Check.atLeast("gpu-memory", gpuMemory, 0);
    }

    static ComputeOptions of(Values values) {
        return new ComputeOptions(
                values.get(DEVICE), values.get(TF32), values.get(DETERMINISTIC), values.get(GPU_MEMORY));
    }
}

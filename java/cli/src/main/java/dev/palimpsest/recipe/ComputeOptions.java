package dev.palimpsest.recipe;

import dev.palimpsest.engine.DeviceOptions;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.option.Check;
import dev.palimpsest.option.Option;
import dev.palimpsest.option.OptionGroup;
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
    private static final Option<ComputeOptions, String> DEVICE = new Option<>(
            "device",
            "auto|cpu|cuda|cuda:N",
            "cpu",
            "What computes: the processor, a GPU, or auto: a GPU if one works.",
            text -> text,
            ComputeOptions::device);
    private static final Option<ComputeOptions, Boolean> TF32 = Option.flag(
            "tf32", false, "A GPU may round to TF32 on its tensor cores: faster, less precise.", ComputeOptions::tf32);
    private static final Option<ComputeOptions, Boolean> DETERMINISTIC = Option.flag(
            "deterministic",
            false,
            "A GPU takes only algorithms that repeat bit for bit.",
            ComputeOptions::deterministic);
    private static final Option<ComputeOptions, Integer> GPU_MEMORY = Option.integer(
            "gpu-memory", 0, "The most GPU memory to take, in MiB; 0: all there is.", ComputeOptions::gpuMemory);

    /** Texts to values and back. */
    public static final OptionGroup<ComputeOptions> GROUP = new OptionGroup<>(
            List.of(DEVICE, TF32, DETERMINISTIC, GPU_MEMORY),
            values -> new ComputeOptions(
                    values.get(DEVICE), values.get(TF32), values.get(DETERMINISTIC), values.get(GPU_MEMORY)));

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException with a sentence, for a value that cannot be
     */
    public ComputeOptions {
        Check.that(
                device.matches("[a-z][a-z0-9-]*(:\\d{1,4})?"),
                "device",
                device,
                "auto, or an engine's name like cpu, cuda or cuda:1");
        Check.atLeast("gpu-memory", gpuMemory, 0);
    }

    /**
     * As engines take it.
     *
     * @param threads of the processor
     * @return the device and how it computes
     * @throws IllegalArgumentException with a sentence, if there is no such engine
     */
    public DeviceOptions engine(int threads) {
        return new DeviceOptions(Engines.device(device), threads, tf32, deterministic, gpuMemory);
    }
}

package dev.palimpsest.engine;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cuda.TestDevice;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Function;
import java.util.function.LongFunction;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * From the same gradients the device's optimisers give the bits of the host's, as
 * native/kernels/optimiser/optimiser.md says.
 */
@Tag("device")
class CudaOptimisationTest {
    private static final int STEPS = 4;

    private static List<Parameter> parameters(Arena arena) {
        SplittableRandom random = new SplittableRandom(3);
        List<Parameter> all = new ArrayList<>();
        for (int size : new int[] {1, 100, 1024, 2600}) {
            Parameter parameter = new Parameter("p" + size, Parameter.Role.WEIGHT, Shape.of(size), arena);
            parameter.set(normal(random, size));
            all.add(parameter);
        }
        return all;
    }

    private static float[] normal(SplittableRandom random, int size) {
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    /** All weights after some steps, as bits. */
    private static int[] train(Engine engine, LongFunction<Update> rule) {
        try (Arena arena = Arena.ofShared()) {
            List<Parameter> parameters = parameters(arena);
            byte[] mask = new byte[2600];
            for (int i = 0; i < mask.length; i++) {
                mask[i] = (byte) (i % 3 == 0 ? 1 : 0);
            }
            Function<Parameter, byte[]> trainable = parameter -> parameter.size() == mask.length ? mask : null;
            SplittableRandom random = new SplittableRandom(4);
            try (Optimisation optimisation = engine.optimisation(
                            parameters, trainable, rule.apply(1).states())
                    .orElseGet(() -> new HostOptimisation(parameters, trainable))) {
                for (int step = 1; step <= STEPS; step++) {
                    for (Parameter parameter : parameters) {
                        parameter.gradient().copyFrom(MemorySegment.ofArray(normal(random, parameter.size())));
                    }
                    optimisation.step(rule.apply(step));
                }
            }
            return parameters.stream()
                    .flatMapToInt(
                            parameter -> Arrays.stream(bits(parameter.value().toArray(JAVA_FLOAT))))
                    .toArray();
        }
    }

    private static int[] bits(float[] values) {
        int[] bits = new int[values.length];
        Arrays.setAll(bits, i -> Float.floatToRawIntBits(values[i]));
        return bits;
    }

    private static void requireSameBits(LongFunction<Update> rule) {
        int[] expected;
        try (Engine cpu = Engines.cpu(1)) {
            expected = train(cpu, rule);
        }
        try (Engine device = DeviceEngine.open()) {
            assertArrayEquals(expected, train(device, rule));
        }
        TestDevice.assertNothingIsLeft();
        assertTrue(Arrays.stream(expected).distinct().count() > 3000, "the weights are all sorts of numbers");
    }

    @Test
    void stochasticGradientDescent() {
        requireSameBits(step -> new Update.Sgd(0.05 / step, 0, false, 1e-3));
        requireSameBits(step -> new Update.Sgd(0.05 / step, 0.9, false, 1e-3));
        requireSameBits(step -> new Update.Sgd(0.05 / step, 0.9, true, 0));
    }

    @Test
    void adam() {
        requireSameBits(step -> new Update.Adam(1e-2, step, 0.9, 0.999, 1e-8, 1e-3));
    }
}

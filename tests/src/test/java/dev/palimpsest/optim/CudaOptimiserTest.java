package dev.palimpsest.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cuda.TestDevice;
import dev.palimpsest.engine.DeviceEngine;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.tensor.Parameter;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

@Tag("device")
class CudaOptimiserTest extends OptimiserTest {
    @Override
    Engine open() {
        return DeviceEngine.open();
    }

    @Override
    @AfterEach
    void close() {
        super.close();
        TestDevice.assertNothingIsLeft();
    }

    /** All weights after some steps, as bits. */
    private int[] train(Optimiser optimiser, String suffix) {
        Random random = new Random(3);
        List<Parameter> parameters = new ArrayList<>();
        for (int size : new int[] {1, 100, 1024, 2600}) {
            parameters.add(parameter("p" + size + suffix, random, size));
        }
        byte[] mask = new byte[2600];
        for (int i = 0; i < mask.length; i += 3) {
            mask[i] = 1;
        }
        optimiser.track(parameters);
        for (int step = 1; step <= 6; step++) {
            if (step % 2 == 0) {
                mask[step] ^= 1;
                optimiser.masks(parameter -> parameter.size() == mask.length ? mask : null);
            }
            for (Parameter parameter : parameters) {
                gradient(parameter, gaussian(random, parameter.size()));
            }
            optimiser.step(0.05 / step);
        }
        return parameters.stream()
                .flatMapToInt(parameter -> Arrays.stream(bits(parameter)))
                .toArray();
    }

    /** As native/kernels/optimiser/optimiser.md says. */
    @ParameterizedTest
    @MethodSource("rules")
    void sameGradientsGiveTheBitsOfTheHostsLoops(UpdateRule rule) {
        int[] expected = train(new Optimiser(Optimiser.Loops.onHost(rule)), "");
        assertArrayEquals(expected, train(optimiser(rule), " on the device"));
        assertTrue(Arrays.stream(expected).distinct().count() > 3000, "the weights are all sorts of numbers");
    }
}

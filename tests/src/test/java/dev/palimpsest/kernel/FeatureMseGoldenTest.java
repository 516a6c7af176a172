package dev.palimpsest.kernel;

import dev.palimpsest.Golden;
import dev.palimpsest.tensor.Safetensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class FeatureMseGoldenTest {
    static Stream<Path> cases() {
        return Golden.cases("feature_mse");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void lossAndGradientMatch(Path file) throws IOException {
        Safetensors golden = Safetensors.read(file);
        int rows = golden.shape("student").extent(0);
        int dims = golden.shape("student").extent(1);
        int count = golden.shape("teachers").extent(0);
        float[] all = golden.floats("teachers");
        float[][] teachers = new float[count][];
        Arrays.setAll(teachers, k -> Arrays.copyOfRange(all, k * rows * dims, (k + 1) * rows * dims));
        for (Variant variant : Variant.all()) {
            float[] gradient = new float[rows * dims];
            Arrays.fill(gradient, Float.NaN);
            try (FeatureMse kernel = new FeatureMse(rows, dims, count, variant.threads(), variant.implementation())) {
                double loss = kernel.lossAndGradient(
                        rows, golden.floats("student"), teachers, golden.floats("weight"), gradient);
                Within.loss(golden.doubles("loss")[0], loss, 1e-6, variant.toString());
                Within.gradient(golden.doubles("grad"), gradient, 1e-6, variant.toString());
            }
        }
    }
}

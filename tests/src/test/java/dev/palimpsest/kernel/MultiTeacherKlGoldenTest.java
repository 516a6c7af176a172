package dev.palimpsest.kernel;

import dev.palimpsest.Golden;
import dev.palimpsest.tensor.Safetensors;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class MultiTeacherKlGoldenTest {
    static Stream<Path> cases() {
        return Golden.cases("multi_teacher_kl");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void lossAndGradientMatch(Path file) throws IOException {
        Safetensors golden = Safetensors.read(file);
        int rows = golden.shape("student").extent(0);
        int classes = golden.shape("student").extent(1);
        float temperature = Float.parseFloat(golden.metadata().get("temperature"));
        int[] begin = golden.ints("class_begin");
        int[] end = golden.ints("class_end");
        List<ClassRange> ranges = new ArrayList<>();
        float[][] teachers = new float[begin.length][];
        for (int k = 0; k < begin.length; k++) {
            ranges.add(new ClassRange(begin[k], end[k]));
            teachers[k] = golden.floats("teacher." + k);
        }
        for (Variant variant : Variant.all()) {
            float[] gradient = new float[rows * classes];
            Arrays.fill(gradient, Float.NaN);
            try (MultiTeacherKl kernel =
                    new MultiTeacherKl(rows, classes, ranges, variant.threads(), variant.implementation())) {
                double loss = kernel.lossAndGradient(
                        rows, temperature, golden.floats("student"), teachers, golden.floats("weight"), gradient);
                Within.loss(golden.doubles("loss")[0], loss, 1e-6, variant.toString());
                Within.gradient(golden.doubles("grad"), gradient, 1e-6, variant.toString());
            }
        }
    }
}

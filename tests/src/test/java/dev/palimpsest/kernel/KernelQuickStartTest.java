package dev.palimpsest.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.tensor.ClassRange;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The README's ten lines about the kernels alone. */
class KernelQuickStartTest {
    @Test
    void tenLines() {
        float[] student = {2, 1, 0, 0, /**/ 0, 3, 1, 2};                       // 2 rows × 4 classes
        float[][] teachers = {{1, 2, /**/ 0, 3}, {1, 1, 0, 0, /**/ 1, 2, 0, 2}}; // one knows classes 0 and 1, the other all four
        float[] weight = {1, 0.5f, /**/ 1, 0.5f};                               // 2 rows × 2 teachers
        float[] gradient = new float[8];
        var classes = List.of(new ClassRange(0, 2), new ClassRange(0, 4));
        try (var kl = new MultiTeacherKl(2, 4, classes, 1)) {
            double loss = kl.lossAndGradient(2, 2f, student, teachers, weight, gradient);
            System.out.printf("loss %.4f nats, gradient of the first logit %.4f, by the %s kernels%n", loss, gradient[0], Kernels.chosen());

            assertEquals(reference(), loss, 1e-6);
            assertArrayEquals(new float[] {0, 0}, new float[] {sum(gradient, 0), sum(gradient, 4)}, 1e-6f);
        }
    }

    /** By hand, in float64: 4·KL at temperature 2, mean over the two rows. */
    private static double reference() {
        double first = 4 * kl(new double[] {1, 2}, new double[] {2, 1}) + 2 * kl(new double[] {1, 1, 0, 0}, new double[] {2, 1, 0, 0});
        double second = 4 * kl(new double[] {0, 3}, new double[] {0, 3}) + 2 * kl(new double[] {1, 2, 0, 2}, new double[] {0, 3, 1, 2});
        return (first + second) / 2;
    }

    private static double kl(double[] teacher, double[] student) {
        double divergence = 0;
        for (int c = 0; c < teacher.length; c++) {
            divergence += softmax(teacher, c) * Math.log(softmax(teacher, c) / softmax(student, c));
        }
        return divergence;
    }

    private static double softmax(double[] logits, int c) {
        double sum = 0;
        for (double logit : logits) {
            sum += Math.exp(logit / 2);
        }
        return Math.exp(logits[c] / 2) / sum;
    }

    private static float sum(float[] values, int begin) {
        return values[begin] + values[begin + 1] + values[begin + 2] + values[begin + 3];
    }
}

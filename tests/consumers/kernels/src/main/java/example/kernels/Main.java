package example.kernels;

import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.kernel.MultiTeacherKl;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Distils three logits from two teachers, with what is on the module path: this program and two jars. */
public final class Main {
    private static final long MOST_BYTES = 1_500_000;

    private Main() {}

    /** Prints the loss; fails if it is not the formula's, or more jars were needed. */
    public static void main(String[] arguments) throws IOException {
        float[] student = {0.5f, 1.0f, -0.5f};
        float[][] teachers = {{2.0f, 0.1f, -1.0f}, {0.3f, 0.7f}};
        float[] weight = {0.5f, 0.5f};
        float[] gradient = new float[3];
        List<ClassRange> ranges = List.of(new ClassRange(0, 3), new ClassRange(1, 3));
        double loss;
        try (MultiTeacherKl kl = new MultiTeacherKl(1, 3, ranges, 1)) {
            loss = kl.lossAndGradient(1, 2.0f, student, teachers, weight, gradient);
        }
        double expected = 0.5 * divergence(new double[] {2.0, 0.1, -1.0}, new double[] {0.5, 1.0, -0.5})
                + 0.5 * divergence(new double[] {0.3, 0.7}, new double[] {1.0, -0.5});
        if (!(Math.abs(loss - expected) < 1e-6 * expected)) {
            throw new AssertionError("the loss is " + loss + ", by the formula " + expected);
        }
        String[] path = System.getProperty("jdk.module.path").split(File.pathSeparator);
        if (path.length != 3) {
            throw new AssertionError("expected this program and two jars, found " + List.of(path));
        }
        long bytes = 0;
        for (String entry : path) {
            Path jar = Path.of(entry);
            bytes += Files.isRegularFile(jar) ? Files.size(jar) : 0;
        }
        if (bytes == 0 || bytes >= MOST_BYTES) {
            throw new AssertionError("the jars take " + bytes + " bytes, expected less than " + MOST_BYTES);
        }
        System.out.println(
                "loss " + loss + " with " + path.length + " entries on the module path, jars of " + bytes + " bytes");
    }

    /** T² KL(softmax(t/T) ‖ softmax(s/T)) at T = 2. */
    private static double divergence(double[] teacher, double[] student) {
        double[] p = softmax(teacher);
        double[] q = softmax(student);
        double sum = 0;
        for (int c = 0; c < p.length; c++) {
            sum += p[c] * Math.log(p[c] / q[c]);
        }
        return 4 * sum;
    }

    private static double[] softmax(double[] logits) {
        double[] result = new double[logits.length];
        double sum = 0;
        for (int c = 0; c < logits.length; c++) {
            result[c] = Math.exp(logits[c] / 2);
            sum += result[c];
        }
        for (int c = 0; c < logits.length; c++) {
            result[c] /= sum;
        }
        return result;
    }
}

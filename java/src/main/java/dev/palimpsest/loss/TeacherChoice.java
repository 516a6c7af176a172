package dev.palimpsest.loss;

import dev.palimpsest.engine.Engine;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/** Which of several teachers teaches each row: the surest one. The first, which is the newest, wins ties. */
public final class TeacherChoice {
    private final int[] chosen;
    private final int teachers;

    private TeacherChoice(int[] chosen, int teachers) {
        this.chosen = chosen;
        this.teachers = teachers;
    }

    /**
     * By the probability of the true label.
     *
     * @param logits [B, C] of each teacher, the newest first
     */
    public static TeacherChoice byLabel(Engine engine, List<Tensor> logits, int[] labels, FixedLogits fixed) {
        return of(engine, logits, labels, fixed);
    }

    /** By the highest probability. */
    public static TeacherChoice byConfidence(Engine engine, List<Tensor> logits, FixedLogits fixed) {
        return of(engine, logits, null, fixed);
    }

    private static TeacherChoice of(Engine engine, List<Tensor> logits, int[] labels, FixedLogits fixed) {
        int rows = logits.getFirst().shape().extent(0);
        int[] chosen = new int[rows];
        double[] surest = new double[rows];
        for (int k = 0; k < logits.size(); k++) {
            Matrix p = Matrix.of(engine, logits.get(k)).fixed(fixed).softmax();
            for (int row = 0; row < rows; row++) {
                double sure = labels == null ? highest(p, row) : p.at(row, labels[row]);
                if (k == 0 || sure > surest[row]) {
                    surest[row] = sure;
                    chosen[row] = k;
                }
            }
        }
        return new TeacherChoice(chosen, logits.size());
    }

    private static double highest(Matrix p, int row) {
        double highest = 0;
        for (int c = 0; c < p.columns(); c++) {
            highest = Math.max(highest, p.at(row, c));
        }
        return highest;
    }

    public int teacher(int row) {
        return chosen[row];
    }

    /** One-hot rows [B, teachers], as the fused kernels take them; the caller releases them. */
    public Tensor weights(Engine engine) {
        float[] weights = new float[chosen.length * teachers];
        for (int row = 0; row < chosen.length; row++) {
            weights[row * teachers + chosen[row]] = 1;
        }
        return engine.tensor(Shape.of(chosen.length, teachers), weights);
    }

    /** The chosen teacher's row of each, row-major. */
    public float[] rows(Engine engine, List<Tensor> ofTeachers) {
        int columns = ofTeachers.getFirst().shape().extent(1);
        List<float[]> all = new ArrayList<>();
        ofTeachers.forEach(tensor -> all.add(engine.toArray(tensor)));
        float[] rows = new float[chosen.length * columns];
        for (int row = 0; row < chosen.length; row++) {
            System.arraycopy(all.get(chosen[row]), row * columns, rows, row * columns, columns);
        }
        return rows;
    }
}

package dev.palimpsest.loss;

import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Matrices;
import dev.palimpsest.engine.Matrix;
import dev.palimpsest.tensor.Tensor;
import java.util.List;

/** Which of several teachers teaches each row: the most confident one. The first, which is the newest, wins ties. */
public final class TeacherChoice implements AutoCloseable {
    private final Engine engine;
    private final Tensor weights;

    private TeacherChoice(Engine engine, Tensor weights) {
        this.engine = engine;
        this.weights = weights;
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
        try (Matrices matrices = engine.matrices()) {
            Matrix constants = fixed.in(matrices);
            List<Matrix> softmaxes = logits.stream()
                    .map(each -> matrices.of(each, constants).softmax())
                    .toList();
            return new TeacherChoice(engine, matrices.mostConfident(softmaxes, labels));
        }
    }

    /** One-hot rows [B, teachers], as the fused kernels take them. */
    public Tensor weights() {
        return weights;
    }

    /** The chosen teacher's row of each [B, C]; the caller releases it. */
    public Tensor rows(List<Tensor> ofTeachers) {
        return engine.chosenRows(weights, ofTeachers);
    }

    /** Waits for the device. */
    public int teacher(int row) {
        int teachers = weights.shape().extent(1);
        float[] all = engine.toArray(weights);
        int k = 0;
        while (all[row * teachers + k] == 0) {
            k++;
        }
        return k;
    }

    @Override
    public void close() {
        engine.release(weights);
    }
}

package dev.palimpsest.method;

import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Matrices;
import dev.palimpsest.engine.Matrix;
import dev.palimpsest.loss.CrossEntropy.FixedLogits;
import dev.palimpsest.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Which of several teachers teaches each row: the most confident one. The first, which is the newest, wins ties. */
final class TeacherChoice implements AutoCloseable {
    private final Engine engine;
    private final Tensor weights;

    private TeacherChoice(Engine engine, Tensor weights) {
        this.engine = engine;
        this.weights = weights;
    }

    /**
     * Chooses by the probability of the true label.
     *
     * @param engine computes the choice
     * @param logits [B, C] of each teacher, the newest first; they may be released at once
     * @param labels B labels below C
     * @param fixed columns of all teachers that a constant stands in for
     * @return the choice, to be closed by the caller
     */
    public static TeacherChoice byLabel(Engine engine, List<Tensor> logits, int[] labels, FixedLogits fixed) {
        return of(engine, logits, labels, fixed);
    }

    /**
     * Chooses by the highest probability.
     *
     * @param engine computes the choice
     * @param logits [B, C] of each teacher, the newest first; they may be released at once
     * @param fixed columns of all teachers that a constant stands in for
     * @return the choice, to be closed by the caller
     */
    public static TeacherChoice byConfidence(Engine engine, List<Tensor> logits, FixedLogits fixed) {
        return of(engine, logits, null, fixed);
    }

    private static TeacherChoice of(Engine engine, List<Tensor> logits, int @Nullable [] labels, FixedLogits fixed) {
        try (Matrices matrices = engine.matrices()) {
            Matrix constants = fixed.in(matrices);
            List<Matrix> softmaxes = logits.stream()
                    .map(each -> matrices.of(each, constants).softmax())
                    .toList();
            return new TeacherChoice(engine, matrices.argMax(softmaxes, labels));
        }
    }

    /**
     * The choice as weights of the fused kernels.
     *
     * @return one-hot rows [B, teachers], valid until {@link #close}
     */
    public Tensor weights() {
        return weights;
    }

    /**
     * The chosen teacher's row of each matrix.
     *
     * @param ofTeachers [B, C] of each teacher, in the order of the logits
     * @return [B, C], to be released by the caller
     */
    public Tensor rows(List<Tensor> ofTeachers) {
        return engine.chosenRows(weights, ofTeachers);
    }

    /**
     * The teacher that was chosen for a row; waits for the device.
     *
     * @param row from 0 to B − 1
     * @return its index in the list of logits
     */
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

package dev.palimpsest.method;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.loss.CrossEntropy;
import dev.palimpsest.loss.CrossEntropy.FixedLogits;
import dev.palimpsest.loss.Distillation;
import dev.palimpsest.tensor.Tensor;
import dev.palimpsest.train.Terms;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The terms of MLKD's loss in one experience, from the outputs of student and teachers. See {@link Mlkd} for the whole
 * equation.
 *
 * <p>Classes are numbered in the order in which they were first seen: {@code previous} were seen before this
 * experience, those behind it up to {@code seen} come new with it, the rest are unseen.
 */
final class MlkdLoss implements AutoCloseable {
    private final Engine engine;
    private final Mlkd.Options options;
    private final int experience;
    private final int previous;
    private final int[] current;
    private final int seen;
    private final int classes;
    /** Unseen classes stand at about zero. */
    private final FixedLogits unseenFixed;
    /** Null where nothing teaches. */
    private final @Nullable Distillation features;

    /** Items from memory: the head's logits of their features now, its logits when they were stored, their labels. */
    record Replay(Variable logits, float[] stored, int[] labels) {}

    /** @param logits, features of each teacher, the newest first; they may be released at once */
    record Taught(List<Tensor> logits, List<Tensor> features) {}

    /**
     * @param previous classes seen before this experience: [0, previous)
     * @param current classes of this experience, new ones and repeated ones
     * @param seen classes seen with this experience: [0, seen)
     * @param classes columns of the logits
     * @param maxRows the most rows a batch will have
     * @param dims of the features
     */
    MlkdLoss(
            Engine engine,
            Mlkd.Options options,
            int experience,
            int previous,
            int[] current,
            int seen,
            int classes,
            int teachers,
            int maxRows,
            int dims) {
        this.engine = engine;
        this.options = options;
        this.experience = experience;
        this.previous = previous;
        this.current = current.clone();
        this.seen = seen;
        this.classes = classes;
        unseenFixed = FixedLogits.none(classes).with(IntStream.range(seen, classes), FixedLogits.UNSEEN);
        features = teachers == 0 ? null : Distillation.ofFeatures(engine, maxRows, dims, teachers, 1);
    }

    /**
     * (1 − 0.1α)·CE_ace + η·KL_der + γ·(h_past + h_future).
     *
     * @param replay null while memory is empty
     */
    void labels(Tape tape, Terms terms, Variable logits, int[] labels, @Nullable Replay replay) {
        boolean[] present = new boolean[classes];
        Arrays.stream(labels).forEach(label -> present[label] = true);
        FixedLogits absentFixed =
                unseenFixed.with(IntStream.range(0, previous).filter(c -> !present[c]), FixedLogits.ABSENT);
        int rows = labels.length + (replay == null ? 0 : replay.labels.length);
        double share = (1 - 0.1 * options.alpha(experience)) / rows;
        terms.add(
                "cross-entropy",
                share * labels.length,
                CrossEntropy.softmax(tape, engine, logits, labels, absentFixed));
        if (replay != null) {
            terms.add(
                    "cross-entropy",
                    share * replay.labels.length,
                    CrossEntropy.softmax(tape, engine, replay.logits, replay.labels, unseenFixed));
            terms.add(
                    "logit replay",
                    options.replayWeight(),
                    LogitReplay.term(tape, engine, replay.logits, replay.stored, unseenFixed));
        }
        if (options.marginWeight() > 0 && previous > 0) {
            terms.add(
                    "margins",
                    options.marginWeight(),
                    LogitMargin.past(
                            tape, engine, logits, IntStream.range(0, previous).toArray(), current));
        }
        if (options.marginWeight() > 0 && seen < classes) {
            terms.add(
                    "margins",
                    options.marginWeight(),
                    LogitMargin.future(
                            tape, engine, logits, IntStream.range(seen, classes).toArray(), current));
        }
    }

    /** β·FKD on labelled images. */
    void labelled(Tape tape, Terms terms, Variable feature, int[] labels, Taught taught) {
        try (TeacherChoice choice = TeacherChoice.byLabel(engine, taught.logits, labels, unseenFixed)) {
            distil(tape, terms, feature, taught, choice);
        }
    }

    /** β·FKD + δ·Relation on unlabelled images. */
    void unlabelled(Tape tape, Terms terms, Variable logits, Variable feature, Taught taught) {
        try (TeacherChoice choice = TeacherChoice.byConfidence(engine, taught.logits, unseenFixed)) {
            distil(tape, terms, feature, taught, choice);
            if (options.relationWeight() > 0) {
                Tensor chosen = choice.rows(taught.logits);
                terms.add(
                        "relation distillation",
                        options.relationWeight(),
                        RelationDistillation.term(
                                tape,
                                engine,
                                logits,
                                chosen,
                                unseenFixed,
                                options.relation() == Mlkd.Relation.CODE
                                        ? RelationDistillation.Form.CODE
                                        : RelationDistillation.Form.PAPER));
                engine.release(chosen);
            }
        }
    }

    private void distil(Tape tape, Terms terms, Variable feature, Taught taught, TeacherChoice choice) {
        if (features != null && options.beta(experience) > 0) {
            terms.add(
                    "feature distillation",
                    options.beta(experience),
                    features.term(tape, feature, taught.features, choice.weights()));
        }
    }

    /** α·SSL. */
    void selfSupervised(Terms terms, Scalar term) {
        terms.add("self-supervision", options.alpha(experience), term);
    }

    @Override
    public void close() {
        if (features != null) {
            features.close();
        }
    }
}

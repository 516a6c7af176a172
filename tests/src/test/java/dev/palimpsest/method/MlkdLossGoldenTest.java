package dev.palimpsest.method;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;

import dev.palimpsest.Golden;
import dev.palimpsest.autograd.Gradient;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.loss.CrossEntropy;
import dev.palimpsest.loss.CrossEntropy.FixedLogits;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import dev.palimpsest.train.Terms;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/**
 * One step of the whole loss on the tensors of PyTorch's case: every term, the choices, the total and every gradient.
 */
class MlkdLossGoldenTest {
    private static final double TOLERANCE = 1e-6;

    private final Engine engine = open();
    private final Tape tape = new Tape(engine);
    private Safetensors golden;

    /** Overridden to test another engine. */
    Engine open() {
        return Engines.cpu(1);
    }

    @BeforeEach
    void read() throws IOException {
        Path file = Golden.cases("mlkd_loss").findFirst().orElseThrow();
        golden = Safetensors.read(file);
    }

    @AfterEach
    void close() {
        engine.close();
    }

    private Variable input(String name) {
        return Gradient.input(tape, engine.tensor(golden.shape(name), golden.floats(name)));
    }

    /** [K, rows, columns] as K matrices. */
    private List<Tensor> matrices(String name) {
        Shape shape = golden.shape(name);
        int each = shape.extent(1) * shape.extent(2);
        List<Tensor> matrices = new ArrayList<>();
        for (int k = 0; k < shape.extent(0); k++) {
            matrices.add(engine.tensor(
                    Shape.of(shape.extent(1), shape.extent(2)),
                    Arrays.copyOfRange(golden.floats(name), k * each, (k + 1) * each)));
        }
        return matrices;
    }

    private double metadata(String name) {
        return Double.parseDouble(golden.metadata().get(name));
    }

    @Test
    void everyTermAndEveryGradientEqualsPyTorchs() {
        int experience = (int) metadata("experience");
        int previous = golden.ints("previous").length;
        int seen = golden.ints("seen").length;
        assertArrayEquals(
                IntStream.range(0, previous).toArray(),
                golden.ints("previous"),
                "the case numbers classes as they are seen");
        assertArrayEquals(IntStream.range(0, seen).toArray(), golden.ints("seen"));
        Mlkd.Options options = Mlkd.Options.DEFAULT;
        Variable logits = input("logits");
        Variable feature = input("feature");
        Variable memory = input("memory_logits");
        Variable unlabelledLogits = input("unlabelled_logits");
        Variable unlabelledFeature = input("unlabelled_feature");
        Variable rotation = input("rotation_logits");
        int classes = golden.shape("logits").extent(1);
        try (MlkdLoss loss = new MlkdLoss(
                engine,
                options,
                experience,
                previous,
                golden.ints("current"),
                seen,
                classes,
                3,
                golden.shape("logits").extent(0),
                golden.shape("feature").extent(1))) {
            Terms labels = new Terms();
            loss.labels(
                    tape,
                    labels,
                    logits,
                    golden.ints("label"),
                    new MlkdLoss.Replay(memory, golden.floats("stored_memory_logits"), golden.ints("memory_label")));
            Terms labelled = new Terms();
            loss.labelled(
                    tape,
                    labelled,
                    feature,
                    golden.ints("label"),
                    new MlkdLoss.Taught(matrices("teacher_logits"), matrices("teacher_feature")));
            Terms unlabelled = new Terms();
            loss.unlabelled(
                    tape,
                    unlabelled,
                    unlabelledLogits,
                    unlabelledFeature,
                    new MlkdLoss.Taught(matrices("unlabelled_teacher_logits"), matrices("unlabelled_teacher_feature")));
            Terms self = new Terms();
            loss.selfSupervised(
                    self,
                    CrossEntropy.softmax(tape, engine, rotation, golden.ints("rotation_label"), new ClassRange(0, 4)));

            double alpha = metadata("alpha");
            double beta = metadata("beta");
            term("ace", (1 - 0.1 * alpha), labels, "cross-entropy");
            term("der", metadata("eta"), labels, "logit replay");
            term("hinge", metadata("gamma"), labels, "margins");
            term("feature_kd", beta, labelled, "feature distillation");
            term("feature_kd_unlabelled", beta, unlabelled, "feature distillation");
            term("relation", metadata("delta"), unlabelled, "relation distillation");
            term("rotation", alpha, self, "self-supervision");
            var total = tape.weightedSum(
                    List.of(labels.sum(tape), labelled.sum(tape), unlabelled.sum(tape), self.sum(tape)),
                    new double[] {1, 1, 1, 1});
            Golden.close("loss", golden.doubles("loss"), new double[] {total.value()}, TOLERANCE);
            tape.backward(total);
        }
        gradient("logits", logits);
        gradient("feature", feature);
        gradient("memory_logits", memory);
        gradient("unlabelled_logits", unlabelledLogits);
        gradient("unlabelled_feature", unlabelledFeature);
        gradient("rotation_logits", rotation);
    }

    private void term(String name, double weight, Terms terms, String reported) {
        Golden.close(
                name,
                new double[] {weight * golden.doubles("term." + name)[0]},
                new double[] {terms.values().get(reported)},
                TOLERANCE);
    }

    private void gradient(String name, Variable variable) {
        Golden.close("gradient of " + name, golden.doubles("grad." + name), Gradient.of(engine, variable), TOLERANCE);
    }

    @Test
    void theSurestTeacherIsChosenAndTheNewestWinsTies() {
        int classes = golden.shape("logits").extent(1);
        FixedLogits fixed = FixedLogits.none(classes)
                .with(IntStream.range(golden.ints("seen").length, classes), FixedLogits.UNSEEN);
        TeacherChoice labelled = TeacherChoice.byLabel(engine, matrices("teacher_logits"), golden.ints("label"), fixed);
        TeacherChoice unlabelled = TeacherChoice.byConfidence(engine, matrices("unlabelled_teacher_logits"), fixed);
        chosen("labelled_choice", labelled);
        chosen("unlabelled_choice", unlabelled);
        Tensor same = matrices("teacher_logits").getFirst();
        TeacherChoice tied = TeacherChoice.byConfidence(engine, List.of(same, same), fixed);
        assertArrayEquals(
                new int[golden.ints("label").length],
                IntStream.range(0, golden.ints("label").length)
                        .map(tied::teacher)
                        .toArray(),
                "ties");
    }

    private void chosen(String name, TeacherChoice choice) {
        int[] expected = golden.ints(name);
        assertArrayEquals(
                expected,
                IntStream.range(0, expected.length).map(choice::teacher).toArray(),
                name);
    }
}

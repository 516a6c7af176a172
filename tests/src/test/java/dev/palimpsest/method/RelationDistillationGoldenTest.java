package dev.palimpsest.method;

import dev.palimpsest.Golden;
import dev.palimpsest.autograd.Gradient;
import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.loss.CrossEntropy.FixedLogits;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class RelationDistillationGoldenTest {
    private static final double TOLERANCE = 1e-6;

    /** Overridden to test another engine. */
    Engine open() {
        return Engines.cpu(1);
    }

    static Stream<Path> cases() {
        return Golden.cases("relation_kd");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void lossAndGradientOfBothFormsEqualPyTorchs(Path file) throws IOException {
        Safetensors golden = Safetensors.read(file);
        try (Engine engine = open()) {
            for (RelationDistillation.Form form : RelationDistillation.Form.values()) {
                String variant = form.name().toLowerCase(Locale.ROOT);
                Tape tape = new Tape(engine);
                Variable student =
                        Gradient.input(tape, engine.tensor(golden.shape("student"), golden.floats("student")));
                Tensor teacher = engine.tensor(golden.shape("teacher"), golden.floats("teacher"));
                Scalar loss = RelationDistillation.term(
                        tape,
                        engine,
                        student,
                        teacher,
                        FixedLogits.none(golden.shape("student").extent(1)),
                        form);
                Golden.close(
                        variant + " loss", golden.doubles("loss." + variant), new double[] {loss.value()}, TOLERANCE);
                tape.backward(loss);
                Golden.close(
                        variant + " gradient",
                        golden.doubles("grad." + variant),
                        Gradient.of(engine, student),
                        TOLERANCE);
            }
        }
    }
}

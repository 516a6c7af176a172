package dev.palimpsest.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.Golden;
import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.loss.CrossEntropy;
import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Forward, backward and running statistics of a whole network against PyTorch in float64. */
class CifarResNetGoldenTest {
    private static final double OUTPUT = 1e-5;
    private static final double GRADIENT = 1e-4;

    static Stream<Path> cases() {
        return Golden.cases("cifar_resnet");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void trainingStepEqualsPyTorch(Path file) throws Exception {
        Safetensors golden = Safetensors.read(file);
        try (Arena arena = Arena.ofShared();
                Engine engine = Engines.cpu(2)) {
            Network network = GoldenNetwork.load(golden, arena);
            Tape tape = new Tape(engine);
            Outputs<Variable> outputs =
                    network.forward(tape, false, tape.input(GoldenNetwork.images(golden, engine)), false);
            Scalar loss = CrossEntropy.softmax(
                    tape, engine, outputs.logits(), golden.ints("label"), new ClassRange(0, network.classes()));
            Golden.close(
                    "train.logits",
                    golden.doubles("train.logits"),
                    engine.toArray(outputs.logits().value()),
                    OUTPUT);
            Golden.close(
                    "train.feature",
                    golden.doubles("train.feature"),
                    engine.toArray(outputs.feature().value()),
                    OUTPUT);
            for (int l = 0; l < 3; l++) {
                Golden.close(
                        "stage" + (l + 1),
                        pooled(golden, "train.stage" + (l + 1)),
                        engine.toArray(outputs.pooled().get(l).value()),
                        OUTPUT);
            }
            Golden.close("train.loss", golden.doubles("train.loss"), new double[] {loss.value()}, OUTPUT);
            tape.backward(loss);
            for (Parameter parameter : network.parameters()) {
                Golden.close(
                        "grad." + parameter.name(),
                        golden.doubles("grad." + parameter.name()),
                        parameter.readGradient().toArray(JAVA_FLOAT),
                        GRADIENT);
            }
            for (Buffer buffer : network.buffers()) {
                Golden.close(
                        "after." + buffer.name(),
                        golden.doubles("after." + buffer.name()),
                        buffer.read().toArray(JAVA_FLOAT),
                        OUTPUT);
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void frozenNetworkWithFoldedNormEqualsEvaluationMode(Path file) throws Exception {
        Safetensors golden = Safetensors.read(file);
        try (Arena arena = Arena.ofShared();
                Engine engine = Engines.cpu(2)) {
            Network network = GoldenNetwork.load(golden, arena);
            try (FrozenNetwork frozen = new FrozenNetwork(engine, network, Weights.of(network))) {
                Outputs<Tensor> outputs = frozen.forward(GoldenNetwork.images(golden, engine), false);
                Golden.close("eval.logits", golden.doubles("eval.logits"), engine.toArray(outputs.logits()), OUTPUT);
            }
        }
    }

    private static double[] pooled(Safetensors golden, String name) {
        Shape shape = golden.shape(name);
        float[] map = golden.floats(name);
        int positions = shape.extent(2) * shape.extent(3);
        double[] mean = new double[map.length / positions];
        for (int i = 0; i < map.length; i++) {
            mean[i / positions] += (double) map[i] / positions;
        }
        return mean;
    }
}

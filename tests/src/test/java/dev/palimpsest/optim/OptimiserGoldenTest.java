package dev.palimpsest.optim;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.Golden;
import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.loss.CrossEntropy;
import dev.palimpsest.model.GoldenNetwork;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import java.lang.foreign.Arena;
import java.nio.file.Path;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Ten steps of a whole network under each optimiser against PyTorch in float64. */
abstract class OptimiserGoldenTest {
    abstract Engine open();

    static Stream<Path> cases() {
        return Golden.cases("optimiser");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void tenStepsEqualPyTorch(Path file) throws Exception {
        Safetensors golden = Safetensors.read(file);
        Map<String, String> settings = golden.metadata();
        try (Arena arena = Arena.ofShared();
                Engine engine = open();
                Optimiser optimiser = engine.optimiser(
                        settings.containsKey("beta1")
                                ? new UpdateRule.Adam(
                                        number(settings, "beta1"),
                                        number(settings, "beta2"),
                                        number(settings, "eps"),
                                        0)
                                : new UpdateRule.Sgd(
                                        number(settings, "momentum"),
                                        file.getFileName().toString().contains("nesterov"),
                                        number(settings, "weight_decay")))) {
            Network network = GoldenNetwork.load(golden, arena);
            optimiser.track(network.parameters());
            double[] losses = new double[10];
            for (int step = 0; step < losses.length; step++) {
                network.parameters()
                        .forEach(parameter -> parameter.gradientMirror().clear());
                Tape tape = new Tape(engine);
                Outputs<Variable> outputs =
                        network.forward(tape, false, tape.input(GoldenNetwork.images(golden, engine)), false);
                Scalar loss = CrossEntropy.softmax(
                        tape, engine, outputs.logits(), golden.ints("label"), new ClassRange(0, network.classes()));
                losses[step] = loss.value();
                tape.backward(loss);
                optimiser.step(number(settings, "lr"));
            }
            Golden.close("loss", golden.doubles("loss"), losses, 1e-4);
            for (Parameter parameter : network.parameters()) {
                Golden.close(
                        parameter.name(),
                        golden.doubles("after." + parameter.name()),
                        parameter.read().toArray(JAVA_FLOAT),
                        1e-4);
            }
            for (Buffer buffer : network.buffers()) {
                Golden.close(
                        buffer.name(),
                        golden.doubles("after." + buffer.name()),
                        buffer.read().toArray(JAVA_FLOAT),
                        1e-4);
            }
        }
    }

    private static double number(Map<String, String> settings, String key) {
        return Double.parseDouble(settings.getOrDefault(key, "0"));
    }
}

package dev.palimpsest.cuda.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.Golden;
import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.cuda.CudaException;
import dev.palimpsest.cuda.DriverDouble;
import dev.palimpsest.cuda.TestDevice;
import dev.palimpsest.engine.DeviceEngine;
import dev.palimpsest.engine.DeviceOptions;
import dev.palimpsest.engine.DoubleLayers;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.engine.Table;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.loss.CrossEntropy;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.Networks;
import dev.palimpsest.model.Networks.ResNetOptions;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.optim.Optimiser;
import dev.palimpsest.optim.UpdateRule;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * The engine on a GPU beside the one on the processor: the same network learns the same, and a step costs the host
 * nothing.
 */
@Tag("device")
class CudaEngineTest {
    private static final Shape BATCH = Shape.of(4, 3, 8, 8);
    private static final int CLASSES = 4;
    private static final UpdateRule MOMENTUM = new UpdateRule.Sgd(0.9, false, 0);

    private final Arena arena = Arena.ofShared();

    @BeforeEach
    void prepare() {
        DeviceEngine.prepare();
    }

    @AfterEach
    void close() {
        arena.close();
    }

    private Engine open() {
        return Engines.open(DeviceEngine.OPTIONS, remark -> {});
    }

    private Network network() {
        Network network = Networks.cifarResNet(
                        Shape.of(3, 8, 8), ResNetOptions.cifar(8).withWidths(List.of(4, 6, 8)))
                .withAuxiliaryHeads(true)
                .create(arena, 5);
        network.grow(CLASSES);
        return network;
    }

    private static Tensor images(Engine engine, int seed) {
        SplittableRandom random = new SplittableRandom(seed);
        float[] values = new float[Math.toIntExact(BATCH.elements())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return engine.tensor(BATCH, values);
    }

    /** Forward, loss of the classifier and of the last model's, backward: gradients are left in the parameters. */
    private static Scalar gradients(Engine engine, Network network, int seed, boolean frozenNorm) {
        network.parameters().forEach(parameter -> parameter.gradientMirror().clear());
        Tape tape = new Tape(engine);
        Outputs<Variable> outputs = network.forward(tape, frozenNorm, tape.input(images(engine, seed)), true);
        List<Scalar> terms = new ArrayList<>();
        terms.add(CrossEntropy.softmax(
                tape, engine, outputs.logits(), new int[] {0, 1, 2, 3}, new ClassRange(0, CLASSES)));
        for (Variable auxiliary : outputs.auxiliary()) {
            terms.add(
                    CrossEntropy.softmax(tape, engine, auxiliary, new int[] {0, 1, 2, 3}, new ClassRange(0, CLASSES)));
        }
        Scalar loss = tape.weightedSum(terms, new double[] {1, 0.5, 0.5});
        tape.backward(loss);
        return loss;
    }

    private static Optimiser optimiser(Engine engine, UpdateRule rule, Network network) {
        Optimiser optimiser = engine.optimiser(rule);
        optimiser.track(network.parameters());
        return optimiser;
    }

    /** Losses, weights and running statistics of some steps. */
    private record Trained(List<Double> losses, List<float[]> weights, List<float[]> statistics) {}

    private Trained train(Engine engine, UpdateRule rule, double rate, double clip, boolean frozenNorm) {
        Network network = network();
        byte[] everyThird = new byte[network.parameters().getFirst().size()];
        for (int i = 0; i < everyThird.length; i += 3) {
            everyThird[i] = 1;
        }
        Function<Parameter, byte[]> masks = p -> p == network.parameters().getFirst() ? everyThird : null;
        List<Double> losses = new ArrayList<>();
        try (Optimiser optimiser = optimiser(engine, rule, network)) {
            optimiser.masks(masks);
            for (int step = 1; step <= 3; step++) {
                losses.add(gradients(engine, network, step, frozenNorm).value());
                if (clip > 0) {
                    optimiser.clip(clip);
                }
                optimiser.step(rate);
            }
        }
        return new Trained(
                losses,
                network.parameters().stream().map(Parameter::toArray).toList(),
                network.buffers().stream()
                        .map(b -> b.read().toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT))
                        .toList());
    }

    private void requireSame(UpdateRule rule, double rate, double clip, boolean frozenNorm) {
        Trained expected;
        Trained found;
        try (Engine cpu = Engines.cpu(1)) {
            expected = train(cpu, rule, rate, clip, frozenNorm);
        }
        try (Engine gpu = open()) {
            found = train(gpu, rule, rate, clip, frozenNorm);
        }
        for (int i = 0; i < expected.losses.size(); i++) {
            assertEquals(
                    expected.losses.get(i), found.losses.get(i), 2e-5 * expected.losses.get(i), "loss of step " + i);
        }
        for (int p = 0; p < expected.weights.size(); p++) {
            Golden.close("parameter " + p, DoubleLayers.doubles(expected.weights.get(p)), found.weights.get(p), 2e-4);
        }
        for (int b = 0; b < expected.statistics.size(); b++) {
            Golden.close(
                    "statistics " + b, DoubleLayers.doubles(expected.statistics.get(b)), found.statistics.get(b), 1e-4);
        }
        TestDevice.assertNothingIsLeft();
    }

    @Test
    void stochasticGradientDescentLearnsWhatItLearnsOnTheProcessor() {
        requireSame(new UpdateRule.Sgd(0.9, false, 1e-3), 0.05, 0, false);
        requireSame(new UpdateRule.Sgd(0, false, 0), 0.05, 0, false);
    }

    @Test
    void nesterovWithClippedGradientsToo() {
        requireSame(new UpdateRule.Sgd(0.9, true, 1e-3), 0.05, 0.5, false);
    }

    @Test
    void adamWithFrozenNormToo() {
        requireSame(new UpdateRule.Adam(1e-3), 1e-3, 0, true);
    }

    /** The losses are not asked for: that is what waits. */
    @Test
    void aStepInSteadyStateTakesNoMemoryAndTheHostNeverWaits() {
        TestDevice.requireDouble();
        CudaBackend backend = CudaBackend.open(DeviceEngine.OPTIONS);
        try (Engine engine = new Engine(backend)) {
            Network network = network();
            Optimiser optimiser = optimiser(engine, MOMENTUM, network);
            Scalar loss = null;
            for (int step = 0; step < 3; step++) {
                loss = gradients(engine, network, step, false);
                optimiser.step(0.05);
            }
            assertTrue(loss.value() > 0);
            long used = backend.device().memory().usedBytes();
            long allocations = backend.device().memory().allocations();
            long waits = TestDevice.waits();
            for (int step = 0; step < 3; step++) {
                gradients(engine, network, step, false);
                optimiser.clip(1);
                optimiser.step(0.05);
            }
            assertEquals(waits, TestDevice.waits());
            assertEquals(allocations, backend.device().memory().allocations());
            assertEquals(used, backend.device().memory().usedBytes());
            optimiser.close();
        }
        TestDevice.assertNothingIsLeft();
    }

    /** Whatever order the streams take that their waits allow. */
    @Test
    void frozenNetworksAnswerAsOnTheProcessorBesideTheTraining() {
        Network network = network();
        List<float[]> expected = new ArrayList<>();
        try (Engine cpu = Engines.cpu(1);
                FrozenNetwork frozen = new FrozenNetwork(cpu, network, Weights.of(network))) {
            Tensor images = images(cpu, 7);
            frozen.forward(images, true).forEach(output -> expected.add(cpu.toArray(output)));
        }
        for (int seed = 0; seed < 4; seed++) {
            DeviceEngine.prepare();
            TestDevice.order(seed);
            List<float[]> found = new ArrayList<>();
            try (Engine gpu = open();
                    FrozenNetwork frozen = new FrozenNetwork(gpu, network, Weights.of(network))) {
                Tensor images = images(gpu, 7);
                Tape tape = new Tape(gpu);
                network.forward(tape, true, tape.input(images.retain()), true);
                Outputs<Tensor> outputs = frozen.forward(images, true);
                outputs.forEach(output -> found.add(gpu.toArray(output)));
                outputs.forEach(gpu::release);
                tape.clear();
                gpu.release(images);
            }
            for (int i = 0; i < expected.size(); i++) {
                Golden.close(
                        "output " + i + " with seed " + seed,
                        DoubleLayers.doubles(expected.get(i)),
                        found.get(i),
                        1e-5);
            }
            TestDevice.assertNothingIsLeft();
        }
    }

    @Test
    void rowsAreKeptAndGathered() {
        try (Engine engine = open()) {
            Table table = engine.table(5, 2);
            table.put(0, engine.tensor(Shape.of(2, 2), new float[] {1, 2, 3, 4}));
            table.put(2, engine.tensor(Shape.of(3, 2), new float[] {5, 6, 7, 8, 9, 10}));
            float[] gathered = engine.toArray(table.gather(new int[] {4, 0, 4, 3}));
            Golden.close("rows", new double[] {9, 10, 1, 2, 9, 10, 7, 8}, gathered, 0);
            float[] columns = engine.toArray(engine.columns(table.gather(new int[] {0, 1, 2}), new ClassRange(1, 2)));
            Golden.close("columns", new double[] {2, 4, 6}, columns, 0);
            assertThrows(IndexOutOfBoundsException.class, () -> table.gather(new int[] {5}));
            table.close();
        }
        TestDevice.assertNothingIsLeft();
    }

    @Test
    void valuesComeHomeWhenTheEngineCloses() {
        Network network = network();
        float[] before = network.parameters().getFirst().toArray();
        try (Engine engine = open();
                Optimiser optimiser = optimiser(engine, new UpdateRule.Sgd(0, false, 0), network)) {
            gradients(engine, network, 1, false);
            optimiser.step(0.05);
        }
        float[] after = network.parameters().getFirst().toArray();
        float[] gradient =
                network.parameters().getFirst().readGradient().toArray(java.lang.foreign.ValueLayout.JAVA_FLOAT);
        double[] expected = new double[after.length];
        for (int i = 0; i < after.length; i++) {
            expected[i] = before[i] - 0.05f * gradient[i];
        }
        Golden.close("weights", expected, after, 1e-6);
    }

    /** Wherever memory runs out, the error says so, and nothing is left behind. */
    @Test
    void runningOutOfMemoryAnywhereIsAnErrorThatLeavesNothing() {
        TestDevice.requireDouble();
        for (int nth = 1; nth < 400; nth += 13) {
            DriverDouble.reset();
            DriverDouble.fail("cuMemAlloc", nth, 2);
            boolean failed = stepFails(CudaException.Kind.OUT_OF_MEMORY, "out of device memory: asked for");
            TestDevice.assertNothingIsLeft();
            if (!failed) {
                assertTrue(nth > 100, "a step needs more than " + nth + " allocations");
                return;
            }
        }
    }

    @Test
    void aRefusedLaunchIsAnErrorThatLeavesNothing() {
        TestDevice.requireDouble();
        DriverDouble.fail("cuLaunchKernel", 7, 701);
        assertTrue(stepFails(CudaException.Kind.LAUNCH, "launching palimpsest_cuda_"));
        TestDevice.assertNothingIsLeft();
    }

    @Test
    void aLostDeviceIsAnErrorThatSaysSo() {
        TestDevice.requireDouble();
        DriverDouble.fail("cuLaunchKernel", 9, 1, 719, true);
        assertTrue(stepFails(CudaException.Kind.LOST, "everything on the device is lost"));
    }

    /** @return whether a step failed, which must be in this way */
    private boolean stepFails(CudaException.Kind kind, String message) {
        try (Engine engine = open()) {
            Network network = network();
            try (Optimiser optimiser = optimiser(engine, MOMENTUM, network)) {
                gradients(engine, network, 1, false);
                optimiser.step(0.05);
            }
            return false;
        } catch (CudaException e) {
            assertEquals(kind, e.kind(), e.getMessage());
            assertTrue(e.getMessage().contains(message), e.getMessage());
            return true;
        }
    }

    @Test
    void theAutomaticChoiceSaysWhyItFellBack() {
        TestDevice.requireDouble();
        DriverDouble.set(DriverDouble.Setting.DEVICES, 0);
        List<String> remarks = new ArrayList<>();
        try (Engine engine = Engines.open(DeviceOptions.of(Engines.device("auto"), 1), remarks::add)) {
            assertTrue(engine.description().startsWith("oneDNN"), engine.description());
        }
        assertEquals(List.of("The processor computes: the NVIDIA driver shows no device"), remarks);
        assertEquals(
                "the NVIDIA driver shows no device",
                assertThrows(CudaException.class, this::open).getMessage());
    }
}

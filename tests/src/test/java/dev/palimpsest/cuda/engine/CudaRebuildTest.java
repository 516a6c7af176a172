package dev.palimpsest.cuda.engine;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cuda.DriverDouble;
import dev.palimpsest.cuda.TestDevice;
import dev.palimpsest.engine.DeviceEngine;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.Networks;
import dev.palimpsest.model.Networks.ResNetOptions;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.optim.Optimiser;
import dev.palimpsest.optim.UpdateRule;
import dev.palimpsest.snapshot.Owners;
import dev.palimpsest.snapshot.Snapshots;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Teachers rebuilt on the device, out of weights that training left there and the owners' bit planes. */
@Tag("device")
class CudaRebuildTest {
    private static final Shape BATCH = Shape.of(3, 3, 8, 8);
    private static final int CLASSES = 4;

    private final Arena arena = Arena.ofShared();
    private final Network network = Networks.cifarResNet(
                    Shape.of(3, 8, 8), ResNetOptions.cifar(8).withWidths(List.of(4, 6, 8)))
            .withAuxiliaryHeads(true)
            .create(arena, 5);
    private final Owners owners;
    private final Snapshots snapshots;

    CudaRebuildTest() {
        network.grow(CLASSES);
        owners = new Owners(network.parameters());
        snapshots = Snapshots.packed(owners);
    }

    @BeforeEach
    void prepare() {
        DeviceEngine.prepare();
    }

    @AfterEach
    void close() {
        snapshots.close();
        arena.close();
        TestDevice.assertNothingIsLeft();
    }

    private static void seed(long seed) {
        if (!"cuda".equals(System.getProperty("require.device"))) {
            DriverDouble.set(DriverDouble.Setting.SEED, seed);
        }
    }

    private static Engine open() {
        return Engines.open(DeviceEngine.OPTIONS, remark -> {});
    }

    /** A batch, for whose copy alone the teachers' stream waits. */
    private Tensor images(Engine engine) {
        return engine.wrap(
                BATCH,
                arena.allocateFrom(JAVA_FLOAT, normal(new SplittableRandom(7), Math.toIntExact(BATCH.elements()))));
    }

    private static float[] normal(SplittableRandom random, int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    /** Moves what the step may move on the device, as training does. */
    private void train(Engine engine, int step) {
        SplittableRandom random = new SplittableRandom(step);
        for (Parameter parameter : network.parameters()) {
            MemorySegment.copy(
                    normal(random, parameter.size()), 0, parameter.updateGradient(), JAVA_FLOAT, 0, parameter.size());
        }
        try (Optimiser optimiser = engine.optimiser(new UpdateRule.Sgd(0, false, 0))) {
            optimiser.track(network.parameters());
            optimiser.masks(owners::trainable);
            optimiser.step(0.1);
        }
    }

    private void experience(Engine engine, int step) {
        owners.claim(step);
        train(engine, step);
        owners.release(step, 0.5);
        snapshots.add(network.parameters(), network.buffers());
    }

    /** The same weights, which no mask chooses: the host rebuilds them. */
    private Weights onHost(int snapshot) {
        Weights weights = snapshots.weights(snapshot);
        return new Weights() {
            @Override
            public void weight(Parameter parameter, MemorySegment scale, MemorySegment out) {
                weights.weight(parameter, scale, out);
            }

            @Override
            public MemorySegment vector(String name) {
                return weights.vector(name);
            }
        };
    }

    private List<float[]> answers(Engine engine, Weights weights) {
        List<float[]> answers = new ArrayList<>();
        Tensor images = images(engine); // first, since batches that take turns may have the host wait
        try (FrozenNetwork frozen = new FrozenNetwork(engine, network, weights)) {
            Outputs<Tensor> outputs = frozen.forward(images, true);
            outputs.forEach(output -> answers.add(engine.toArray(output)));
            outputs.forEach(engine::release);
            engine.release(images);
        }
        return answers;
    }

    /** Whatever order the streams take that their waits allow, and while the next step's training goes on. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1, 2, 3})
    void rebuiltTeachersHaveTheBitsOfThoseThatTheHostRebuilds(int seed) {
        seed(seed);
        try (Engine engine = open()) {
            experience(engine, 1);
            experience(engine, 2);
            owners.claim(3);
            for (int snapshot = 1; snapshot <= 2; snapshot++) {
                // Brings the bit planes, for which the host waits; the other's weights are then what memory holds that
                // is used again.
                answers(engine, snapshots.weights(3 - snapshot));
                train(engine, 2 + snapshot);
                List<float[]> found = answers(engine, snapshots.weights(snapshot));
                List<float[]> expected = answers(engine, onHost(snapshot));
                for (int i = 0; i < expected.size(); i++) {
                    assertArrayEquals(expected.get(i), found.get(i), "snapshot " + snapshot + ", output " + i);
                    assertTrue(distinct(expected.get(i)) > 3, "outputs are all sorts of numbers");
                }
            }
        }
    }

    private static long distinct(float[] values) {
        List<Float> all = new ArrayList<>();
        for (float value : values) {
            all.add(value);
        }
        return all.stream().distinct().count();
    }

    @Test
    void weightsStayOnTheDeviceAndMemoryIsUsedAgain() {
        TestDevice.requireDouble();
        DeviceEngine.prepare();
        CudaBackend backend = CudaBackend.open(DeviceEngine.OPTIONS);
        try (Engine engine = new Engine(backend)) {
            experience(engine, 1);
            experience(engine, 2);
            owners.claim(3);
            train(engine, 3);
            Weights first = snapshots.weights(1);
            answers(engine, first); // twice, since batches take turns in two places
            answers(engine, first);
            long used = backend.device().memory().usedBytes();
            long allocations = backend.device().memory().allocations();
            long home = DriverDouble.count("bytes_to_host");
            long there = DriverDouble.count("bytes_to_device");
            long rebuilt = DriverDouble.count("palimpsest_cuda_snapshot_reconstruction");
            long waits = TestDevice.waits();
            FrozenNetwork frozen = new FrozenNetwork(engine, network, first);
            assertEquals(waits, TestDevice.waits(), "the host does not wait");
            assertEquals(home, DriverDouble.count("bytes_to_host"), "no weight comes home");
            List<Parameter> convolutions = network.parameters().stream()
                    .filter(p -> p.role() == Parameter.Role.WEIGHT)
                    .toList();
            long scalesAndBiases = convolutions.stream()
                    .mapToLong(p -> 8L * p.shape().extent(0))
                    .sum();
            assertEquals(scalesAndBiases, DriverDouble.count("bytes_to_device") - there, "no weight goes there");
            assertEquals(convolutions.size(), DriverDouble.count("palimpsest_cuda_snapshot_reconstruction") - rebuilt);
            frozen.close();
            for (int again = 0; again < 5; again++) {
                answers(engine, first);
            }
            assertEquals(used, backend.device().memory().usedBytes());
            assertEquals(allocations, backend.device().memory().allocations());
        }
    }
}

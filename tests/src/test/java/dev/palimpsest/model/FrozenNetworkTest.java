package dev.palimpsest.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.Golden;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.snapshot.Snapshots;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class FrozenNetworkTest {
    private static final int IMAGES = 5;

    private final Arena arena = Arena.ofShared();
    private final Engine engine = Engines.cpu(1);

    @AfterEach
    void close() {
        engine.close();
        arena.close();
    }

    static Stream<NetworkTest.Design> designs() {
        return NetworkTest.designs();
    }

    /** Norms as training leaves them: no two channels alike, variances from small to large, scales of both signs. */
    private static void randomise(Network network, long seed) {
        Random random = new Random(seed);
        for (Parameter parameter : network.parameters()) {
            float[] values = parameter.toArray();
            for (int i = 0; parameter.role() != Parameter.Role.WEIGHT && i < values.length; i++) {
                values[i] = (float) random.nextGaussian();
            }
            parameter.set(values);
        }
        for (Buffer buffer : network.buffers()) {
            for (long i = 0; i < buffer.shape().elements(); i++) {
                buffer.update().setAtIndex(JAVA_FLOAT, i, (float)
                        (buffer.name().endsWith("var") ? 0.1 + 3 * random.nextDouble() : random.nextGaussian()));
            }
        }
    }

    private float[][] frozen(FrozenNetwork network, Shape image) {
        Outputs<Tensor> outputs = network.forward(NetworkTest.images(engine, image, IMAGES), true);
        List<float[]> all = new ArrayList<>();
        outputs.forEach(output -> all.add(engine.toArray(output)));
        outputs.forEach(engine::release);
        return all.toArray(float[][]::new);
    }

    @ParameterizedTest
    @MethodSource("designs")
    void foldingChangesNoOutput(NetworkTest.Design design) {
        Network network = design.build(true, arena, 3);
        network.grow(4);
        randomise(network, 1);
        Tape tape = new Tape(engine);
        Outputs<Variable> expected =
                network.forward(tape, true, tape.input(NetworkTest.images(engine, design.image(), IMAGES)), true);
        List<float[]> unfolded = new ArrayList<>();
        expected.forEach(output -> unfolded.add(engine.toArray(output.value())));
        try (FrozenNetwork compiled = new FrozenNetwork(engine, network, Weights.of(network))) {
            float[][] folded = frozen(compiled, design.image());
            assertEquals(2 * design.widths().size(), folded.length, "pooled features, auxiliary logits, logits");
            for (int i = 0; i < folded.length; i++) {
                Golden.close("output " + i, doubles(unfolded.get(i)), folded[i], 1e-5);
            }
        }
    }

    private static double[] doubles(float[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }

    @ParameterizedTest
    @MethodSource("designs")
    void laterTrainingLeavesItAlone(NetworkTest.Design design) {
        Network network = design.build(true, arena, 3);
        network.grow(4);
        randomise(network, 1);
        try (FrozenNetwork frozen = new FrozenNetwork(engine, network, Weights.of(network))) {
            float[][] before = frozen(frozen, design.image());
            randomise(network, 2);
            network.parameters().forEach(p -> p.set(new float[p.size()]));
            network.grow(6);
            assertArrayEquals(before, frozen(frozen, design.image()));
        }
    }

    @Test
    void anEarlierSnapshotsHeadsHaveFewerRows() {
        Network network = Networks.digitsNet(Shape.of(1, 8, 8), List.of(4, 6))
                .withAuxiliaryHeads(true)
                .create(arena, 3);
        network.grow(2);
        randomise(network, 1);
        float[][] then;
        try (FrozenNetwork live = new FrozenNetwork(engine, network, Weights.of(network));
                Snapshots copies = Snapshots.copies()) {
            then = frozen(live, network.image());
            copies.add(network.parameters(), network.buffers());
            network.grow(5);
            randomise(network, 2);
            try (FrozenNetwork snapshot = new FrozenNetwork(engine, network, snapshot(copies))) {
                float[][] now = frozen(snapshot, network.image());
                assertArrayEquals(then, now);
                assertEquals(IMAGES * 2, now[3].length, "logits of the two classes that it knew");
                assertEquals(IMAGES * 2, now[2].length, "auxiliary logits");
            }
        }
    }

    private static Weights snapshot(Snapshots copies) {
        return new Weights() {
            @Override
            public void weight(Parameter parameter, MemorySegment scale, MemorySegment out) {
                copies.weight(1, parameter, scale, out);
            }

            @Override
            public MemorySegment vector(String name) {
                return copies.vector(1, name);
            }
        };
    }
}

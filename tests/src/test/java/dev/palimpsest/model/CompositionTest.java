package dev.palimpsest.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.Golden;
import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Convolution;
import dev.palimpsest.engine.DoubleLayers;
import dev.palimpsest.engine.DoubleLayers.Images;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.engine.MaxPooling;
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
import java.util.function.Consumer;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** Networks that anybody may compose, against double loops and central differences of those. */
class CompositionTest {
    private static final int ROWS = 4;
    private static final int CLASSES = 3;
    private static final double STEP = 1e-7;

    /** Compositions in which the frozen form folds, rides along or must leave alone. */
    enum Composition {
        MLP(images -> images.flatten()
                .linear("h1", 9)
                .relu()
                .stage()
                .linear("h2", 5)
                .relu()
                .stage()),
        RESIDUAL_MLP(images -> {
            Node x = images.flatten().linear("h1", 8).relu().stage();
            Node y = x.linear("h2", 8).add(x).relu().stage();
            x.linear("h3", 8).relu().add(y).stage();
        }),
        CONVOLUTIONS_ALONE(images -> images.convolution("c1", 8, 3, 1)
                .relu()
                .stage()
                .convolution("c2", 5, 3, 2)
                .stage()),
        CONVOLUTION_THEN_FLATTENED(images -> images.convolution("c1", 8, 3, 2)
                .norm("n1")
                .relu()
                .flatten()
                .linear("h", 6)
                .relu()
                .stage()),
        COSINES(images -> images.convolution("c1", 8, 3, 1)
                .norm("n1")
                .relu()
                .averagePool()
                .unitLength()
                .stage()
                .linear("h", 6)
                .unitLength()
                .stage()),
        PREACTIVATION(images -> {
            Node x = images.convolution("c0", 8, 3, 1).stage();
            for (String block : List.of("a", "b")) {
                Node inner = x.norm(block + ".n1").relu().convolution(block + ".c1", 8, 3, 1);
                x = inner.norm(block + ".n2")
                        .relu()
                        .convolution(block + ".c2", 8, 3, 1)
                        .add(x);
            }
            x.norm("n").relu().stage();
        }),
        /** The sum's residual is read again later, so it cannot become the sum. */
        RESIDUAL_READ_AGAIN(images -> {
            Node x = images.convolution("c1", 8, 3, 1).norm("n1").relu();
            Node y = x.convolution("c2", 8, 3, 1).norm("n2").add(x).relu().stage();
            y.convolution("c3", 8, 3, 1).norm("n3").add(x).relu().stage();
        }),
        /** The second of the two carries the sum, for the first is no convolution. */
        SECOND_CARRIES(images -> {
            Node x = images.convolution("c1", 8, 3, 1).norm("n1").relu();
            x.maxPool(new MaxPooling(3, 1, 1))
                    .add(x.convolution("c2", 8, 1, 1).norm("n2"))
                    .stage();
        }),
        /** A norm that two read is not folded into a sum, and a convolution that two read not into its norm. */
        BRANCHES(images -> {
            Node c = images.convolution("c1", new Convolution(2, 8, 3, 1, 1));
            Node n = c.norm("n1");
            Node sum = n.add(c).relu();
            sum.add(n).stage().relu().stage();
        }),
        /** A sum of a value and itself. */
        TWICE(images -> {
            Node x = images.convolution("c1", 8, 3, 1).norm("n1");
            x.add(x).relu().stage();
        });

        private final Consumer<Node> layers;

        Composition(Consumer<Node> layers) {
            this.layers = layers;
        }

        Network create(Arena arena) {
            return Architecture.of(Shape.of(2, 5, 6), layers)
                    .withAuxiliaryHeads(true)
                    .create(arena, 3);
        }
    }

    private final Arena arena = Arena.ofShared();
    private final Engine engine = open();
    private final Random random = new Random(8);

    /** Overridden to test another engine. */
    Engine open() {
        return Engines.cpu(1);
    }

    @AfterEach
    void close() {
        engine.close();
        arena.close();
    }

    /** Norms, biases and heads as training leaves them: no two alike. */
    private Network network(Composition composition) {
        Network network = composition.create(arena);
        network.grow(CLASSES);
        randomise(network);
        return network;
    }

    private void randomise(Network network) {
        for (Parameter parameter : network.parameters()) {
            float[] values = parameter.toArray();
            for (int i = 0; i < values.length; i++) {
                values[i] = parameter.role() == Parameter.Role.WEIGHT
                        ? values[i] * random.nextFloat(0.7f, 1.4f)
                        : (float) random.nextGaussian();
            }
            parameter.set(values);
        }
        for (Buffer buffer : network.buffers()) {
            for (long i = 0; i < buffer.shape().elements(); i++) {
                buffer.update().setAtIndex(JAVA_FLOAT, i, (float)
                        (buffer.name().endsWith("var") ? 0.5 + random.nextDouble() : random.nextGaussian()));
            }
        }
    }

    private float[] noise(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private Tensor images(float[] values) {
        return engine.tensor(Shape.of(ROWS, 2, 5, 6), values);
    }

    @ParameterizedTest
    @EnumSource
    void valuesAndGradientsEqualDoubleLoops(Composition composition) {
        for (boolean frozenNorm : new boolean[] {false, true}) {
            Network network = network(composition);
            float[] pixels = noise(ROWS * 60);
            DoubleLayers loops = new DoubleLayers();
            DoubleForward reference = new DoubleForward(loops, frozenNorm);
            Images input = new Images(ROWS, 2, 5, 6, DoubleLayers.doubles(pixels));
            Outputs<Images> expected = network.forward(reference, input, true);
            Tape tape = new Tape(engine);
            Outputs<Variable> actual = network.forward(tape, frozenNorm, tape.input(images(pixels)), true);
            List<Scalar> terms = new ArrayList<>();
            List<float[]> factors = new ArrayList<>();
            actual.zip(expected, (variable, values) -> {
                Golden.close("output", values.values(), engine.toArray(variable.value()), 2e-5);
                factors.add(noise(values.values().length));
                terms.add(tape.fused(variable, 0, engine.tensor(variable.value().shape(), factors.getLast())));
            });
            tape.backward(
                    tape.weightedSum(terms, terms.stream().mapToDouble(t -> 1).toArray()));
            for (Parameter parameter : network.parameters()) {
                checkGradient(
                        parameter,
                        loops.values(parameter),
                        () -> loss(network.forward(reference, input, true), factors));
            }
        }
    }

    private static double loss(Outputs<Images> outputs, List<float[]> factors) {
        double[] sum = {0};
        int[] at = {0};
        outputs.forEach(output -> {
            float[] by = factors.get(at[0]++);
            for (int i = 0; i < by.length; i++) {
                sum[0] += by[i] * output.values()[i];
            }
        });
        return sum[0];
    }

    private static void checkGradient(Parameter parameter, double[] at, DoubleSupplier loss) {
        float[] gradient = parameter.readGradient().toArray(JAVA_FLOAT);
        double largest = 0;
        for (float g : gradient) {
            largest = Math.max(largest, Math.abs(g));
        }
        assertTrue(largest > 0, parameter.name() + " has a gradient");
        for (int k = 0; k < 5; k++) {
            int i = (int) ((long) k * 7919 % at.length);
            double here = at[i];
            at[i] = here + STEP;
            double above = loss.getAsDouble();
            at[i] = here - STEP;
            double expected = (above - loss.getAsDouble()) / (2 * STEP);
            at[i] = here;
            assertTrue(
                    Math.abs(expected - gradient[i]) <= 1e-3 * largest,
                    parameter.name() + "[" + i + "]: expected " + expected + ", got " + gradient[i]);
        }
    }

    @ParameterizedTest
    @EnumSource
    void theFrozenFormGivesTheSame(Composition composition) {
        Network network = network(composition);
        float[] pixels = noise(ROWS * 60);
        List<float[]> found;
        try (FrozenNetwork frozen = new FrozenNetwork(engine, network, Weights.of(network))) {
            found = frozen(frozen, pixels);
            randomise(network);
            List<float[]> later = frozen(frozen, pixels);
            for (int i = 0; i < found.size(); i++) {
                assertArrayEquals(found.get(i), later.get(i), "training goes on beside it");
            }
        }
        try (FrozenNetwork now = new FrozenNetwork(engine, network, Weights.of(network))) {
            found = frozen(now, pixels);
        }
        List<double[]> expected = new ArrayList<>();
        network.forward(
                        new DoubleForward(new DoubleLayers(), true),
                        new Images(ROWS, 2, 5, 6, DoubleLayers.doubles(pixels)),
                        true)
                .forEach(output -> expected.add(output.values()));
        for (int i = 0; i < expected.size(); i++) {
            Golden.close("output " + i, expected.get(i), found.get(i), 2e-5);
        }
    }

    private List<float[]> frozen(FrozenNetwork network, float[] pixels) {
        Tensor images = images(pixels);
        Outputs<Tensor> outputs = network.forward(images, true);
        engine.release(images);
        List<float[]> values = new ArrayList<>();
        outputs.forEach(output -> values.add(engine.toArray(output)));
        outputs.forEach(engine::release);
        return values;
    }

    /** Over windows as PyTorch's adaptive_avg_pool2d has them wherever those are of one size. */
    @ParameterizedTest
    @CsvSource({"1,3,4,4,1", "1,3,4,4,2", "5,16,7,7,2", "130,8,5,6,2", "3,24,9,6,3", "2,5,3,3,3"})
    void meansOverAGrid(int n, int channels, int height, int width, int grid) {
        float[] values = noise(n * channels * height * width);
        Images maps = new Images(n, channels, height, width, DoubleLayers.doubles(values));
        Tensor rows = engine.tensor(Shape.of(n, channels * height * width), values);
        Tensor images = engine.unflatten(rows, Shape.of(n, channels, height, width));
        Tensor pooled = engine.averagePool(images, grid);
        assertEquals(Shape.of(n, channels * grid * grid), pooled.shape());
        Golden.close("means", means(maps, grid), engine.toArray(pooled), 1e-6);
        List.of(rows, images, pooled).forEach(engine::release);
    }

    private static double[] means(Images maps, int grid) {
        double[] means = new double[maps.n() * maps.channels() * grid * grid];
        for (int i = 0; i < means.length; i++) {
            int plane = i / (grid * grid);
            int y = i / grid % grid;
            int x = i % grid;
            int top = y * maps.height() / grid;
            int bottom = Math.ceilDiv((y + 1) * maps.height(), grid);
            int left = x * maps.width() / grid;
            int right = Math.ceilDiv((x + 1) * maps.width(), grid);
            for (int row = top; row < bottom; row++) {
                for (int column = left; column < right; column++) {
                    means[i] += maps.values()[(plane * maps.height() + row) * maps.width() + column]
                            / ((bottom - top) * (right - left));
                }
            }
        }
        return means;
    }

    @Test
    void theFirstStageIsPooledOverAGrid() {
        checkPooled(
                2,
                images -> images.convolution("c1", 8, 3, 1)
                        .norm("n1")
                        .relu()
                        .stage()
                        .convolution("c2", 16, 3, 2)
                        .norm("n2")
                        .relu()
                        .stage());
        // More parts than there are positions along a side.
        checkPooled(
                6,
                images -> images.convolution("c1", 8, 3, 2)
                        .stage()
                        .flatten()
                        .linear("h", 7)
                        .stage());
    }

    /** A layer reads these means, so they stay those of whole images. */
    @Test
    void aFirstStageThatIsReadStaysAsItIs() {
        checkPooled(
                1,
                images -> images.convolution("c1", 8, 3, 1)
                        .averagePool()
                        .stage()
                        .linear("h", 7)
                        .stage());
        checkPooled(1, images -> images.convolution("c1", 8, 3, 1).stage());
    }

    /** @param parts of the grid along a side, in what a grid of at least two gives for the first stage */
    private void checkPooled(int parts, Consumer<Node> layers) {
        Network network = Architecture.of(Shape.of(2, 5, 6), layers).create(arena, 3);
        network.grow(CLASSES);
        randomise(network);
        float[] pixels = noise(ROWS * 60);
        List<Images> maps = new ArrayList<>();
        DoubleLayers recording = new DoubleLayers() {
            @Override
            public Images averagePool(Images images) {
                maps.add(images);
                return super.averagePool(images);
            }
        };
        Outputs<Images> expected = network.forward(
                new DoubleForward(recording, true), new Images(ROWS, 2, 5, 6, DoubleLayers.doubles(pixels)), false);
        try (FrozenNetwork frozen = new FrozenNetwork(engine, network, Weights.of(network))) {
            Tensor images = images(pixels);
            List<Tensor> stages = frozen.pooled(images, Math.max(parts, 2));
            int within = Math.min(maps.getFirst().height(), parts);
            Golden.close("stage 1", means(maps.getFirst(), within), engine.toArray(stages.getFirst()), 2e-5);
            for (int l = 1; l < stages.size(); l++) {
                Golden.close(
                        "stage " + (l + 1), expected.pooled().get(l).values(), engine.toArray(stages.get(l)), 2e-5);
            }
            engine.release(images);
            stages.forEach(engine::release);
        }
    }

    /** What a snapshot keeps is enough to rebuild the network, linear layers included. */
    @ParameterizedTest
    @EnumSource
    void aSnapshotGivesWhatTheNetworkGave(Composition composition) {
        Network network = network(composition);
        float[] pixels = noise(ROWS * 60);
        try (Snapshots copies = Snapshots.copies()) {
            List<float[]> then;
            try (FrozenNetwork live = new FrozenNetwork(engine, network, Weights.of(network))) {
                then = frozen(live, pixels);
            }
            copies.add(network.parameters(), network.buffers());
            randomise(network);
            try (FrozenNetwork snapshot = new FrozenNetwork(engine, network, snapshot(copies))) {
                List<float[]> rebuilt = frozen(snapshot, pixels);
                for (int i = 0; i < then.size(); i++) {
                    assertArrayEquals(then.get(i), rebuilt.get(i), "output " + i);
                }
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

    /** Without a tape: the same bits, and nothing left behind. */
    @ParameterizedTest
    @EnumSource
    void withoutATapeABatchGivesTheSameBits(Composition composition) {
        Network network = network(composition);
        float[] pixels = noise(ROWS * 60);
        Tape tape = new Tape(engine);
        List<float[]> expected = new ArrayList<>();
        network.forward(tape, false, tape.input(images(pixels)), true)
                .forEach(output -> expected.add(engine.toArray(output.value())));
        tape.clear();
        long allocated = 0;
        for (int pass = 0; pass < 3; pass++) {
            Tensor images = images(pixels);
            Outputs<Tensor> outputs = network.forward(engine, images, true);
            engine.release(images);
            List<float[]> found = new ArrayList<>();
            outputs.forEach(output -> found.add(engine.toArray(output)));
            outputs.forEach(engine::release);
            for (int i = 0; i < expected.size(); i++) {
                assertArrayEquals(expected.get(i), found.get(i), "output " + i);
            }
            assertTrue(pass < 2 || engine.allocatedBytes() == allocated, "memory comes back");
            allocated = engine.allocatedBytes();
        }
    }
}

package dev.palimpsest.autograd;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.palimpsest.Golden;
import dev.palimpsest.engine.BatchNorm;
import dev.palimpsest.engine.Convolution;
import dev.palimpsest.engine.DoubleLayers;
import dev.palimpsest.engine.DoubleLayers.Images;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.engine.Layers;
import dev.palimpsest.engine.MaxPooling;
import dev.palimpsest.model.TapeLayers;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.DoubleSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Each operation's value against double loops, and its gradients against central differences of those loops. What
 * comes out of an activation is weighed by a random convolution over the whole image, so that every position has a
 * gradient of its own.
 */
class TapeTest {
    private static final double VALUE = 1e-5;
    private static final double GRADIENT = 1e-4;
    private static final double UPSTREAM = -0.7;

    private interface Graph {
        <V> V of(Layers<V> layers, V images);
    }

    private final Arena arena = Arena.ofShared();
    private final Engine engine = open();
    private final SplittableRandom random = new SplittableRandom(3);
    private final List<Parameter> parameters = new ArrayList<>();

    /** Overridden to test another engine. */
    Engine open() {
        return Engines.cpu(2);
    }

    @AfterEach
    void close() {
        engine.close();
        arena.close();
    }

    @ParameterizedTest
    @CsvSource({
        "1,3,5,3,1,6",
        "2,5,3,3,2,6",
        "3,8,16,3,1,5",
        "4,16,24,3,2,7",
        "5,16,16,1,1,4",
        "2,3,16,1,2,6",
        "1,24,8,3,1,4",
        "2,32,16,3,2,8"
    })
    void convolution(int n, int inputs, int outputs, int kernel, int stride, int size) {
        Convolution geometry = new Convolution(inputs, outputs, kernel, stride, kernel / 2);
        Parameter weight = parameter("w", geometry.weightShape());
        Graph weigh = weigh(
                outputs, geometry.outputShape(Shape.of(n, inputs, size, size)).extent(2));
        check(
                new Graph() {
                    @Override
                    public <V> V of(Layers<V> layers, V images) {
                        return weigh.of(layers, layers.convolution(images, weight, geometry));
                    }
                },
                n,
                inputs,
                size);
    }

    @ParameterizedTest
    @CsvSource({
        "1,3,true,false",
        "2,5,false,false",
        "3,8,true,false",
        "4,16,false,false",
        "5,24,true,false",
        "2,16,true,true",
        "1,16,false,true",
        "3,5,true,true"
    })
    void batchNorm(int n, int channels, boolean relu, boolean frozen) {
        Convolution geometry = new Convolution(2, channels, 3, 1, 1);
        Parameter weight = parameter("w", geometry.weightShape());
        BatchNorm norm = norm("bn", channels);
        Graph weigh = weigh(channels, 4);
        check(
                new Graph() {
                    @Override
                    public <V> V of(Layers<V> layers, V images) {
                        return weigh.of(
                                layers,
                                layers.batchNorm(layers.convolution(images, weight, geometry), norm, relu, frozen));
                    }
                },
                n,
                2,
                4);
    }

    /** The first block's output is both the second block's input and its residual; so is the stem's for the first. */
    @ParameterizedTest
    @CsvSource({"2,5", "1,16", "3,8"})
    void residualBlocksThatShareTheirInput(int n, int channels) {
        Convolution stem = new Convolution(3, channels, 3, 1, 1);
        Convolution inner = new Convolution(channels, channels, 3, 1, 1);
        Parameter stemWeight = parameter("stem", stem.weightShape());
        Parameter first = parameter("first", inner.weightShape());
        Parameter second = parameter("second", inner.weightShape());
        BatchNorm norm = norm("bn", channels);
        Graph weigh = weigh(channels, 4);
        check(
                new Graph() {
                    @Override
                    public <V> V of(Layers<V> layers, V images) {
                        V x = layers.convolution(images, stemWeight, stem);
                        x = layers.addRelu(
                                layers.batchNorm(layers.convolution(x, first, inner), norm, false, false), x);
                        x = layers.addRelu(layers.convolution(x, second, inner), x);
                        return weigh.of(layers, x);
                    }
                },
                n,
                3,
                4);
    }

    /** The stem's output is read by both convolutions of the block and, as they are or convolved, added to the last. */
    @ParameterizedTest
    @CsvSource({
        "2,5,1,true,false,4",
        "1,16,1,false,false,4",
        "3,8,1,true,true,4",
        "41,16,1,true,false,16",
        "41,16,2,true,false,16",
        "33,24,2,false,false,9",
        "33,16,1,false,true,16"
    })
    void aNormalisedConvolutionHasTheBitsOfItsOperations(
            int n, int channels, int stride, boolean relu, boolean frozen, int size) {
        Convolution stem = new Convolution(3, channels, 3, 1, 1);
        Convolution first = new Convolution(channels, channels, 3, stride, 1);
        Convolution second = new Convolution(channels, channels, 3, 1, 1);
        Convolution shortcut = new Convolution(channels, channels, 1, stride, 0);
        List<Convolution> geometries = List.of(stem, first, second, shortcut);
        List<Parameter> weights = new ArrayList<>();
        List<BatchNorm> norms = new ArrayList<>();
        for (Convolution each : geometries) {
            weights.add(parameter("w" + weights.size(), each.weightShape()));
            norms.add(norm("bn" + weights.size(), channels));
        }
        float[] images = noise(n * 3 * size * size);
        List<float[]> found = new ArrayList<>();
        float[] factors = {};
        float[] running = running(norms);
        for (boolean fused : new boolean[] {false, true}) {
            restore(norms, running);
            parameters.forEach(parameter -> parameter.gradientMirror().clear());
            Tape tape = new Tape(engine);
            TapeLayers layers = new TapeLayers(tape);
            List<Variable> values = new ArrayList<>(List.of(tape.input(tensor(Shape.of(n, 3, size, size), images))));
            for (int[] step : new int[][] {{0, 0, -1}, {1, 1, -1}, {1, 3, -1}, {2, 2, stride == 1 ? 1 : 3}}) {
                Variable x = values.get(step[0]);
                Variable residual = step[2] < 0 ? null : values.get(step[2]);
                Parameter weight = weights.get(step[1]);
                Convolution geometry = geometries.get(step[1]);
                BatchNorm norm = norms.get(step[1]);
                if (fused) {
                    values.add(layers.normalisedConvolution(x, weight, geometry, norm, residual, relu, frozen));
                    continue;
                }
                Variable normalised = layers.batchNorm(
                        layers.convolution(x, weight, geometry), norm, relu && residual == null, frozen);
                values.add(
                        residual == null
                                ? normalised
                                : relu ? layers.addRelu(normalised, residual) : layers.add(normalised, residual));
            }
            Variable sum = layers.add(values.get(4), values.get(3));
            Variable output = layers.averagePool(sum);
            factors = factors.length == 0 ? noise(n * channels) : factors;
            found.add(engine.toArray(sum.value()));
            found.add(running(norms));
            tape.backward(tape.fused(output, 0, tensor(Shape.of(n, channels), factors)));
            parameters.forEach(parameter -> found.add(parameter.readGradient().toArray(JAVA_FLOAT)));
        }
        int each = found.size() / 2;
        for (int i = 0; i < each; i++) {
            assertArrayEquals(found.get(i), found.get(each + i), "part " + i);
            assertEquals(false, isZero(found.get(i)), "part " + i + " is zero");
        }
    }

    private static boolean isZero(float[] values) {
        for (float value : values) {
            if (value != 0) {
                return false;
            }
        }
        return true;
    }

    private static float[] running(List<BatchNorm> norms) {
        List<float[]> all = new ArrayList<>();
        norms.forEach(norm -> {
            all.add(norm.runningMean().read().toArray(JAVA_FLOAT));
            all.add(norm.runningVariance().read().toArray(JAVA_FLOAT));
        });
        float[] joined = new float[all.size() * all.getFirst().length];
        for (int i = 0; i < joined.length; i++) {
            joined[i] = all.get(i / all.getFirst().length)[i % all.getFirst().length];
        }
        return joined;
    }

    private static void restore(List<BatchNorm> norms, float[] running) {
        int channels = norms.getFirst().channels();
        for (int i = 0; i < running.length; i++) {
            BatchNorm norm = norms.get(i / channels / 2);
            Buffer buffer = i / channels % 2 == 0 ? norm.runningMean() : norm.runningVariance();
            buffer.update().setAtIndex(JAVA_FLOAT, i % channels, running[i]);
        }
    }

    /** Both parts of a sum are one variable, and both of the next sum share their gradient with the sum before. */
    @ParameterizedTest
    @CsvSource({"2,5", "1,16"})
    void sumsOfAVariableWithItselfAndOfTheSameTwo(int n, int channels) {
        Convolution stem = new Convolution(3, channels, 3, 1, 1);
        Parameter stemWeight = parameter("stem", stem.weightShape());
        Parameter otherWeight = parameter("other", stem.weightShape());
        Convolution inner = new Convolution(channels, channels, 1, 1, 0);
        Parameter innerWeight = parameter("inner", inner.weightShape());
        Graph weigh = weigh(channels, 4);
        check(
                new Graph() {
                    @Override
                    public <V> V of(Layers<V> layers, V images) {
                        V x = layers.convolution(images, stemWeight, stem);
                        V y = layers.convolution(images, otherWeight, stem);
                        V twice = layers.addRelu(x, x);
                        V sum = layers.addRelu(x, y);
                        V again = layers.addRelu(y, x);
                        return weigh.of(
                                layers,
                                layers.addRelu(
                                        layers.convolution(layers.addRelu(sum, again), innerWeight, inner),
                                        layers.addRelu(twice, x)));
                    }
                },
                n,
                3,
                4);
    }

    /**
     * Windows that overlap, so that one position may be the maximum of several, and some that reach over the border.
     */
    @ParameterizedTest
    @CsvSource({"1,3,3,2,1,7", "2,16,3,2,1,8", "3,5,2,2,0,6", "4,24,3,1,1,5", "1,8,2,1,0,4"})
    void maxPool(int n, int channels, int kernel, int stride, int padding, int size) {
        Convolution geometry = new Convolution(2, channels, 3, 1, 1);
        Parameter weight = parameter("w", geometry.weightShape());
        MaxPooling pooling = new MaxPooling(kernel, stride, padding);
        Graph weigh = weigh(
                channels, pooling.outputShape(Shape.of(n, channels, size, size)).extent(2));
        check(
                new Graph() {
                    @Override
                    public <V> V of(Layers<V> layers, V images) {
                        return weigh.of(layers, layers.maxPool(layers.convolution(images, weight, geometry), pooling));
                    }
                },
                n,
                2,
                size);
    }

    @ParameterizedTest
    @CsvSource({"1,3,2", "5,16,7", "3,24,1"})
    void averagePoolAndLinear(int n, int channels, int outputs) {
        Convolution geometry = new Convolution(2, channels, 3, 1, 1);
        Parameter weight = parameter("w", geometry.weightShape());
        Parameter matrix = parameter("fc.weight", Shape.of(outputs, channels));
        Parameter bias = parameter("fc.bias", Shape.of(outputs));
        check(
                new Graph() {
                    @Override
                    public <V> V of(Layers<V> layers, V images) {
                        return layers.linear(
                                layers.averagePool(layers.convolution(images, weight, geometry)), matrix, bias);
                    }
                },
                n,
                2,
                5);
    }

    /** Activations of every blocked order, and rows that are flattened before and after a convolution. */
    @ParameterizedTest
    @CsvSource({"1,3,2", "4,16,3", "2,24,5"})
    void reluSumsAndFlatteningOfActivations(int n, int channels, int outputs) {
        Convolution geometry = new Convolution(2, channels, 3, 1, 1);
        Parameter first = parameter("first", geometry.weightShape());
        Parameter second = parameter("second", geometry.weightShape());
        Parameter matrix = parameter("fc.weight", Shape.of(outputs, channels * 9));
        Parameter bias = parameter("fc.bias", Shape.of(outputs));
        check(
                new Graph() {
                    @Override
                    public <V> V of(Layers<V> layers, V images) {
                        V a = layers.convolution(images, first, geometry);
                        V b = layers.relu(layers.convolution(images, second, geometry));
                        return layers.linear(layers.flatten(layers.add(a, b)), matrix, bias);
                    }
                },
                n,
                2,
                3);
    }

    /** A value that two sums take as it is gets a shared gradient from both. */
    @ParameterizedTest
    @CsvSource({"1,3", "5,8"})
    void reluAndSumsOfMatrices(int n, int width) {
        Parameter in = parameter("in", Shape.of(width, 2 * 9));
        Parameter inBias = parameter("in.bias", Shape.of(width));
        Parameter hidden = parameter("hidden", Shape.of(width, width));
        Parameter hiddenBias = parameter("hidden.bias", Shape.of(width));
        check(
                new Graph() {
                    @Override
                    public <V> V of(Layers<V> layers, V images) {
                        V x = layers.linear(layers.flatten(images), in, inBias);
                        V y = layers.relu(layers.linear(layers.relu(x), hidden, hiddenBias));
                        return layers.add(layers.add(y, x), x);
                    }
                },
                n,
                2,
                3);
    }

    @Test
    void aDetachedTapeComputesTheSameAndKeepsNothing() {
        Convolution geometry = new Convolution(2, 8, 3, 1, 1);
        Parameter weight = parameter("w", geometry.weightShape());
        BatchNorm norm = norm("bn", 8);
        Tape tape = new Tape(engine);
        Tape detached = Tape.detached(engine);
        float[] images = noise(4 * 2 * 5 * 5);
        List<float[]> found = new ArrayList<>();
        for (Tape each : List.of(tape, detached)) {
            Variable input = each.input(tensor(Shape.of(4, 2, 5, 5), images));
            Variable convolved = new TapeLayers(each).convolution(input, weight, geometry);
            Variable output = new TapeLayers(each).batchNorm(convolved, norm, true, true);
            found.add(engine.toArray(output.value()));
            if (each == detached) {
                for (Variable kept : List.of(input, convolved, output)) {
                    engine.release(kept.value());
                    assertThrows(IllegalStateException.class, () -> engine.release(kept.value()));
                }
            }
        }
        tape.clear();
        assertArrayEquals(found.getFirst(), found.getLast());
        Variable logits = detached.input(tensor(Shape.of(1, 2), new float[] {1, 2}));
        assertThrows(IllegalStateException.class, () -> detached.fused(logits, 1, logits.value()));
    }

    @Test
    void aSecondBackwardPassAddsToTheGradients() {
        Parameter weight = parameter("w", Shape.of(2, 3));
        Parameter bias = parameter("b", Shape.of(2));
        float[] once = linearGradient(weight, bias);
        float[] twice = linearGradient(weight, bias);
        for (int i = 0; i < once.length; i++) {
            assertEquals(2 * once[i], twice[i], 1e-6);
        }
    }

    @Test
    void whatIsOfAnotherTapeOrOfOneThatWasPlayedIsRefused() {
        Parameter weight = parameter("w", Shape.of(2, 3));
        Parameter bias = parameter("b", Shape.of(2));
        Tape tape = new Tape(engine);
        Variable output = tape.linear(tape.input(tensor(Shape.of(1, 3), new float[] {1, 2, 3})), weight, bias);
        Tensor gradient = tensor(Shape.of(1, 2), new float[] {0.5f, -1});
        Tape other = new Tape(engine);
        assertThrows(IllegalArgumentException.class, () -> other.fused(output, 0, gradient));
        assertThrows(IllegalArgumentException.class, () -> other.linear(output, weight, bias));
        assertThrows(IllegalArgumentException.class, () -> other.accumulate(output, gradient));
        Tensor column = tensor(Shape.of(2, 1), new float[] {0.5f, -1});
        assertThrows(IllegalArgumentException.class, () -> tape.fused(output, 0, column));
        engine.release(column);
        Scalar loss = tape.fused(output, 0, gradient);
        assertThrows(IllegalArgumentException.class, () -> tape.weightedSum(List.of(loss), new double[2]));
        assertThrows(IllegalArgumentException.class, () -> other.weightedSum(List.of(loss), new double[1]));
        assertThrows(IllegalArgumentException.class, () -> other.backward(loss));
        tape.backward(loss);
        assertThrows(IllegalArgumentException.class, () -> tape.backward(loss), "played");
        assertThrows(IllegalArgumentException.class, () -> tape.linear(output, weight, bias), "played");
        assertEquals(0.5f, weight.readGradient().getAtIndex(JAVA_FLOAT, 0), "of the one pass");
    }

    private float[] linearGradient(Parameter weight, Parameter bias) {
        Tape tape = new Tape(engine);
        Variable output = tape.linear(tape.input(tensor(Shape.of(1, 3), new float[] {1, 2, 3})), weight, bias);
        tape.backward(tape.fused(output, 0, tensor(Shape.of(1, 2), new float[] {0.5f, -1})));
        return weight.readGradient().toArray(JAVA_FLOAT);
    }

    @Test
    void aTermOfWeightZeroHasNoGradient() {
        Parameter weight = parameter("w", Shape.of(2, 3));
        Parameter bias = parameter("b", Shape.of(2));
        Tape tape = new Tape(engine);
        Variable output = tape.linear(tape.input(tensor(Shape.of(1, 3), new float[] {1, 2, 3})), weight, bias);
        Scalar term = tape.fused(output, Double.NaN, tensor(Shape.of(1, 2), new float[] {Float.NaN, 1}));
        tape.backward(tape.weightedSum(List.of(term), new double[] {0}));
        for (float g : weight.readGradient().toArray(JAVA_FLOAT)) {
            assertEquals(0, g);
        }
    }

    @Test
    void releasingTooOftenIsAnError() {
        Tensor tensor = engine.allocate(Shape.of(2));
        engine.release(tensor);
        assertThrows(IllegalStateException.class, () -> engine.release(tensor));
    }

    private void check(Graph graph, int n, int channels, int size) {
        Shape shape = Shape.of(n, channels, size, size);
        float[] images = noise(Math.toIntExact(shape.elements()));
        DoubleLayers loops = new DoubleLayers();
        double[] wide = DoubleLayers.doubles(images);
        Images input = new Images(n, channels, size, size, wide);
        Tape tape = new Tape(engine);
        Variable watched = Gradient.input(tape, tensor(shape, images));
        Variable output = graph.of(new TapeLayers(tape), watched);
        double[] expected = graph.of(loops, input).values();
        Golden.close("value", expected, engine.toArray(output.value()), VALUE);
        float[] factors = noise(expected.length);
        Scalar loss = tape.fused(output, 0, tensor(output.value().shape(), factors));
        tape.backward(tape.weightedSum(List.of(loss), new double[] {UPSTREAM}));
        DoubleSupplier total = () -> {
            double[] values = graph.of(loops, input).values();
            double sum = 0;
            for (int i = 0; i < values.length; i++) {
                sum += UPSTREAM * factors[i] * values[i];
            }
            return sum;
        };
        close("images", wide, total, Gradient.of(engine, watched));
        for (Parameter parameter : parameters) {
            close(
                    parameter.name(),
                    loops.values(parameter),
                    total,
                    parameter.readGradient().toArray(JAVA_FLOAT));
        }
    }

    /**
     * Every element of a small tensor, of a larger one about a hundred at an odd distance, so that all positions and
     * channels have their turn.
     */
    private static void close(String name, double[] at, DoubleSupplier value, float[] gradient) {
        int stride = at.length / 100 | 1;
        double[] expected = new double[(at.length + stride - 1) / stride];
        float[] actual = new float[expected.length];
        double step = 1e-5;
        for (int i = 0; i < expected.length; i++) {
            double here = at[i * stride];
            at[i * stride] = here + step;
            double above = value.getAsDouble();
            at[i * stride] = here - step;
            expected[i] = (above - value.getAsDouble()) / (2 * step);
            at[i * stride] = here;
            actual[i] = gradient[i * stride];
        }
        Golden.close(name + " (every " + stride + "th)", expected, actual, GRADIENT);
    }

    /** From an activation to two numbers an image. */
    private Graph weigh(int channels, int size) {
        Convolution all = new Convolution(channels, 2, size, 1, 0);
        Parameter weight = parameter("weigh", all.weightShape());
        return new Graph() {
            @Override
            public <V> V of(Layers<V> layers, V images) {
                return layers.averagePool(layers.convolution(images, weight, all));
            }
        };
    }

    private BatchNorm norm(String name, int channels) {
        Shape shape = Shape.of(channels);
        Buffer mean = new Buffer(name + ".mean", shape, arena.allocate(shape.bytes(), 64));
        Buffer variance = new Buffer(name + ".variance", shape, arena.allocate(shape.bytes(), 64));
        for (int c = 0; c < channels; c++) {
            mean.update().setAtIndex(JAVA_FLOAT, c, (float) random.nextGaussian());
            variance.update().setAtIndex(JAVA_FLOAT, c, (float) random.nextDouble(0.5, 2));
        }
        return new BatchNorm(parameter(name + ".scale", shape), parameter(name + ".shift", shape), mean, variance);
    }

    private Parameter parameter(String name, Shape shape) {
        Parameter parameter = new Parameter(name, Parameter.Role.WEIGHT, shape, arena);
        parameter.set(noise(parameter.size()));
        parameters.add(parameter);
        return parameter;
    }

    private Tensor tensor(Shape shape, float[] values) {
        return engine.tensor(shape, values);
    }

    private float[] noise(int count) {
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }
}

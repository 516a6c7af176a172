package dev.palimpsest.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.Golden;
import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.DoubleLayers;
import dev.palimpsest.engine.DoubleLayers.Images;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.model.Layers.AveragePoolLayer;
import dev.palimpsest.model.Layers.MaxPoolLayer;
import dev.palimpsest.model.Layers.NormLayer;
import dev.palimpsest.model.Network.Head;
import dev.palimpsest.model.Networks.ResNetOptions;
import dev.palimpsest.model.Networks.Stem;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** ResNet-18 and -34 against torchvision's figures and against double loops. */
class ResNetTest {
    private static final int IMAGES = 4;
    private static final int CLASSES = 3;
    /** So small that hardly one of the many ReLUs and maxima on the way turns over within it. */
    private static final double STEP = 1e-7;

    private final Arena arena = Arena.ofShared();

    @AfterEach
    void close() {
        arena.close();
    }

    /** The sizes that torchvision documents for its models with 1000 classes. */
    @ParameterizedTest
    @CsvSource({"18, 11689512", "34, 21797672"})
    void hasAsManyWeightsAsTorchvisions(int depth, long weights) {
        Network network = Networks.resNet(Shape.of(3, 224, 224), depth).create(arena, 1);
        assertEquals(weights, network.weights(1000));
    }

    @Test
    void aPhotographEndsInSevenBySevenPositions() {
        Network network = Networks.resNet(
                        Shape.of(3, 224, 224), ResNetOptions.imageNet(18).withWidths(List.of(1, 1, 1, 1)))
                .create(arena, 1);
        network.grow(1);
        DoubleLayers loops = new DoubleLayers();
        int[] sides = new int[6];
        int[] at = {0};
        network.forward(
                new Watching(new DoubleForward(loops, true), sides, at),
                new Images(1, 3, 224, 224, new double[3 * 224 * 224]),
                false);
        assertEquals(
                List.of(112, 56, 56, 28, 14, 7), Arrays.stream(sides).boxed().toList());
    }

    /** Notes the side of the stem's output, of what is pooled from it, and of each stage's output. */
    private record Watching(DoubleForward inner, int[] sides, int[] at) implements Forward<Images> {
        @Override
        public Images layer(Layer layer, List<Images> inputs) {
            Images output = inner.layer(layer, inputs);
            if (at[0] == 0 && layer instanceof NormLayer || layer instanceof MaxPoolLayer) {
                sides[at[0]++] = output.height();
            } else if (layer instanceof AveragePoolLayer) {
                sides[at[0]++] = inputs.getFirst().height();
            }
            return output;
        }

        @Override
        public Images head(Head head, Images features) {
            return inner.head(head, features);
        }

        @Override
        public void done(Images value) {}
    }

    @ParameterizedTest
    @CsvSource({
        "18, imagenet, 41, 38, false",
        "34, imagenet, 33, 40, true",
        "18, cifar, 9, 12, false",
        "34, cifar, 11, 8, true"
    })
    void equalsDoubleLoops(int depth, String stem, int height, int width, boolean frozenNorm) {
        Shape image = Shape.of(3, height, width);
        Network network = Networks.resNet(
                        image,
                        ResNetOptions.imageNet(depth)
                                .withWidths(List.of(5, 8, 6, 7))
                                .withStem(stem.equals("cifar") ? new Stem.Cifar(1) : new Stem.ImageNet()))
                .withAuxiliaryHeads(true)
                .create(arena, 3);
        network.grow(CLASSES);
        DoubleLayers loops = new DoubleLayers();
        try (Engine engine = Engines.cpu(2)) {
            Tensor images = NetworkTest.images(engine, image, IMAGES);
            Images input = new Images(IMAGES, 3, height, width, DoubleLayers.doubles(engine.toArray(images)));
            Outputs<Images> expected = network.forward(new DoubleForward(loops, frozenNorm), input, true);
            Tape tape = new Tape(engine);
            Outputs<Variable> actual = network.forward(tape, frozenNorm, tape.input(images), true);
            actual.zip(
                    expected,
                    (variable, values) ->
                            Golden.close("output", values.values(), engine.toArray(variable.value()), 2e-5));
            float[] factors = new float[IMAGES * CLASSES];
            Random random = new Random(4);
            for (int i = 0; i < factors.length; i++) {
                factors[i] = (float) random.nextGaussian();
            }
            Scalar loss = tape.fused(actual.logits(), 0, engine.tensor(Shape.of(IMAGES, CLASSES), factors));
            tape.backward(loss);
            for (Parameter parameter : network.parameters()) {
                if (!parameter.name().startsWith("auxiliary")) {
                    checkGradient(network, parameter, loops, input, frozenNorm, factors);
                }
            }
        }
    }

    /** Three elements of each parameter, against central differences of the loops. */
    private static void checkGradient(
            Network network,
            Parameter parameter,
            DoubleLayers loops,
            Images input,
            boolean frozenNorm,
            float[] factors) {
        double[] at = loops.values(parameter);
        float[] gradient = parameter.readGradient().toArray(JAVA_FLOAT);
        double largest = 0;
        for (float g : gradient) {
            largest = Math.max(largest, Math.abs(g));
        }
        assertTrue(largest > 0, parameter.name() + " has a gradient");
        for (int k = 0; k < 3; k++) {
            int i = (int) ((long) k * 7919 % at.length);
            double here = at[i];
            at[i] = here + STEP;
            double above = loss(network, loops, input, frozenNorm, factors);
            at[i] = here - STEP;
            double expected = (above - loss(network, loops, input, frozenNorm, factors)) / (2 * STEP);
            at[i] = here;
            double error = Math.abs(expected - gradient[i]);
            assertTrue(
                    error <= 1e-3 * largest,
                    parameter.name() + "[" + i + "]: expected " + expected + ", got " + gradient[i]);
        }
    }

    private static double loss(Network network, DoubleLayers loops, Images input, boolean frozenNorm, float[] factors) {
        double[] logits = network.forward(new DoubleForward(loops, frozenNorm), input, false)
                .logits()
                .values();
        double sum = 0;
        for (int i = 0; i < logits.length; i++) {
            sum += factors[i] * logits[i];
        }
        return sum;
    }
}

package dev.palimpsest.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.loss.CrossEntropy;
import dev.palimpsest.model.Network.Head;
import dev.palimpsest.model.Networks.ResNetOptions;
import dev.palimpsest.model.Networks.Stem;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class NetworkTest {
    private final Arena arena = Arena.ofShared();

    @AfterEach
    void close() {
        arena.close();
    }

    /**
     * A network of a size that nothing rounds up, as some recipe may ask for it; a stem's stride of 4 is the ImageNet
     * stem's.
     */
    record Design(String name, Shape image, int depth, List<Integer> widths, int stemStride) {
        Network build(boolean auxiliary, Arena arena, long seed) {
            return name.equals("digits-net")
                    ? Networks.digitsNet(image, widths)
                            .withAuxiliaryHeads(auxiliary)
                            .create(arena, seed)
                    : name.equals("resnet")
                            ? Networks.resNet(
                                            image,
                                            ResNetOptions.imageNet(depth)
                                                    .withWidths(widths)
                                                    .withStem(
                                                            stemStride == 4
                                                                    ? new Stem.ImageNet()
                                                                    : new Stem.Cifar(stemStride)))
                                    .withAuxiliaryHeads(auxiliary)
                                    .create(arena, seed)
                            : Networks.cifarResNet(
                                            image,
                                            ResNetOptions.cifar(depth)
                                                    .withWidths(widths)
                                                    .withStem(new Stem.Cifar(stemStride)))
                                    .withAuxiliaryHeads(auxiliary)
                                    .create(arena, seed);
        }

        @Override
        public String toString() {
            return name + " " + image + " " + widths;
        }
    }

    static Stream<Design> designs() {
        return Stream.of(
                new Design("digits-net", Shape.of(1, 8, 8), 0, List.of(16, 32, 64), 1),
                new Design("digits-net", Shape.of(3, 5, 9), 0, List.of(3, 7), 1),
                new Design("digits-net", Shape.of(1, 7, 7), 0, List.of(4, 8, 5, 9), 1),
                new Design("resnet", Shape.of(3, 35, 40), 18, List.of(5, 8, 6, 7), 4),
                new Design("resnet", Shape.of(1, 12, 16), 34, List.of(4, 3, 8, 5), 1),
                new Design("cifar-resnet", Shape.of(3, 16, 16), 14, List.of(16, 32, 64), 1),
                new Design("cifar-resnet", Shape.of(1, 11, 9), 8, List.of(3, 5, 7), 2),
                new Design("cifar-resnet", Shape.of(2, 8, 8), 8, List.of(8, 8, 8), 1));
    }

    @ParameterizedTest
    @MethodSource("designs")
    void growingKeepsOldRowsBitForBitAndGivesNewOnesStartingValues(Design design) {
        Network network = design.build(true, arena, 5);
        network.grow(3);
        List<int[]> before =
                network.heads().stream().map(head -> bits(head.weight())).toList();
        List<int[]> biasBefore =
                network.heads().stream().map(head -> bits(head.bias())).toList();
        network.grow(7);
        for (int h = 0; h < before.size(); h++) {
            Head head = network.heads().get(h);
            assertArrayEquals(
                    before.get(h),
                    Arrays.copyOf(bits(head.weight()), before.get(h).length),
                    head.weight().name());
            assertArrayEquals(
                    biasBefore.get(h),
                    Arrays.copyOf(bits(head.bias()), 3),
                    head.bias().name());
            int inputs = head.weight().shape().extent(1);
            assertEquals(Shape.of(7, inputs), head.weight().shape());
            requireSpread(Arrays.copyOfRange(head.weight().toArray(), 3 * inputs, 7 * inputs), inputs);
            requireSpread(Arrays.copyOfRange(head.bias().toArray(), 3, 7), inputs);
        }
        assertEquals(7, network.classes());
        assertThrows(IllegalArgumentException.class, () -> network.grow(6));
    }

    /** Uniform in ±1/√inputs: within the bound, on both sides, not all alike. */
    private static void requireSpread(float[] values, int inputs) {
        double bound = 1 / Math.sqrt(inputs);
        double largest = 0;
        var different = new HashSet<Float>();
        for (float value : values) {
            assertTrue(Math.abs(value) <= bound, value + " is beyond " + bound);
            largest = Math.max(largest, Math.abs(value));
            different.add(value);
        }
        assertTrue(largest > bound / 4 && different.size() > values.length / 2, Arrays.toString(values));
    }

    @ParameterizedTest
    @MethodSource("designs")
    void everyStageButTheLastHasAnAuxiliaryHeadIfAsked(Design design) {
        int stages = design.widths.size();
        Network with = design.build(true, arena, 5);
        assertEquals(stages, with.heads().size());
        with.grow(4);
        for (int l = 1; l < stages; l++) {
            String name = "auxiliary" + l + ".weight";
            Parameter head = with.parameters().stream()
                    .filter(p -> p.name().equals(name))
                    .findFirst()
                    .orElseThrow();
            assertEquals(Shape.of(4, design.widths.get(l - 1)), head.shape());
            assertEquals(Parameter.Role.HEAD, head.role());
        }
        Network without = design.build(false, arena, 5);
        assertEquals(1, without.heads().size());
        assertFalse(without.parameters().stream().anyMatch(p -> p.name().startsWith("auxiliary")));
    }

    @ParameterizedTest
    @MethodSource("designs")
    void everyOutputHasItsShapeAndEveryParameterAGradient(Design design) {
        Network network = design.build(true, arena, 5);
        network.grow(4);
        int[] labels = {0, 1, 2, 3, 0, 1};
        try (Engine engine = Engines.cpu(1)) {
            Tape tape = new Tape(engine);
            Outputs<Variable> outputs =
                    network.forward(tape, false, tape.input(images(engine, design.image, labels.length)), true);
            assertEquals(
                    design.widths,
                    outputs.pooled().stream()
                            .map(f -> f.value().shape().extent(1))
                            .toList());
            assertEquals(
                    Shape.of(6, design.widths.getLast()),
                    outputs.feature().value().shape());
            List<Scalar> terms = Stream.concat(outputs.auxiliary().stream(), Stream.of(outputs.logits()))
                    .map(z -> {
                        assertEquals(Shape.of(6, 4), z.value().shape());
                        return CrossEntropy.softmax(tape, engine, z, labels, new ClassRange(0, 4));
                    })
                    .toList();
            assertEquals(design.widths.size(), terms.size());
            tape.backward(
                    tape.weightedSum(terms, terms.stream().mapToDouble(t -> 1).toArray()));
            for (Parameter parameter : network.parameters()) {
                double size = 0;
                for (float g : parameter.readGradient().toArray(JAVA_FLOAT)) {
                    size += Math.abs(g);
                }
                assertTrue(size > 0 && Double.isFinite(size), parameter.name() + ": gradient of size " + size);
            }
        }
    }

    @Test
    void parametersHavePyTorchsNamesAndTheHeadsComeLast() {
        Network network = Networks.cifarResNet(
                        Shape.of(3, 8, 8), ResNetOptions.cifar(8).withWidths(List.of(4, 8, 12)))
                .withAuxiliaryHeads(true)
                .create(arena, 1);
        network.grow(2);
        List<String> names = network.parameters().stream().map(Parameter::name).toList();
        assertEquals(names.size(), new HashSet<>(names).size());
        assertEquals(
                List.of(
                        "conv1.weight",
                        "bn1.weight",
                        "bn1.bias",
                        "stage1.0.conv1.weight",
                        "stage1.0.bn1.weight",
                        "stage1.0.bn1.bias",
                        "stage1.0.conv2.weight"),
                names.subList(0, 7));
        assertTrue(
                names.containsAll(List.of("stage2.0.down.0.weight", "stage2.0.down.1.weight", "stage3.0.down.1.bias")));
        assertFalse(names.contains("stage1.0.down.0.weight"), "the identity fits here");
        assertEquals(
                List.of(
                        "fc.weight",
                        "fc.bias",
                        "auxiliary1.weight",
                        "auxiliary1.bias",
                        "auxiliary2.weight",
                        "auxiliary2.bias"),
                names.subList(names.size() - 6, names.size()));
        assertTrue(network.buffers().stream().anyMatch(b -> b.name().equals("stage2.0.down.1.running_var")));
        assertEquals(
                List.of(
                        "conv1.weight",
                        "bn1.weight",
                        "bn1.bias",
                        "stage1.conv.weight",
                        "stage1.bn.weight",
                        "stage1.bn.bias"),
                Networks.digitsNet(Shape.of(1, 8, 8), List.of(4, 8)).create(arena, 1).parameters().stream()
                        .map(Parameter::name)
                        .toList()
                        .subList(0, 6));
    }

    @ParameterizedTest
    @MethodSource("designs")
    void theNumberOfWeightsIsKnownBeforeTheHeadsGrow(Design design) {
        Network network = design.build(true, arena, 5);
        long foretold = network.weights(10);
        network.grow(10);
        assertEquals(network.parameters().stream().mapToLong(Parameter::size).sum(), foretold);
    }

    @ParameterizedTest
    @MethodSource("designs")
    void theSeedDecidesTheStart(Design design) {
        int[] one = start(design, 1);
        assertArrayEquals(one, start(design, 1));
        assertFalse(Arrays.equals(one, start(design, 2)));
    }

    private int[] start(Design design, long seed) {
        Network network = design.build(true, arena, seed);
        network.grow(3);
        return network.parameters().stream()
                .flatMapToInt(p -> Arrays.stream(bits(p)))
                .toArray();
    }

    private static int[] bits(Parameter parameter) {
        return parameter.read().toArray(JAVA_INT);
    }

    @Test
    void whatIsNoNetworkIsRefused() {
        Shape image = Shape.of(1, 8, 8);
        assertThrows(
                IllegalArgumentException.class,
                () -> Networks.cifarResNet(image, ResNetOptions.cifar(9).withWidths(List.of(4, 8, 12))));
        assertThrows(
                IllegalArgumentException.class,
                () -> Networks.cifarResNet(image, ResNetOptions.cifar(2).withWidths(List.of(4, 8, 12))));
        assertThrows(
                IllegalArgumentException.class,
                () -> Networks.cifarResNet(image, ResNetOptions.cifar(8).withWidths(List.of(4, 8))));
        assertThrows(IllegalArgumentException.class, () -> Networks.digitsNet(image, List.of(4)));
        assertThrows(
                IllegalArgumentException.class,
                () -> Networks.resNet(
                        image,
                        ResNetOptions.imageNet(50)
                                .withWidths(List.of(4, 4, 4, 4))
                                .withStem(new Stem.Cifar(1))));
        assertThrows(
                IllegalArgumentException.class,
                () -> Networks.resNet(
                        image,
                        ResNetOptions.imageNet(18).withWidths(List.of(4, 4, 4)).withStem(new Stem.Cifar(1))));
    }

    /** Random images, the same every time. */
    static Tensor images(Engine engine, Shape image, int count) {
        Tensor images = engine.allocate(Shape.of(count, image.extent(0), image.extent(1), image.extent(2)));
        Random random = new Random(9);
        for (long i = 0; i < images.shape().elements(); i++) {
            images.data().setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian());
        }
        return images;
    }
}

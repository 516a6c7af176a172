package dev.palimpsest.engine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.BatchNorm;
import dev.palimpsest.engine.Convolution;
import dev.palimpsest.engine.DoubleLayers;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.EngineException;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.engine.MaxPooling;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.kernel.Kernels;
import dev.palimpsest.loss.CrossEntropy;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.Networks;
import dev.palimpsest.model.Networks.ResNetOptions;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.optim.Optimiser;
import dev.palimpsest.optim.UpdateRule;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.Supplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

class OneDnnBackendTest {
    /** Large enough for some layers to run on several threads and others not. */
    private static final Shape BATCH = Shape.of(6, 3, 32, 32);

    private final Arena arena = Arena.ofShared();
    private final OneDnnBackend backend = new OneDnnBackend(2);
    private final Engine engine = new Engine(backend);

    @AfterEach
    void close() {
        engine.close();
        arena.close();
    }

    @Test
    void steadyStateTrainingTakesNothingOffHeap() {
        Network network = network();
        Optimiser optimiser = new Optimiser(Optimiser.Loops.onHost(new UpdateRule.Sgd(0.9, false, 1e-4)));
        optimiser.track(network.parameters());
        step(engine, network, optimiser);
        long bytes = engine.allocatedBytes();
        int primitives = backend.dnn().openPrimitives();
        for (int i = 0; i < 5; i++) {
            step(engine, network, optimiser);
        }
        assertEquals(bytes, engine.allocatedBytes());
        assertEquals(primitives, backend.dnn().openPrimitives());
    }

    @Test
    void aPlayedTapeHandsAllMemoryBack() {
        step(engine, network(), null);
        assertEquals(0, backend.workspace().takenBytes());
    }

    @Test
    void aClearedTapeHandsAllMemoryBack() {
        Tape tape = new Tape(engine);
        network().forward(tape, false, tape.input(images(engine)), true);
        assertTrue(backend.workspace().takenBytes() > 0);
        tape.clear();
        assertEquals(0, backend.workspace().takenBytes());
    }

    /** The auxiliary heads and the first stage's features do not reach the loss. */
    @Test
    void whatTheLossDoesNotDependOnIsHandedBackToo() {
        Network network = network();
        Tape tape = new Tape(engine);
        Outputs<Variable> outputs = network.forward(tape, false, tape.input(images(engine)), true);
        tape.backward(loss(tape, engine, outputs));
        assertEquals(0, backend.workspace().takenBytes());
        for (float g : network.parameters().getLast().readGradient().toArray(JAVA_FLOAT)) {
            assertEquals(0, g);
        }
    }

    @Test
    void aFrozenNetworkHandsBackAllButItsOutputsAndFreesItsPrimitives() {
        Network network = network();
        int before = backend.dnn().openPrimitives();
        Tensor images = images(engine);
        try (FrozenNetwork frozen = new FrozenNetwork(engine, network, Weights.of(network))) {
            Outputs<Tensor> outputs = frozen.forward(images, true);
            outputs.pooled().forEach(engine::release);
            outputs.auxiliary().forEach(engine::release);
            engine.release(outputs.logits());
        }
        // What is left belongs to the shapes: pooling forward and backward a stage, three products for each head.
        assertTrue(
                backend.dnn().openPrimitives() - before <= 3 * 2 + 3 * 3,
                "primitives left: " + (backend.dnn().openPrimitives() - before));
        assertTrue(
                backend.workspace().takenBytes() <= BATCH.bytes(),
                "bytes taken: " + backend.workspace().takenBytes());
    }

    /** As in two hundred experiences: each has a batch of another size and a head of more classes. */
    @Test
    void whatWasBuiltForShapesThatAreGoneGoesWithThem() {
        List<float[]> logits = new ArrayList<>();
        for (int i = 0; i < 200; i++) {
            Parameter weight = new Parameter("w", Parameter.Role.HEAD, Shape.of(2 + i % 100, 4), arena);
            Parameter bias = new Parameter("b", Parameter.Role.HEAD, Shape.of(2 + i % 100), arena);
            float[] values = new float[weight.size()];
            for (int k = 0; k < values.length; k++) {
                values[k] = (k % 7 - 3) / 3f;
            }
            weight.set(values);
            Shape rows = Shape.of(1 + i % 50, 4);
            float[] input = new float[(int) rows.elements()];
            Arrays.fill(input, 0.5f);
            Tensor images = engine.tensor(rows, input);
            Tensor result = engine.linear(images, weight, bias);
            engine.release(engine.linearGradient(result, images, weight, bias));
            logits.add(engine.toArray(result));
            engine.release(images);
            engine.trim();
            assertEquals(0, backend.dnn().openPrimitives(), "primitives after " + i);
            assertEquals(result.shape().bytes(), engine.allocatedBytes(), "the result alone is left after " + i);
            engine.release(result);
        }
        engine.trim();
        assertEquals(0, engine.allocatedBytes());
        for (int i = 0; i < 100; i++) {
            assertArrayEquals(logits.get(i), logits.get(i + 100), "built anew, bit for bit");
        }
    }

    /** Two hundred teachers must not take two hundred networks' primitives. */
    @Test
    void frozenNetworksOfOneFormShareTheirPrimitives() {
        Network network = network();
        float[] alone = logits(network, null);
        Network other = Networks.cifarResNet(
                        Shape.of(3, 32, 32), ResNetOptions.cifar(8).withWidths(List.of(8, 16, 24)))
                .withAuxiliaryHeads(true)
                .create(arena, 6);
        other.grow(4);
        try (FrozenNetwork first = new FrozenNetwork(engine, network, Weights.of(network))) {
            assertArrayEquals(alone, logits(network, first));
            int primitives = backend.dnn().openPrimitives();
            float[] others = logits(other, null);
            try (FrozenNetwork second = new FrozenNetwork(engine, other, Weights.of(other))) {
                assertArrayEquals(others, logits(other, second));
                assertEquals(primitives, backend.dnn().openPrimitives());
                assertTrue(!Arrays.equals(alone, others), "networks of other weights");
            }
            assertArrayEquals(alone, logits(network, first), "what one has left the other still uses");
            assertEquals(primitives, backend.dnn().openPrimitives());
        }
        engine.trim();
        assertEquals(0, backend.dnn().openPrimitives());
    }

    /** Of a frozen network; null: of a copy that is frozen in an engine of its own. */
    private float[] logits(Network network, FrozenNetwork frozen) {
        if (frozen == null) {
            try (Engine own = Engines.cpu(2);
                    FrozenNetwork copy = new FrozenNetwork(own, network, Weights.of(network))) {
                return own.toArray(copy.forward(images(own), false).logits());
            }
        }
        Outputs<Tensor> outputs = frozen.forward(images(engine), false);
        return engine.toArray(outputs.logits());
    }

    @Test
    void aFrozenConvolutionKeepsPrimitivesForSomeSizesOfBatches() {
        Convolution geometry = new Convolution(3, 16, 3, 1, 1);
        MemorySegment weight = arena.allocate(geometry.weightShape().bytes(), 64);
        try (Convolution.Frozen frozen = backend.freeze(geometry, weight, arena.allocate(64, 64))) {
            long bytes = 0;
            for (int i = 1; i <= 40; i++) {
                Tensor images = engine.tensor(Shape.of(i, 3, 8, 8), new float[i * 3 * 64]);
                engine.release(frozen.apply(images, null, true));
                engine.release(images);
                assertTrue(
                        backend.dnn().openPrimitives() <= 8,
                        "primitives: " + backend.dnn().openPrimitives());
                bytes = i == 10 ? frozen.bytes() : bytes;
            }
            assertEquals(bytes, frozen.bytes());
        }
        assertEquals(0, backend.dnn().openPrimitives());
    }

    @Test
    void anyNumberOfThreadsGivesTheSameBits() {
        float[] expected = weightsAfterTraining(1);
        for (int threads : new int[] {1, 2, 3, 4, 7}) {
            assertArrayEquals(expected, weightsAfterTraining(threads), threads + " threads");
        }
    }

    private float[] weightsAfterTraining(int threads) {
        try (Engine own = Engines.cpu(threads)) {
            Network network = network();
            Optimiser optimiser = new Optimiser(Optimiser.Loops.onHost(new UpdateRule.Sgd(0.9, false, 1e-4)));
            optimiser.track(network.parameters());
            for (int i = 0; i < 4; i++) {
                step(own, network, optimiser);
            }
            return network.parameters().getFirst().toArray();
        }
    }

    @Test
    void convolutionsBetweenAllWidthsAreRightAndFast() {
        int[] widths = {1, 3, 4, 8, 12, 16, 20, 48};
        for (int inputs : widths) {
            for (int outputs : widths) {
                for (boolean rowMajor : new boolean[] {true, false}) {
                    checkConvolution(new Convolution(inputs, outputs, 3, 2 - outputs % 3 % 2, 1), rowMajor);
                }
            }
        }
    }

    /** The test above computes with both. */
    @Test
    void ownConvolutionsTakeWhatTheyComputeFasterThanOneDnn() {
        boolean fast = backend.hasAvx512() && Kernels.chosen() == Kernels.Implementation.AVX512;
        assertEquals(fast, takes(new Convolution(16, 16, 3, 1, 1), Tensor.Layout.ENGINE));
        assertEquals(fast, takes(new Convolution(256, 256, 3, 1, 1), Tensor.Layout.ENGINE));
        assertFalse(takes(new Convolution(16, 16, 3, 1, 1), Tensor.Layout.ROW_MAJOR));
        for (Convolution other : List.of(
                new Convolution(8, 16, 3, 1, 1),
                new Convolution(16, 24, 3, 1, 1),
                new Convolution(512, 256, 3, 1, 1),
                new Convolution(16, 16, 1, 1, 1),
                new Convolution(16, 16, 3, 2, 1),
                new Convolution(16, 16, 3, 1, 0))) {
            assertFalse(takes(other, Tensor.Layout.ENGINE), other + "");
        }
    }

    private boolean takes(Convolution geometry, Tensor.Layout layout) {
        return WinogradConvolution.fits(backend, geometry, layout);
    }

    /** The output against loops in double, and both gradients by ⟨y(x, w), g⟩ = ⟨x, ∂x⟩ = ⟨w, ∂w⟩. */
    private void checkConvolution(Convolution geometry, boolean rowMajor) {
        SplittableRandom random = new SplittableRandom(7);
        Shape shape = Shape.of(8, geometry.inputs(), 12, 12);
        float[] x = normal(random, shape);
        Parameter weight = new Parameter("w", Parameter.Role.WEIGHT, geometry.weightShape(), arena);
        weight.valueMirror().update().copyFrom(MemorySegment.ofArray(normal(random, geometry.weightShape())));
        Tensor images = engine.tensor(shape, x);
        Tensor input = rowMajor ? images : engine.unflatten(engine.flatten(images), shape);
        Tensor output = engine.convolution(input, weight, geometry);
        float[] y = engine.toArray(output);
        double[] expected = new DoubleLayers()
                .convolution(
                        new DoubleLayers.Images(8, geometry.inputs(), 12, 12, DoubleLayers.doubles(x)),
                        weight,
                        geometry)
                .values();
        double scale = Math.sqrt(9.0 * geometry.inputs());
        for (int i = 0; i < y.length; i++) {
            assertEquals(expected[i], y[i], 1e-5 * scale, geometry + " at " + i);
        }
        float[] g = normal(random, output.shape());
        Tensor gradient = engine.unflatten(engine.flatten(engine.tensor(output.shape(), g)), output.shape());
        double product = dot(y, g);
        double tolerance = 1e-5 * scale * Math.sqrt(y.length);
        float[] byImages = engine.toArray(engine.convolutionInputGradient(gradient, weight, geometry, shape));
        assertEquals(product, dot(x, byImages), tolerance, geometry + " by images");
        engine.convolutionWeightGradient(input, gradient, weight, geometry);
        float[] byWeight = weight.readGradient().toArray(JAVA_FLOAT);
        assertEquals(product, dot(weight.toArray(), byWeight), tolerance, geometry + " by weight");
        fast(geometry, shape, () -> engine.convolution(input, weight, geometry));
        fast(geometry, shape, () -> engine.convolutionInputGradient(gradient, weight, geometry, shape));
        fast(geometry, shape, () -> {
            engine.convolutionWeightGradient(input, gradient, weight, geometry);
            return gradient;
        });
    }

    /** 10⁹ operations a second are a tenth of what compiled code does, and ten times what oneDNN's plain loops do. */
    private static void fast(Convolution geometry, Shape images, Supplier<Tensor> use) {
        long operations = new ConvolutionPrimitive.Problem(geometry, images, Tensor.Layout.ENGINE).operations();
        long best = Long.MAX_VALUE;
        for (int i = 0; i < 5; i++) {
            long begin = System.nanoTime();
            use.get();
            best = Math.min(best, System.nanoTime() - begin);
        }
        assertTrue(best < 1_000_000 + operations, geometry + " takes " + best + " ns");
    }

    private static float[] normal(SplittableRandom random, Shape shape) {
        float[] values = new float[Math.toIntExact(shape.elements())];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private static double dot(float[] a, float[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += (double) a[i] * b[i];
        }
        return sum;
    }

    @Test
    void twoEnginesOfOneThreadDoNotDisturbEachOther() {
        float[] alone = weightsAfterTraining(2);
        try (Engine one = Engines.cpu(1)) {
            Network network = network();
            Network other = network();
            Optimiser optimiser = new Optimiser(Optimiser.Loops.onHost(new UpdateRule.Sgd(0.9, false, 1e-4)));
            optimiser.track(network.parameters());
            for (int i = 0; i < 4; i++) {
                step(engine, network, optimiser);
                step(one, other, null);
            }
            assertArrayEquals(alone, network.parameters().getFirst().toArray());
        }
    }

    @Test
    void borrowedMemoryStaysTheCallers() {
        MemorySegment mine = arena.allocate(64);
        engine.release(engine.wrap(Shape.of(16), mine));
        for (int i = 0; i < 3; i++) {
            assertTrue(engine.allocate(Shape.of(16)).data().address() != mine.address());
        }
        assertTrue(engine.wrap(Shape.of(16), mine).shared(), "borrowed memory must not be written in place");
    }

    @Test
    void aTensorOfGivenValuesHoldsACopyOfThem() {
        float[] values = {1, -2, 3.5f, 0, 5, Float.MIN_VALUE};
        var tensor = engine.tensor(Shape.of(2, 3), values);
        values[0] = 9;
        assertArrayEquals(new float[] {1, -2, 3.5f, 0, 5, Float.MIN_VALUE}, engine.toArray(tensor));
        refused("a tensor of 2×3 needs 6 values, got 5", () -> engine.tensor(Shape.of(2, 3), new float[5]));
    }

    @Test
    void aClosedEngineRefusesEverythingAndClosesAgain() {
        Network network = network();
        Engine own = Engines.cpu(1);
        FrozenNetwork frozen = new FrozenNetwork(own, network, Weights.of(network));
        Tensor images = images(own);
        step(own, network, null);
        own.close();
        own.close();
        for (Executable use : List.<Executable>of(
                () -> own.allocate(Shape.of(1)),
                () -> own.toArray(images),
                () -> frozen.forward(images, false),
                () -> own.convolution(images, network.parameters().getFirst(), new Convolution(3, 8, 3, 1, 1)))) {
            assertEquals(
                    "the engine is closed: open another one with Engines.open",
                    assertThrows(IllegalStateException.class, use).getMessage());
        }
        frozen.close();
    }

    @Test
    void badInputIsRefusedWithItsSizes() {
        Convolution geometry = new Convolution(3, 8, 3, 1, 1);
        Parameter weight = parameter("conv", geometry.weightShape());
        Tensor images = images(engine);
        Tensor activation = engine.convolution(images, weight, geometry);
        BatchNorm norm = norm(8);
        BatchNorm wide = norm(16);
        refused(
                "convolution needs images of N×3×H×W, got 6×8×32×32",
                () -> engine.convolution(activation, weight, geometry));
        refused(
                "what is convolved, a tensor of 0×3×32×32, is empty: expected at least one value",
                () -> engine.convolution(engine.allocate(Shape.of(0, 3, 32, 32)), weight, geometry));
        refused(
                "conv is 8×3×3×3, the convolution needs 8×3×1×1",
                () -> engine.convolution(images, weight, new Convolution(3, 8, 1, 1, 0)));
        refused(
                "the gradient of the convolution's output must be 6×8×30×30, got 6×8×32×32",
                () -> engine.convolutionWeightGradient(images, activation, weight, new Convolution(3, 8, 3, 1, 0)));
        refused(
                "scale has 16 channels, the activation is 6×8×32×32",
                () -> engine.batchNorm(activation, wide, true, false));
        refused(
                "batch norm's input must be an activation N×C×H×W that a convolution gave, got row-major values of"
                        + " 6×3×32×32",
                () -> engine.batchNorm(images, norm, true, false));
        refused(
                "fc is 4×8 and needs an input of N×8, got 6×5",
                () -> engine.linear(
                        engine.allocate(Shape.of(6, 5)), parameter("fc", Shape.of(4, 8)), parameter("b", Shape.of(4))));
        refused(
                "fc has 4 outputs, b is 3",
                () -> engine.linear(
                        engine.allocate(Shape.of(6, 8)), parameter("fc", Shape.of(4, 8)), parameter("b", Shape.of(3))));
        refused(
                "a linear layer's input, a tensor of 0×8, is empty: expected at least one value",
                () -> engine.linear(
                        engine.allocate(Shape.of(0, 8)), parameter("fc", Shape.of(4, 8)), parameter("b", Shape.of(4))));
        refused(
                "expected two tensors of one shape and layout, got an activation of 6×8×32×32 and row-major values of"
                        + " 6×3×32×32",
                () -> engine.addRelu(activation, images));
        refused("a tensor of 4 needs 16 bytes, the memory has 12", () -> engine.wrap(Shape.of(4), arena.allocate(12)));
        refused(
                "maximum pooling's input must be an activation N×C×H×W that a convolution gave, got row-major"
                        + " values of 6×3×32×32",
                () -> engine.maxPool(images, new MaxPooling(3, 2, 1)));
        refused(
                "pooling over 40 pixels does not fit an image side of 32 padded by 0",
                () -> engine.maxPool(activation, new MaxPooling(40, 2, 0)));
        refused(
                "the gradient of the maxima must be 6×8×16×16, got 6×8×32×32",
                () -> engine.maxPoolGradient(
                        activation, activation, engine.maxPool(activation, new MaxPooling(3, 2, 1))));
        refused(
                "maximum pooling with kernel 3, stride 2, padding 2: expected positive sizes and a padding of at most"
                        + " half the kernel",
                () -> new MaxPooling(3, 2, 2));
        refused("an engine of 0 threads: expected 1 to 1024", () -> Engines.cpu(0));
    }

    @Test
    void oneValueAChannelHasNoVariance() {
        Convolution geometry = new Convolution(3, 8, 8, 1, 0);
        Tensor activation = engine.convolution(
                engine.allocate(Shape.of(1, 3, 8, 8)), parameter("conv", geometry.weightShape()), geometry);
        refused(
                "batch norm needs more than one value per channel, got activations of 1×8×1×1: train on batches of at"
                        + " least 2 images",
                () -> engine.batchNorm(activation, norm(8), true, false));
        engine.batchNorm(activation, norm(8), true, true);
    }

    @Test
    void aMissingLibraryIsNamedWithItsPackage() {
        String message = assertThrows(EngineException.class, () -> OneDnnLibrary.load("no/such/folder"))
                .getMessage();
        assertTrue(
                message.startsWith("oneDNN, which computes the layers on the CPU, could not be loaded (")
                        && message.contains("no/such/folder")
                        && message.endsWith(
                                "put org.bytedeco:dnnl:linux-x86_64 on the class path and libstdc++6 on the machine"),
                message);
    }

    private static void refused(String message, Executable use) {
        assertEquals(message, assertThrows(IllegalArgumentException.class, use).getMessage());
    }

    private Network network() {
        Network network = Networks.cifarResNet(
                        Shape.of(3, 32, 32), ResNetOptions.cifar(8).withWidths(List.of(8, 16, 24)))
                .withAuxiliaryHeads(true)
                .create(arena, 5);
        network.grow(4);
        return network;
    }

    private static Tensor images(Engine engine) {
        Tensor images = engine.allocate(BATCH);
        SplittableRandom random = new SplittableRandom(9);
        for (long i = 0; i < BATCH.elements(); i++) {
            images.data().setAtIndex(JAVA_FLOAT, i, (float) random.nextGaussian());
        }
        return images;
    }

    private static Scalar loss(Tape tape, Engine engine, Outputs<Variable> outputs) {
        return CrossEntropy.softmax(tape, engine, outputs.logits(), new int[] {0, 1, 2, 3, 0, 1}, new ClassRange(0, 4));
    }

    /** One training step; without an optimiser the weights stay. */
    private static void step(Engine engine, Network network, Optimiser optimiser) {
        network.parameters().forEach(parameter -> parameter.gradientMirror().clear());
        Tape tape = new Tape(engine);
        tape.backward(loss(tape, engine, network.forward(tape, false, tape.input(images(engine)), false)));
        if (optimiser != null) {
            optimiser.step(0.05);
        }
    }

    private Parameter parameter(String name, Shape shape) {
        return new Parameter(name, Parameter.Role.WEIGHT, shape, arena);
    }

    private BatchNorm norm(int channels) {
        Shape shape = Shape.of(channels);
        return new BatchNorm(
                parameter("scale", shape),
                parameter("shift", shape),
                new Buffer("mean", shape, arena.allocate(shape.bytes(), 64)),
                new Buffer("variance", shape, arena.allocate(shape.bytes(), 64)));
    }
}

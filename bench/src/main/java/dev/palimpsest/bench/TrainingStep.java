package dev.palimpsest.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.loss.CrossEntropy;
import dev.palimpsest.model.Architecture;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.Networks;
import dev.palimpsest.model.Networks.ResNetOptions;
import dev.palimpsest.model.Networks.Stem;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.optim.Optimiser;
import dev.palimpsest.optim.UpdateRule;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.SplittableRandom;

/**
 * What the training benchmarks and their peers all compute: a network, one batch of noise with labels, and a step of
 * SGD with momentum.
 */
final class TrainingStep implements AutoCloseable {
    /** ResNet-32 of CIFAR: batch 128 of 32×32. */
    static final String RESNET_32 = "resnet-32";
    /** ResNet-18 with the first layer for CIFAR: batch 64 of 32×32. */
    static final String RESNET_18 = "resnet-18";
    /** ResNet-18 as for ImageNet: batch 16 of 224×224. */
    static final String RESNET_18_PHOTOGRAPHS = "resnet-18-224";

    static final List<String> NETWORKS = List.of(RESNET_32, RESNET_18, RESNET_18_PHOTOGRAPHS);

    static final double LEARNING_RATE = 0.01;
    static final double MOMENTUM = 0.9;

    final int batch;
    final int classes;
    final Network network;
    final Engine engine;
    final float[] images;
    final int[] labels;
    private final Arena arena = Arena.ofShared();
    private final Shape shape;
    private final MemorySegment imageMemory;
    private final Optimiser optimiser;

    private TrainingStep(Network network, Arena arena, int batch, int classes, int threads) {
        this.network = network;
        this.batch = batch;
        this.classes = classes;
        network.grow(classes);
        engine = Engines.cpu(threads);
        optimiser = engine.optimiser(new UpdateRule.Sgd(MOMENTUM, false, 0));
        optimiser.track(network.parameters());
        Shape image = network.image();
        shape = Shape.of(batch, image.extent(0), image.extent(1), image.extent(2));
        SplittableRandom random = new SplittableRandom(7);
        images = new float[Math.toIntExact(shape.elements())];
        for (int i = 0; i < images.length; i++) {
            images[i] = (float) random.nextGaussian();
        }
        labels = random.ints(batch, 0, classes).toArray();
        imageMemory = this.arena.allocate(shape.bytes(), 64).copyFrom(MemorySegment.ofArray(images));
    }

    /**
     * A ResNet with 100 classes.
     *
     * @param name of {@link #NETWORKS}
     */
    static TrainingStep of(String name, int threads) {
        return switch (name) {
            case RESNET_32 -> of(Networks.cifarResNet(Shape.of(3, 32, 32), 32), 128, threads);
            case RESNET_18 ->
                of(
                        Networks.resNet(
                                Shape.of(3, 32, 32), ResNetOptions.imageNet(18).withStem(new Stem.Cifar(1))),
                        64,
                        threads);
            case RESNET_18_PHOTOGRAPHS -> of(Networks.resNet(Shape.of(3, 224, 224), 18), 16, threads);
            default -> throw new IllegalArgumentException("network = " + name + ": expected one of " + NETWORKS);
        };
    }

    private static TrainingStep of(Architecture architecture, int batch, int threads) {
        Arena arena = Arena.ofAuto();
        return new TrainingStep(architecture.create(arena, 1), arena, batch, 100, threads);
    }

    /** The network for 8×8 digits: so little work that what surrounds the arithmetic decides. */
    static TrainingStep digits(int threads) {
        Arena arena = Arena.ofAuto();
        return new TrainingStep(
                Networks.digitsNet(Shape.of(1, 8, 8), List.of(16, 32, 64)).create(arena, 1), arena, 32, 10, threads);
    }

    /**
     * Forward, backward, update.
     *
     * @return the loss before the update
     */
    double run() {
        double loss = gradients();
        optimiser.step(LEARNING_RATE);
        return loss;
    }

    private double gradients() {
        for (Parameter parameter : network.parameters()) {
            parameter.gradientMirror().clear();
        }
        Tape tape = new Tape(engine);
        Scalar loss = loss(tape);
        tape.backward(loss);
        return loss.value();
    }

    /** The batch; it stays this object's. */
    Tensor images() {
        return engine.wrap(shape, imageMemory);
    }

    /** Logits with batch norm by the running statistics, unfolded. */
    float[] evaluate() {
        Tape tape = new Tape(engine);
        float[] logits = engine.toArray(network.forward(tape, true, tape.input(images()), false)
                .logits()
                .value());
        tape.clear();
        return logits;
    }

    private Scalar loss(Tape tape) {
        Outputs<Variable> outputs = network.forward(tape, false, tape.input(images()), false);
        return CrossEntropy.softmax(tape, engine, outputs.logits(), labels, new ClassRange(0, classes));
    }

    /**
     * Checks the whole gradient at once: along itself, the loss must change by its length. Leaves the weights as they
     * were.
     */
    void verify() {
        gradients();
        double squares = 0;
        for (Parameter parameter : network.parameters()) {
            for (float g : parameter.readGradient().toArray(JAVA_FLOAT)) {
                squares += (double) g * g;
            }
        }
        double length = Math.sqrt(squares);
        double reach = 2e-3;
        double change = (lossAlongGradient(reach / length) - lossAlongGradient(-reach / length)) / (2 * reach);
        if (!(Math.abs(change - length) <= 0.02 * length)) {
            throw new IllegalStateException(
                    "the gradient's length is " + length + " but the loss changes along it by " + change);
        }
    }

    private double lossAlongGradient(double factor) {
        List<Parameter> parameters = network.parameters();
        List<float[]> saved = parameters.stream().map(Parameter::toArray).toList();
        for (Parameter parameter : parameters) {
            float[] moved = parameter.toArray();
            float[] gradient = parameter.readGradient().toArray(JAVA_FLOAT);
            for (int i = 0; i < moved.length; i++) {
                moved[i] += (float) (factor * gradient[i]);
            }
            parameter.set(moved);
        }
        Tape tape = new Tape(engine);
        double loss = loss(tape).value();
        tape.clear();
        for (int i = 0; i < saved.size(); i++) {
            parameters.get(i).set(saved.get(i));
        }
        return loss;
    }

    @Override
    public void close() {
        optimiser.close();
        engine.close();
        arena.close();
    }
}

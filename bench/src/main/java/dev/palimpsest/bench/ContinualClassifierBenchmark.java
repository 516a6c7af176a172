package dev.palimpsest.bench;

import dev.palimpsest.ContinualClassifier;
import dev.palimpsest.Lesson;
import dev.palimpsest.Prediction;
import dev.palimpsest.Samples;
import dev.palimpsest.Setup;
import dev.palimpsest.data.Images;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.evaluation.Inference;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.Networks;
import dev.palimpsest.model.Networks.ResNetOptions;
import dev.palimpsest.model.Networks.Stem;
import dev.palimpsest.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A model that keeps learning, over three snapshots of a ResNet-8 for RGB images of 32×32: milliseconds to register a
 * class of 100 images, to classify these and to classify one, against one network's pass over one image; and, printed
 * once, the bytes of the model's folder and the seconds from opening it to a first prediction. The images are patterns
 * under noise, 20 of each class that is there before.
 */
@State(Scope.Benchmark)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Fork(1)
public class ContinualClassifierBenchmark {
    private static final int SIDE = 32;
    private static final int VALUES = 3 * SIDE * SIDE;
    private static final int SNAPSHOTS = 3;
    private static final int PER_CLASS = 20;
    private static final int REGISTERED = 100;

    @Param({"10", "100", "1000"})
    int classes;

    /** How many of the first classes shape the covariance that all share; 0: all, so that a lesson fits all anew. */
    @Param("50")
    int shared;

    private Path folder;
    private ContinualClassifier model;
    private Images one;
    private Images hundred;
    private int next;

    @org.openjdk.jmh.annotations.Setup
    public void teach() throws IOException {
        folder = Files.createTempDirectory("palimpsest-bench");
        Setup setup = Setup.images(3, SIDE, SIDE).withEpochs(1).withSharedClasses(shared);
        model = ContinualClassifier.create(folder.resolve("model"), setup);
        for (int snapshot = 0; snapshot < SNAPSHOTS; snapshot++) {
            model.learn(lesson(2, PER_CLASS), Lesson.Kind.TRAINED);
        }
        model.learn(lesson(classes - next, PER_CLASS));
        one = images(List.of(0), 1, 1);
        hundred = images(List.of(0), 1, REGISTERED);
        verify();
        long start = System.nanoTime();
        try (ContinualClassifier opened = ContinualClassifier.open(folder.resolve("model"))) {
            opened.classify(one);
        }
        System.out.printf(
                Locale.ROOT,
                "%d classes: %.2f MB, %.2f s to open and classify first%n",
                classes,
                1e-6 * model.bytes(),
                1e-9 * (System.nanoTime() - start));
    }

    private void verify() {
        List<Prediction> predictions =
                model.classify(images(IntStream.range(0, 10).boxed().toList(), 2, 1));
        long right = IntStream.range(0, 10)
                .filter(c -> predictions.get(c).className().equals("class " + c))
                .count();
        if (right < 7) {
            throw new IllegalStateException(right + " of 10 images are classified right");
        }
    }

    private Samples lesson(int count, int perClass) {
        int first = next;
        next += count;
        return Samples.of(
                images(IntStream.range(first, next).boxed().toList(), 0, perClass),
                IntStream.range(first, next).mapToObj(c -> "class " + c).toList());
    }

    /** Labels count from 0. @param seed of the noise */
    private static Images images(List<Integer> chosen, int seed, int perClass) {
        byte[] pixels = new byte[chosen.size() * perClass * VALUES];
        int[] labels = new int[chosen.size() * perClass];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = i / perClass;
            Random pattern = new Random(chosen.get(labels[i]));
            Random noise = new Random(1_000_003L * seed + i);
            int[] levels = pattern.ints(3 * 16, 40, 216).toArray();
            for (int p = 0; p < VALUES; p++) {
                int block = p / (SIDE * SIDE) * 16 + p / SIDE % SIDE / 8 * 4 + p % SIDE / 8;
                pixels[i * VALUES + p] = (byte) (levels[block] + noise.nextInt(-40, 40));
            }
        }
        return Images.of(3, SIDE, SIDE, pixels, labels);
    }

    /** A class that the model does not know yet. */
    @State(Scope.Thread)
    public static class NewClass {
        private Samples samples;

        @org.openjdk.jmh.annotations.Setup(Level.Invocation)
        public void draw(ContinualClassifierBenchmark of) {
            samples = of.lesson(1, REGISTERED);
        }
    }

    @Benchmark
    @BenchmarkMode(Mode.SingleShotTime)
    @Warmup(iterations = 3)
    @Measurement(iterations = 10)
    public Lesson registerAClassOf100Images(NewClass fresh) throws IOException {
        return model.learn(fresh.samples, Lesson.Kind.REGISTERED);
    }

    @Benchmark
    @BenchmarkMode(Mode.AverageTime)
    @Warmup(iterations = 2, time = 1)
    @Measurement(iterations = 5, time = 1)
    public List<Prediction> classifyOneImage() {
        return model.classify(one);
    }

    @Benchmark
    @BenchmarkMode(Mode.AverageTime)
    @Warmup(iterations = 2, time = 1)
    @Measurement(iterations = 5, time = 1)
    public List<Prediction> classify100Images() {
        return model.classify(hundred);
    }

    /** One snapshot's network, without classes. */
    @State(Scope.Benchmark)
    public static class OneNetwork {
        private final Arena arena = Arena.ofShared();
        private Engine engine;
        private FrozenNetwork network;
        private Inference inference;

        @org.openjdk.jmh.annotations.Setup
        public void compile() {
            Network fresh = Networks.cifarResNet(
                            Shape.of(3, SIDE, SIDE), ResNetOptions.cifar(8).withStem(new Stem.Cifar(2)))
                    .create(arena, 1);
            fresh.grow(1);
            engine = Engines.cpu(Runtime.getRuntime().availableProcessors());
            network = new FrozenNetwork(engine, fresh, Weights.of(fresh));
            inference = new Inference(engine, images(List.of(0), 1, 1));
        }

        @Benchmark
        @BenchmarkMode(Mode.AverageTime)
        @OutputTimeUnit(TimeUnit.MILLISECONDS)
        @Fork(1)
        @Warmup(iterations = 2, time = 1)
        @Measurement(iterations = 5, time = 1)
        public float[][] pass() {
            return inference.pooled(network, new int[] {0}, 1);
        }

        @TearDown
        public void close() {
            inference.close();
            network.close();
            engine.close();
            arena.close();
        }
    }

    @TearDown
    public void close() throws IOException {
        model.close();
        Folders.delete(folder);
    }
}

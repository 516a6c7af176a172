package example.training;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.method.M2kd;
import dev.palimpsest.model.Architecture;
import dev.palimpsest.model.Node;
import dev.palimpsest.stream.ClassIncrementalStream;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.train.Experiment;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Methods;
import dev.palimpsest.train.Result;
import dev.palimpsest.train.TrainingOptions;
import java.io.IOException;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;

/**
 * Trains a network of one's own on images of one's own, with M2KD and with a method of one's own; then has a model that
 * keeps learning.
 */
public final class Main {
    static final int SIDE = 12;
    private static final int CLASSES = 6;
    static final List<String> NAMES =
            IntStream.range(0, CLASSES).mapToObj(c -> "stripes " + c).toList();

    private Main() {}

    /** Prints both accuracies; fails if nothing was learnt, or the record does not say by what. */
    public static void main(String[] arguments) throws IOException {
        if (ModuleLayer.boot().findModule("jcuda").isPresent()) {
            throw new AssertionError("training on the processor must do without JCuda");
        }
        Stream stream = ClassIncrementalStream.of(stripes(), "3x2", "1", 0, 1);
        train(stream, new M2kd(M2kd.Options.DEFAULT), Map.of("method", "m2kd", "groups", "own"));
        train(
                stream,
                Methods.named(LogitSqueezing.NAME).create(Map.of("squeeze", "0.002")),
                Map.of("method", LogitSqueezing.NAME, "squeeze", "0.002"));
        KeepsLearning.run();
    }

    private static void train(Stream stream, Method method, Map<String, String> recorded) {
        Experiment experiment = Experiment.of(stream)
                .network(Main::network)
                .method(method)
                .training(TrainingOptions.DEFAULT.withEpochs(8).withBatch(16).withLearningRate(0.05))
                .engine(Engines.cpu(2))
                .seed(1);
        Map<String, String> record = experiment.options();
        recorded.forEach((option, text) -> {
            if (!text.equals(record.get(option))) {
                throw new AssertionError("expected " + option + " = " + text + " in the record " + record);
            }
        });
        Result result = experiment.run();
        double accuracy = result.accuracy().finalAccuracy();
        System.out.println(method.name() + ": final accuracy " + accuracy + ", weights " + result.weightsSha256());
        if (!(accuracy > 3.0 / CLASSES)) {
            throw new AssertionError(method.name() + " is right on " + accuracy + " of " + CLASSES + " classes");
        }
    }

    /** Two convolutions and a hidden layer; the convolutions' outputs are stages, and so is the hidden layer. */
    private static Architecture network(Shape image) {
        return Architecture.of(image, images -> {
            Node x = images.convolution("conv1", 8, 3, 1).norm("bn1").relu().stage();
            Node y = x.convolution("conv2", 8, 3, 1).norm("bn2").add(x).relu().stage();
            y.convolution("conv3", 8, 3, 2)
                    .norm("bn3")
                    .relu()
                    .flatten()
                    .linear("hidden", 32)
                    .relu()
                    .stage();
        });
    }

    /** Class c has stripes of its own direction and width, at a random place under noise. */
    private static Dataset stripes() {
        return Dataset.of("stripes", NAMES, images(40, 1), images(20, 2));
    }

    static Images images(int perClass, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int[] labels = new int[CLASSES * perClass];
        float[] values = new float[labels.length * SIDE * SIDE];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = i % CLASSES;
            double angle = Math.PI * (labels[i] % 3) / 3;
            double length = labels[i] < 3 ? 3 : 6;
            double phase = random.nextDouble(2 * Math.PI);
            for (int pixel = 0; pixel < SIDE * SIDE; pixel++) {
                double along = pixel / SIDE * Math.sin(angle) + pixel % SIDE * Math.cos(angle);
                double wave = Math.sin(2 * Math.PI * along / length + phase);
                values[i * SIDE * SIDE + pixel] = (float) (0.5 + 0.3 * wave + random.nextDouble(-0.2, 0.2));
            }
        }
        return Images.of(1, SIDE, SIDE, values, labels);
    }
}

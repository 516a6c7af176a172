package dev.palimpsest.bench;

import dev.palimpsest.ContinualClassifier;
import dev.palimpsest.Lesson;
import dev.palimpsest.Prediction;
import dev.palimpsest.Samples;
import dev.palimpsest.Setup;
import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * How well a model with the default setup learns a data set lesson by lesson: accuracy on the test images of all
 * classes learnt so far, how many of them it calls unknown, and what each kind of lesson takes. Arguments: data set,
 * classes of a lesson, images of a class at most, class orders with commas.
 */
public final class Lessons {
    private static final int BINS = 15;

    private Lessons() {}

    public static void main(String[] args) throws IOException {
        if (args.length != 4) {
            System.err.println(
                    "expected DATA-SET CLASSES-OF-A-LESSON IMAGES-OF-A-CLASS ORDER,…, as in: digits 2 1000 1,2,3");
            System.exit(2);
        }
        Dataset data = Dataset.load(args[0], Optional.empty());
        int classes = Integer.parseInt(args[1]);
        int most = Integer.parseInt(args[2]);
        System.out.println("| order | average | final | called unknown | right of the others | calibration error"
                + " | s per trained, registered lesson | ms per image | bytes |");
        for (String order : args[3].split(",")) {
            learn(data, classes, most, Long.parseLong(order));
        }
    }

    private static void learn(Dataset data, int classes, int most, long order) throws IOException {
        List<Integer> labels =
                IntStream.range(0, data.classes()).boxed().collect(Collectors.toCollection(ArrayList::new));
        Collections.shuffle(labels, new Random(order));
        Path folder = Files.createTempDirectory("palimpsest-lessons");
        Setup setup = Setup.images(data.channels(), data.height(), data.width()).withSeed(order);
        Seconds trained = new Seconds();
        Seconds registered = new Seconds();
        Score score = new Score();
        double sum = 0;
        int lessons = Math.ceilDiv(data.classes(), classes);
        try (ContinualClassifier model = ContinualClassifier.create(folder.resolve("model"), setup)) {
            for (int i = 0; i < lessons; i++) {
                int end = Math.min(data.classes(), (i + 1) * classes);
                Lesson lesson = model.learn(
                        Samples.of(of(data.train(), labels.subList(i * classes, end), most), data.classNames()));
                (lesson.kind() == Lesson.Kind.TRAINED ? trained : registered).add(lesson.seconds());
                score = Score.of(model, data, of(data.test(), labels.subList(0, end), Integer.MAX_VALUE));
                sum += score.right;
            }
            System.out.printf(
                    Locale.ROOT,
                    "| %d | %.1f | %.1f | %.1f | %.1f | %.1f | %s, %s | %.2f | %,d |%n",
                    order,
                    100 * sum / lessons,
                    100 * score.right,
                    100 * score.unknown,
                    100 * score.rightOfKnown,
                    100 * score.calibrationError,
                    trained,
                    registered,
                    score.milliseconds,
                    model.bytes());
        } finally {
            Folders.delete(folder);
        }
    }

    /** The first images of each of these classes. */
    private static Images of(Images images, List<Integer> labels, int most) {
        Set<Integer> wanted = new HashSet<>(labels);
        int[] taken = new int[Collections.max(labels) + 1];
        int[] chosen = IntStream.range(0, images.size())
                .filter(i -> wanted.contains(images.label(i)) && taken[images.label(i)]++ < most)
                .toArray();
        byte[] pixels = new byte[Math.multiplyExact(chosen.length, images.valuesPerImage())];
        int at = 0;
        for (int i : chosen) {
            for (int c = 0; c < images.channels(); c++) {
                for (int y = 0; y < images.height(); y++) {
                    for (int x = 0; x < images.width(); x++) {
                        pixels[at++] = (byte) images.pixel(i, c, y, x);
                    }
                }
            }
        }
        int[] labelOfEach = Arrays.stream(chosen).map(images::label).toArray();
        return Images.of(images.channels(), images.height(), images.width(), pixels, labelOfEach);
    }

    /** Of all lessons of a kind. */
    private static final class Seconds {
        private double sum;
        private int lessons;

        void add(double seconds) {
            sum += seconds;
            lessons++;
        }

        @Override
        public String toString() {
            return lessons == 0 ? "–" : String.format(Locale.ROOT, "%.1f", sum / lessons);
        }
    }

    /** Shares of the test images. */
    private static final class Score {
        private double right;
        private double unknown;
        private double rightOfKnown;
        private double calibrationError;
        private double milliseconds;

        static Score of(ContinualClassifier model, Dataset data, Images test) {
            long start = System.nanoTime();
            List<Prediction> predictions = model.classify(test);
            Score score = new Score();
            score.milliseconds = (System.nanoTime() - start) / 1e6 / test.size();
            double[] surplus = new double[BINS];
            int known = 0;
            for (int i = 0; i < test.size(); i++) {
                Prediction prediction = predictions.get(i);
                int right = prediction.className().equals(data.classNames().get(test.label(i))) ? 1 : 0;
                score.right += right;
                if (!prediction.unknown()) {
                    known++;
                    score.rightOfKnown += right;
                }
                surplus[Math.min(BINS - 1, (int) (prediction.probability() * BINS))] +=
                        prediction.probability() - right;
            }
            score.right /= test.size();
            score.rightOfKnown /= known;
            score.unknown = 1 - (double) known / test.size();
            score.calibrationError = Arrays.stream(surplus).map(Math::abs).sum() / test.size();
            return score;
        }
    }
}

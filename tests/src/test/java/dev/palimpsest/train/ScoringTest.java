package dev.palimpsest.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.Doubles;
import dev.palimpsest.checkpoint.AccuracyRecorder;
import dev.palimpsest.classifier.Classifier;
import dev.palimpsest.classifier.Classifier.Models;
import dev.palimpsest.data.Images;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.evaluation.Inference;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.tensor.SafetensorsWriter;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** Images whose labels are drawn from a softmax of their scores, so the temperature is known. */
class ScoringTest {
    private static final int IMAGES = 3000;
    private static final int CLASSES = 4;
    private static final double TEMPERATURE = 0.4;
    private static final ClassRange SEEN = new ClassRange(0, CLASSES);

    private final double[][] scores = new double[IMAGES][CLASSES + 1];
    private final int[] labels = new int[IMAGES];
    private final Engine engine = Engines.cpu(1);
    private final Inference images;
    private final Scoring scoring;

    ScoringTest() {
        Random random = new Random(5);
        for (int i = 0; i < IMAGES; i++) {
            Arrays.setAll(scores[i], c -> 12 * random.nextDouble());
            scores[i][CLASSES] = 99; // of a class that has not come yet
            double[] p = probabilities(i, TEMPERATURE);
            double at = random.nextDouble();
            while (labels[i] < CLASSES - 1 && at >= p[labels[i]]) {
                at -= p[labels[i]++];
            }
        }
        images = new Inference(engine, Images.of(1, 1, 1, new byte[IMAGES], labels));
        scoring = new Scoring(new Known(), new Models(() -> null, i -> null, List::of), l -> l, SEEN, images);
    }

    @AfterEach
    void close() {
        images.close();
        engine.close();
    }

    private double[] probabilities(int image, double temperature) {
        return Doubles.softmax(Arrays.copyOf(scores[image], CLASSES), 1 / temperature);
    }

    private final class Known implements Classifier {
        @Override
        public double[][] scores(Models models, Inference from, int[] indices) {
            return Arrays.stream(indices).mapToObj(i -> scores[i]).toArray(double[][]::new);
        }

        @Override
        public void write(SafetensorsWriter file, String prefix) {}

        @Override
        public long bytes() {
            return 0;
        }
    }

    /** By the definition, bin after bin. */
    private double calibrationError(int[] measured, double temperature) {
        double error = 0;
        for (int bin = 0; bin < 15; bin++) {
            double low = bin / 15.0;
            double high = (bin + 1) / 15.0;
            int[] inside = Arrays.stream(measured)
                    .filter(i -> {
                        double most = Arrays.stream(probabilities(i, temperature))
                                .max()
                                .orElseThrow();
                        return most >= low && most < high;
                    })
                    .toArray();
            double right = Arrays.stream(inside)
                    .filter(i -> probabilities(i, temperature)[labels[i]]
                            == Arrays.stream(probabilities(i, temperature))
                                    .max()
                                    .orElseThrow())
                    .count();
            double promised = Arrays.stream(inside)
                    .mapToDouble(i ->
                            Arrays.stream(probabilities(i, temperature)).max().orElseThrow())
                    .sum();
            error += Math.abs(right - promised) / measured.length;
        }
        return error;
    }

    @Test
    void probabilitiesAreCalibratedOnSomeImagesAndMeasuredOnOthers() {
        int[] measured = IntStream.range(0, 1000).toArray();
        int[] heldOut = IntStream.range(1000, IMAGES).toArray();
        AccuracyRecorder.Right right = scoring.right(measured, new ClassRange(0, 2));
        Result.Classification found = scoring.classification(images, heldOut);
        double temperature = found.temperature().orElseThrow();
        assertEquals(TEMPERATURE, temperature, 0.1 * TEMPERATURE);
        double expected = calibrationError(measured, temperature);
        assertEquals(expected, found.calibrationError().orElseThrow(), 1e-12);
        assertTrue(expected > 0.001 && expected < 0.06, "not of a fitted temperature: " + expected);
        assertTrue(right.single() > 300 && right.single() < 1000, right.toString());
        assertTrue(found.millisecondsPerImage() > 0);
    }

    @Test
    void withoutHeldOutImagesNothingIsCalibrated() {
        scoring.right(IntStream.range(0, 10).toArray(), SEEN);
        Result.Classification found = scoring.classification(images, new int[0]);
        assertTrue(found.temperature().isEmpty() && found.calibrationError().isEmpty());
    }

    @Test
    void whereAllIsHeldOutHalfOfItCalibratesTheOther() {
        scoring.right(IntStream.range(0, IMAGES).toArray(), SEEN);
        Result.Classification found = scoring.classification();
        int[] rest = IntStream.range(0, IMAGES).filter(i -> i % 2 == 1).toArray();
        assertEquals(
                calibrationError(rest, found.temperature().orElseThrow()),
                found.calibrationError().orElseThrow(),
                1e-12);
    }

    /** A class that was never measured has the score −∞. */
    @Test
    void anImageWhoseClassHasNoScoreCalibratesNothingAndCountsAsWrong() {
        scores[0][labels[0]] = Double.NEGATIVE_INFINITY;
        int[] heldOut = IntStream.range(0, 2000).toArray();
        scoring.right(new int[] {0}, SEEN);
        Result.Classification found = scoring.classification(images, heldOut);
        assertEquals(TEMPERATURE, found.temperature().orElseThrow(), 0.1 * TEMPERATURE);
        double most = Arrays.stream(probabilities(0, found.temperature().orElseThrow()))
                .max()
                .orElseThrow();
        assertEquals(most, found.calibrationError().orElseThrow(), 1e-12);
    }
}

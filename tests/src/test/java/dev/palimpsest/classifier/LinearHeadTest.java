package dev.palimpsest.classifier;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.classifier.ClassifierType.Fitting;
import dev.palimpsest.kernel.ClassRange;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.ejml.simple.SimpleMatrix;
import org.junit.jupiter.api.Test;

class LinearHeadTest {
    private static final int DIMS = 3;
    private static final int CLASSES = 4;

    /**
     * Classes 0 and 1 have lengths 5 and 13, mean 9; classes 2 and 3 lengths 10 and 26, mean 18: the new rows are
     * halved.
     */
    private final LinearHead head =
            LinearHead.of(new float[] {3, 4, 0, 0, 5, 12, -6, 8, 0, 24, 0, 10}, new float[] {1, -1, 7, 9});

    @Test
    void scoresAreThoseOfALinearLayer() {
        assertArrayEquals(
                new double[] {3 - 4 + 1, -5 + 24 - 1, -6 - 8 + 7, 24 + 20 + 9},
                head.scores(new float[] {1, -1, 2}),
                1e-12);
    }

    @Test
    void alignmentGivesNewRowsTheMeanLengthOfTheOldOnes() {
        LinearHead aligned = WeightAlignment.aligned(head, new ClassRange(2, 4));
        assertArrayEquals(
                new double[] {0, 18, -7 + 7, 22 + 9}, aligned.scores(new float[] {1, -1, 2}), 1e-12, "by hand");
        assertArrayEquals(new double[] {1, -1, 7, 9}, aligned.scores(new float[DIMS]), 1e-12, "biases stay");
        assertArrayEquals(
                new double[] {0, 18, -7, 53}, head.scores(new float[] {1, -1, 2}), 1e-12, "the head itself stays");
        assertSame(head, WeightAlignment.aligned(head, new ClassRange(0, 4)), "there are no old classes yet");
    }

    private static final Fitting.HeadTraining FULL_BATCH = new Fitting.HeadTraining(1000, 0.9, 0.01);

    private static LinearHead refitted(LinearHead from, float[][][] features, int batch, int epochs, long seed) {
        return new Refit(new Refit.Options(epochs, 0.1))
                .refitted(from, features, new Fitting.HeadTraining(batch, 0.9, 0.01), seed);
    }

    private static LinearHead converged(LinearHead from, float[][][] features) {
        return new Refit(new Refit.Options(4000, 0.1)).refitted(from, features, FULL_BATCH, 1);
    }

    private static float[][][] features(long seed, int... images) {
        Random random = new Random(seed);
        float[][][] features = new float[images.length][][];
        for (int c = 0; c < images.length; c++) {
            features[c] = new float[images[c]][DIMS];
            for (float[] feature : features[c]) {
                for (int d = 0; d < DIMS; d++) {
                    feature[d] = (float) Math.max(0, random.nextGaussian() + (d == c ? 2.5 : 0));
                }
            }
        }
        return features;
    }

    /**
     * The minimum of the same convex loss, by Newton's method on EJML: mean over classes of the mean over a class's
     * images of the cross-entropy, plus half the decay times the squared length of weights and biases.
     */
    private static SimpleMatrix minimum(float[][][] features, double decay) {
        int inputs = DIMS + 1;
        SimpleMatrix w = new SimpleMatrix(CLASSES * inputs, 1);
        for (int iteration = 0; iteration < 50; iteration++) {
            SimpleMatrix gradient = w.scale(decay);
            SimpleMatrix hessian = SimpleMatrix.identity(CLASSES * inputs).scale(decay);
            for (int c = 0; c < CLASSES; c++) {
                for (float[] feature : features[c]) {
                    SimpleMatrix x = input(feature);
                    SimpleMatrix p = probabilities(w, x);
                    SimpleMatrix error = p.copy();
                    error.set(c, 0, p.get(c) - 1);
                    double weight = 1.0 / (CLASSES * features[c].length);
                    gradient = gradient.plus(error.kron(x).scale(weight));
                    hessian = hessian.plus(p.diag()
                            .minus(p.mult(p.transpose()))
                            .kron(x.mult(x.transpose()))
                            .scale(weight));
                }
            }
            w = w.minus(hessian.solve(gradient));
        }
        return w;
    }

    private static SimpleMatrix input(float[] feature) {
        SimpleMatrix x = new SimpleMatrix(DIMS + 1, 1);
        for (int d = 0; d < DIMS; d++) {
            x.set(d, 0, feature[d]);
        }
        x.set(DIMS, 0, 1);
        return x;
    }

    private static SimpleMatrix scores(SimpleMatrix w, SimpleMatrix x) {
        SimpleMatrix scores = new SimpleMatrix(CLASSES, 1);
        for (int c = 0; c < CLASSES; c++) {
            scores.set(c, 0, w.rows(c * (DIMS + 1), (c + 1) * (DIMS + 1)).dot(x));
        }
        return scores;
    }

    private static SimpleMatrix probabilities(SimpleMatrix w, SimpleMatrix x) {
        SimpleMatrix e = scores(w, x).elementExp();
        return e.divide(e.elementSum());
    }

    @Test
    void refittingFindsTheMinimumOfTheBalancedLossWhereverItStarts() {
        float[][][] features = features(1, 12, 12, 12, 12);
        LinearHead refitted = converged(head, features);
        SimpleMatrix expected = minimum(features, 0.01);
        assertTrue(expected.normF() > 1, "there is something to find");
        for (float[][] own : features) {
            for (float[] feature : own) {
                assertArrayEquals(
                        scores(expected, input(feature)).getDDRM().data,
                        refitted.scores(feature),
                        1e-6 * expected.normF());
            }
        }
    }

    /** 3 and 6 images of two classes weigh as much as 12: the minimum is that of the loss averaged class by class. */
    @Test
    void classesWithFewerImagesWeighAsMuch() {
        float[][][] features = features(2, 12, 3, 6, 12);
        LinearHead refitted = converged(head, features);
        SimpleMatrix expected = minimum(features, 0.01);
        for (float[] feature : features[1]) {
            assertArrayEquals(
                    scores(expected, input(feature)).getDDRM().data, refitted.scores(feature), 1e-6 * expected.normF());
        }
    }

    /** A head that calls everything new, as heads do after an experience of new images alone. */
    @Test
    void aBiasTowardsTheNewestClassesGoes() {
        LinearHead biased = LinearHead.of(new float[CLASSES * DIMS], new float[] {0, 0, 5, 5});
        float[][][] features = features(3, 20, 20, 20, 20);
        assertEquals(0, right(biased, features, 0) + right(biased, features, 1));
        LinearHead refitted = refitted(biased, features, 16, 50, 1);
        for (int c = 0; c < 3; c++) {
            assertTrue(
                    right(refitted, features, c) >= 12,
                    right(refitted, features, c) + " of 20 images of class " + c + " are right");
        }
    }

    private static int right(LinearHead head, float[][][] features, int label) {
        int right = 0;
        for (float[] feature : features[label]) {
            double[] scores = head.scores(feature);
            right += scores[label] == Arrays.stream(scores).max().orElseThrow() ? 1 : 0;
        }
        return right;
    }

    @Test
    void refittingDependsOnTheSeedAloneAndKeepsTheHead() {
        float[][][] features = features(4, 9, 9, 9, 9);
        List<double[]> scores = new ArrayList<>();
        for (long seed : new long[] {1, 1, 2}) {
            scores.add(refitted(head, features, 8, 3, seed).scores(features[0][0]));
        }
        assertArrayEquals(scores.get(0), scores.get(1));
        assertNotEquals(scores.get(0)[0], scores.get(2)[0]);
        assertArrayEquals(new double[] {0, 18, -7, 53}, head.scores(new float[] {1, -1, 2}), 1e-12);
    }

    @Test
    void oneImageOfOneClassIsEnoughToBegin() {
        LinearHead one = LinearHead.of(new float[] {1, 2, 3}, new float[] {4});
        double score = refitted(one, new float[][][] {{{1, 1, 1}}}, 1000, 1, 1).scores(new float[] {1, 1, 1})[0];
        assertEquals(10 - 0.1 * 0.01 * 10, score, 1e-9, "nothing but weight decay moves it");
    }
}

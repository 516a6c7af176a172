package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.Manifest.KnownClass;
import java.util.OptionalDouble;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Thirty classes of vectors, registered one after another. */
class KnowledgeTest {
    private static final int CLASSES = 30;
    private static final int DIMS = 5;

    private static float[][][] features(int label, int samples, long seed) {
        Random random = new Random(100 * label + seed);
        float[][] features = new float[samples][DIMS];
        for (float[] feature : features) {
            for (int d = 0; d < DIMS; d++) {
                feature[d] = (float) (3 * Math.sin(label * (d + 1)) + random.nextGaussian());
            }
        }
        return new float[][][] {features};
    }

    private static Knowledge taught(Setup setup, boolean askedAllTheTime) {
        Knowledge knowledge = Knowledge.empty(setup);
        for (int c = 0; c < CLASSES; c++) {
            KnownClass known = new KnownClass("c" + c, c, "file", 1, 60, 20);
            knowledge = knowledge.with(known, features(c, 60, 1), features(c, 20, 2));
            if (askedAllTheTime) {
                knowledge.tested();
            }
        }
        return knowledge;
    }

    @Test
    void calibrationIsBoundedAndAccuracyIsOfAllSamples() {
        Knowledge knowledge = taught(Setup.features(DIMS), false);
        Knowledge.Tested all = knowledge.tested();
        Knowledge.Tested some = knowledge.tested(600 * CLASSES / 4);
        assertEquals(all.accuracy(), some.accuracy());
        double mean = Lesson.mean(all.accuracy()).orElseThrow();
        assertTrue(mean > 0.5 && mean < 0.95, "says little: " + mean);
        double temperature = all.calibration().temperature();
        assertNotEquals(temperature, some.calibration().temperature());
        assertEquals(temperature, some.calibration().temperature(), 0.25 * temperature);
        assertEquals(
                all.calibration().farthest(),
                some.calibration().farthest(),
                0.3 * all.calibration().farthest());
    }

    @Test
    void lessonsThatFitOnlyTheirOwnClassesEndWhereFittingAllOfThemDoes() {
        Setup setup = Setup.features(DIMS).withSharedClasses(10);
        Knowledge.Tested stepwise = taught(setup, true).tested();
        assertEquals(stepwise, taught(setup, false).tested());
        Knowledge.Tested ofAll = taught(Setup.features(DIMS), false).tested();
        assertNotEquals(ofAll.calibration(), stepwise.calibration());
        assertEquals(
                Lesson.mean(ofAll.accuracy()).orElseThrow(),
                Lesson.mean(stepwise.accuracy()).orElseThrow(),
                0.03);
    }

    /** Classes come, come back and go; of samples, at first all and later every second, fourth and eighth calibrate. */
    @Test
    void whatIsComparedStepByStepHasTheBitsOfComparingAll() {
        long most = 2_000;
        Knowledge stepwise = Knowledge.empty(Setup.features(DIMS).withSharedClasses(6));
        Knowledge atOnce = stepwise;
        for (int c = 0; c < 20; c++) {
            boolean back = c % 5 == 4;
            KnownClass known = new KnownClass("c" + (back ? c - 3 : c), back ? c - 3 : c, "file", 1, 60, 20);
            float[][][] learnt = features(c, 60, 1);
            float[][][] heldOut = features(c, 20, 2);
            stepwise = stepwise.with(known, learnt, heldOut);
            atOnce = atOnce.with(known, learnt, heldOut);
            if (c % 6 == 5) {
                stepwise = stepwise.without("c" + (c - 2));
                atOnce = atOnce.without("c" + (c - 2));
            }
            stepwise.tested(most);
        }
        stepwise = stepwise.without("c0"); // which shaped the shared covariance
        atOnce = atOnce.without("c0");
        Knowledge.Tested expected = atOnce.tested(most);
        assertEquals(expected, stepwise.tested(most));
        assertEquals(13, expected.accuracy().size());
        double mean = Lesson.mean(expected.accuracy()).orElseThrow();
        assertTrue(mean > 0.4 && mean < 0.98, "says little: " + mean);
    }

    @Test
    void accuracyOnSamplesOfBeforeIsThatOfTheClassesByNow() {
        Knowledge before = taught(Setup.features(DIMS), false);
        KnownClass again = new KnownClass("c3", 3, "file", 1, 40, 20);
        Knowledge after = before.with(again, features(4, 40, 5), features(4, 20, 6));
        assertEquals(
                before.tested().accuracy().get("c3"),
                before.accuracy(before, "c3").orElseThrow());
        assertNotEquals(before.accuracy(before, "c3"), after.accuracy(before, "c3"));
        KnownClass unmeasured = new KnownClass("new", 99, "file", 1, 40, 0);
        Knowledge more = before.with(unmeasured, features(7, 40, 8), new float[1][0][]);
        assertEquals(OptionalDouble.empty(), more.accuracy(more, "new"));
    }
}

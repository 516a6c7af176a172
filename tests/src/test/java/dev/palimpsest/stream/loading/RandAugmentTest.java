package dev.palimpsest.stream.loading;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.stream.Augmentation;
import java.awt.geom.AffineTransform;
import java.awt.geom.Point2D;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class RandAugmentTest {
    /**
     * Bilinear sampling gives a ramp exactly, so each pixel of the result tells the place it came from; java.awt says
     * which place that is. Shears keep the top left pixel, as torchvision's do.
     */
    @Test
    void movedImagesAreWhereAwtSaysTheyAre() {
        int height = 17;
        int width = 23;
        float[] ramp = new float[2 * height * width];
        for (int i = 0; i < height * width; i++) {
            ramp[i] = 1 + i % width * 7;
            ramp[height * width + i] = 1 + i / width * 9;
        }
        AffineTransform shearX = AffineTransform.getShearInstance(0.3, 0);
        AffineTransform shearY = AffineTransform.getShearInstance(0, -0.2);
        AffineTransform right = AffineTransform.getTranslateInstance(-4, 0);
        AffineTransform up = AffineTransform.getTranslateInstance(0, 3);
        AffineTransform turn = AffineTransform.getRotateInstance(Math.toRadians(25), 11, 8);
        Map<AffineTransform, float[]> moved = Map.of(
                shearX, changed(PixelOperation.SHEAR_X, ramp.clone(), 2, height, width, 0.3),
                shearY, changed(PixelOperation.SHEAR_Y, ramp.clone(), 2, height, width, -0.2),
                right, changed(PixelOperation.TRANSLATE_X, ramp.clone(), 2, height, width, 4),
                up, changed(PixelOperation.TRANSLATE_Y, ramp.clone(), 2, height, width, -3),
                turn, changed(PixelOperation.ROTATE, ramp.clone(), 2, height, width, 25));
        moved.forEach((transform, image) -> {
            int inside = 0;
            for (int i = 0; i < height * width; i++) {
                Point2D from = transform.transform(new Point2D.Double(i % width, i / width), null);
                if (from.getX() >= 0 && from.getX() <= width - 1 && from.getY() >= 0 && from.getY() <= height - 1) {
                    assertEquals(1 + 7 * from.getX(), image[i], 2e-4, transform + " at " + i);
                    assertEquals(1 + 9 * from.getY(), image[height * width + i], 2e-4, transform + " at " + i);
                    inside++;
                } else if (from.getX() <= -1 || from.getX() >= width || from.getY() <= -1 || from.getY() >= height) {
                    assertEquals(0, image[i], "outside is black");
                }
            }
            assertTrue(inside > height * width / 2 && inside < height * width, transform + " leaves " + inside);
        });
    }

    @Test
    void aQuarterTurnIsCounterClockwise() {
        assertClose(
                new float[] {3, 6, 9, 2, 5, 8, 1, 4, 7},
                changed(PixelOperation.ROTATE, new float[] {1, 2, 3, 4, 5, 6, 7, 8, 9}, 1, 3, 3, 90));
    }

    /**
     * By hand, from Pillow's definitions: grey 0.299, 0.587, 0.114; a blend of the image with black, grey, the rounded
     * mean grey.
     */
    @Test
    void coloursAreBlendedAsPillowDoes() {
        // Two pixels: (100, 200, 50) of grey 153, and (10, 20, 30) of grey 18.15; the mean is 85.575, rounded 86.
        float[] image = {100, 10, 200, 20, 50, 30};
        assertClose(
                new float[] {127, 12.7f, 254, 25.4f, 63.5f, 38.1f},
                changed(PixelOperation.BRIGHTNESS, image.clone(), 3, 1, 2, 0.27));
        assertClose(
                new float[] {73, 7.3f, 146, 14.6f, 36.5f, 21.9f},
                changed(PixelOperation.BRIGHTNESS, image.clone(), 3, 1, 2, -0.27));
        // The first pixel's blue would be 50 + 0.5·(50 − 153) = −1.5.
        assertClose(
                new float[] {73.5f, 5.925f, 223.5f, 20.925f, 0, 35.925f},
                changed(PixelOperation.COLOR, image.clone(), 3, 1, 2, 0.5));
        assertClose(new float[] {107, 0, 255, 0, 32, 2}, changed(PixelOperation.CONTRAST, image.clone(), 3, 1, 2, 0.5));
        assertClose(
                new float[] {93, 48, 143, 53, 68, 58}, changed(PixelOperation.CONTRAST, image.clone(), 3, 1, 2, -0.5));
        assertClose(new float[] {7, 9}, changed(PixelOperation.COLOR, new float[] {7, 9}, 1, 1, 2, 0.9));
    }

    /** By hand: the middle of {0 … 0 26 0 … 0} is smoothed to 5·26/13 = 10; the border stays. */
    @Test
    void sharpnessBlendsWithTheSmoothedImage() {
        float[] image = new float[9];
        image[4] = 26;
        float[] expected = new float[9];
        expected[4] = 34;
        assertClose(expected, changed(PixelOperation.SHARPNESS, image.clone(), 1, 3, 3, 0.5));
        expected[4] = 18;
        assertClose(expected, changed(PixelOperation.SHARPNESS, image.clone(), 1, 3, 3, -0.5));
        float[] corner = new float[16];
        corner[0] = 13;
        corner[5] = 13;
        float[] smooth = corner.clone();
        smooth[5] = 6;
        smooth[6] = 1;
        smooth[9] = 1;
        smooth[10] = 1;
        assertClose(smooth, changed(PixelOperation.SHARPNESS, corner.clone(), 1, 4, 4, -1));
    }

    @Test
    void levelsArePosterizedAndSolarized() {
        assertArrayEquals(
                new float[] {0, 0, 254, 128},
                changed(PixelOperation.POSTERIZE, new float[] {0, 1, 255, 129}, 1, 2, 2, 7));
        assertArrayEquals(
                new float[] {0, 16, 240, 128},
                changed(PixelOperation.POSTERIZE, new float[] {15, 31, 255, 129}, 1, 2, 2, 4));
        assertArrayEquals(
                new float[] {178, 76, 0, 178},
                changed(PixelOperation.SOLARIZE, new float[] {178, 179, 255, 178}, 1, 2, 2, 178.5));
    }

    /**
     * Pillow's ImageOps.equalize by hand: 8 pixels of each level 0..127 give steps of (1024 − 8) / 255 = 3, and lut[i]
     * = (1 + 8i) / 3.
     */
    @Test
    void equalizeSpreadsTheHistogram() {
        float[] image = new float[2 * 1024];
        for (int i = 0; i < 1024; i++) {
            image[i] = i % 128;
            image[1024 + i] = i % 256;
        }
        float[] equal = changed(PixelOperation.EQUALIZE, image.clone(), 2, 32, 32, 0);
        for (int i = 0; i < 1024; i++) {
            assertEquals(Math.min(255, (1 + 8 * (i % 128)) / 3), equal[i], "level " + i % 128);
            assertEquals(i % 256, equal[1024 + i], "a flat histogram stays");
        }
        for (int i = 0; i < 1024; i++) {
            // Halves are rounded up, and nothing less is: the float below one half stays below.
            image[i] = i % 128 == 0 ? 0.49999997f : i % 128 - 0.5f;
        }
        assertArrayEquals(equal, changed(PixelOperation.EQUALIZE, image, 2, 32, 32, 0), "levels are rounded");
        float[] few = {3, 200, 3, 7};
        assertArrayEquals(few, changed(PixelOperation.EQUALIZE, few.clone(), 1, 2, 2, 0), "too few pixels for a step");
    }

    /** torchvision's RandAugment at magnitude 9 of 31 bins, images of 224×224. */
    @Test
    void magnitudeNineIsTorchvisions() {
        Map<PixelOperation, Double> expected = Map.ofEntries(
                Map.entry(PixelOperation.SHEAR_X, 0.09),
                Map.entry(PixelOperation.SHEAR_Y, 0.09),
                Map.entry(PixelOperation.TRANSLATE_X, 30.0),
                Map.entry(PixelOperation.TRANSLATE_Y, 30.0),
                Map.entry(PixelOperation.ROTATE, 9.0),
                Map.entry(PixelOperation.BRIGHTNESS, 0.27),
                Map.entry(PixelOperation.COLOR, 0.27),
                Map.entry(PixelOperation.CONTRAST, 0.27),
                Map.entry(PixelOperation.SHARPNESS, 0.27),
                Map.entry(PixelOperation.POSTERIZE, 7.0),
                Map.entry(PixelOperation.SOLARIZE, 178.5));
        expected.forEach((operation, strength) ->
                assertEquals(strength, operation.strength(0.3, 224, 224), 1e-12, operation.name()));
        assertEquals(13, PixelOperation.values().length);
    }

    /** A textured picture tells 22 outcomes apart: 9 operations go both ways, 4 do not. */
    @Test
    void everyOperationIsDrawnEquallyOften() {
        Images images = picture(3, 32);
        Map<String, Integer> outcomes = new HashMap<>();
        int draws = 2600;
        for (int seed = 0; seed < draws; seed++) {
            outcomes.merge(
                    Arrays.toString(read(images, Augmentation.NONE.withRandAugment(1, 9), seed, 0)), 1, Integer::sum);
        }
        assertEquals(22, outcomes.size());
        int[] counts =
                outcomes.values().stream().mapToInt(Integer::intValue).sorted().toArray();
        // Of 2,600 draws 100 for each direction and 200 for the four without; five standard deviations are 49 and 68.
        assertTrue(counts[0] > 50 && counts[17] < 150 && counts[18] > 132 && counts[21] < 268, Arrays.toString(counts));
    }

    @Test
    void itIsAFunctionOfSeedEpochAndIndex() {
        Images images = picture(3, 8);
        Augmentation strong = Augmentation.cropFlip(2).withRandAugment(2, 9);
        int different = 0;
        for (int seed = 0; seed < 50; seed++) {
            assertArrayEquals(read(images, strong, seed, 3), read(images, strong, seed, 3));
            different += Arrays.equals(read(images, strong, seed, 3), read(images, strong, seed, 4)) ? 0 : 1;
        }
        assertTrue(different > 40, different + " of 50 epochs differ");
    }

    /**
     * The strong view of an image is its weak one with operations on top: without any that changes something they are
     * equal.
     */
    @Test
    void weakAndStrongViewsAreMovedAlike() {
        Images images = picture(3, 8);
        Augmentation weak = Augmentation.cropFlip(2);
        int equal = 0;
        for (int seed = 0; seed < 130; seed++) {
            float[] one = read(images, weak, seed, 0);
            float[] other = read(images, weak.withRandAugment(1, 9), seed, 0);
            float difference = 0;
            for (int i = 0; i < one.length; i++) {
                difference = Math.max(difference, Math.abs(one[i] - other[i]));
            }
            equal += difference < 1e-5 ? 1 : 0;
        }
        // Identity and equalize (an image of 64 pixels has no step): 2 of 13, 20 of 130.
        assertTrue(equal > 4 && equal < 41, equal + " of 130 are equal");
    }

    @Test
    void pixelsStayBetweenBlackAndTheBrightestOfAnyDataSet() {
        Images digits = Dataset.load("digits", Optional.empty()).train();
        assertEquals(16, digits.brightest());
        float[] plain = new float[64];
        double black =
                -digits.normalisation().mean()[0] / digits.normalisation().deviation()[0];
        double white =
                (16 - digits.normalisation().mean()[0]) / digits.normalisation().deviation()[0];
        int changed = 0;
        for (int index = 0; index < 200; index++) {
            float[] image = new float[64];
            new Augmenter(Augmentation.NONE.withRandAugment(2, 20))
                    .read(digits, Canvas.of(digits), 1, 0, index, 0, MemorySegment.ofArray(image), 0);
            digits.read(index, plain, 0);
            for (float value : image) {
                assertTrue(value >= black - 1e-4 && value <= white + 1e-4, "image " + index + " has " + value);
            }
            changed += Arrays.equals(plain, image) ? 0 : 1;
        }
        assertTrue(changed > 100, changed + " of 200 changed");
    }

    @Test
    void isReadAndWrittenAsText() {
        Augmentation strong = Augmentation.cropFlip(4).withRandAugment(2, 9);
        assertEquals(strong, Augmentation.parse("crop-flip:4+rand:2:9"));
        assertEquals("crop-flip:4+rand:2:9", strong.toString());
        assertEquals("none+rand:1:30", Augmentation.parse("none+rand:1:30").toString());
        assertEquals(Augmentation.NONE, Augmentation.parse("none+rand:0:9"));
        assertNotEquals(Augmentation.NONE, Augmentation.parse("none+rand:1:9"));
        assertEquals(
                "rand:2:31 cannot be: expected 0 to 20 operations and a magnitude from 0 to 30",
                assertThrows(IllegalArgumentException.class, () -> Augmentation.parse("shift:1+rand:2:31"))
                        .getMessage());
        assertFalse(Augmentation.parse("shift:1+rand:2:9").flip());
    }

    private static float[] read(Images images, Augmentation augmentation, long seed, int epoch) {
        float[] out = new float[images.valuesPerImage()];
        new Augmenter(augmentation).read(images, Canvas.of(images), seed, epoch, 0, 0, MemorySegment.ofArray(out), 0);
        return out;
    }

    private static float[] changed(
            PixelOperation operation, float[] image, int channels, int height, int width, double strength) {
        Canvas canvas = new Canvas(channels, height, width);
        System.arraycopy(image, 0, canvas.pixels(), 0, image.length);
        Arrays.fill(canvas.spare(), Float.NaN);
        Arrays.fill(canvas.plane(), Float.NaN);
        operation.apply(canvas, strength);
        return canvas.pixels();
    }

    private static Images picture(int channels, int side) {
        byte[] pixels = new byte[channels * side * side];
        new Random(4).nextBytes(pixels);
        pixels[0] = (byte) 255;
        return Images.of(channels, side, side, pixels, new int[] {0});
    }

    private static void assertClose(float[] expected, float[] actual) {
        assertArrayEquals(expected, actual, 1e-4f);
    }
}

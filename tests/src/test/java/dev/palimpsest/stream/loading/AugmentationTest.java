package dev.palimpsest.stream.loading;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.data.Images;
import dev.palimpsest.stream.Augmentation;
import dev.palimpsest.stream.Toy;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;

class AugmentationTest {
    private static final int SIDE = 4;

    private final Images images = Toy.images(3, 3);

    @Test
    void noneChangesNothing() {
        float[] plain = new float[16];
        images.read(2, plain, 0);
        assertArrayEquals(plain, read(Augmentation.NONE, 1, 9, 2, 0));
    }

    /** Pads and crops by hand, and compares with every position the augmentation can take. */
    @Test
    void shiftIsOneOfTheCropsOfThePaddedImageEachEquallyOften() {
        assertCrops(Augmentation.shift(1), 9, false);
    }

    @Test
    void cropFlipIsThatOrItsMirrorImage() {
        assertCrops(Augmentation.cropFlip(1), 18, true);
    }

    @Test
    void itIsAFunctionOfSeedEpochIndexAndRepeat() {
        Augmentation strong = Augmentation.cropFlip(3);
        assertArrayEquals(read(strong, 1, 2, 0, 0), read(strong, 1, 2, 0, 0));
        int seeds = 0;
        int epochs = 0;
        int repeats = 0;
        for (int i = 0; i < 50; i++) {
            float[] one = read(strong, i, i, 0, i);
            seeds += Arrays.equals(one, read(strong, i + 1, i, 0, i)) ? 1 : 0;
            epochs += Arrays.equals(one, read(strong, i, i + 1, 0, i)) ? 1 : 0;
            repeats += Arrays.equals(one, read(strong, i, i, 0, i + 1)) ? 1 : 0;
        }
        assertTrue(
                seeds < 10 && epochs < 10 && repeats < 10,
                seeds + ", " + epochs + ", " + repeats + " of 50 stayed the same");
    }

    @Test
    void isReadAndWrittenAsText() {
        assertEquals(Augmentation.NONE, Augmentation.parse("none"));
        assertEquals(Augmentation.shift(2), Augmentation.parse("shift:2"));
        assertEquals("crop-flip:4", Augmentation.parse("crop-flip:4").toString());
        assertEquals("crop-flip:0", Augmentation.parse("crop-flip:0").toString());
        assertEquals("shift:1", Augmentation.shift(1).toString());
        for (String text : new String[] {"", "shift", "flip:1", "shift:-1", "none:2"}) {
            assertEquals(
                    "\"" + text + "\" is not an augmentation: expected none, shift:PIXELS or crop-flip:PIXELS, and "
                            + "+rand:OPERATIONS:MAGNITUDE after it for RandAugment",
                    assertThrows(IllegalArgumentException.class, () -> Augmentation.parse(text))
                            .getMessage());
        }
        assertEquals(
                "an image cannot be moved by -1 pixels: expected 0 or more",
                assertThrows(IllegalArgumentException.class, () -> Augmentation.shift(-1))
                        .getMessage());
    }

    @Test
    void anImageCannotBeMovedOutOfSight() {
        new Augmenter(Augmentation.shift(3)).checkFits(images);
        assertEquals(
                "augmentation shift:4 can move images of 4×4 out of sight: use fewer pixels",
                assertThrows(
                                IllegalArgumentException.class,
                                () -> new Augmenter(Augmentation.shift(4)).checkFits(images))
                        .getMessage());
    }

    private void assertCrops(Augmentation augmentation, int kinds, boolean mirrored) {
        Map<String, Integer> counts = new HashMap<>();
        for (int top = 0; top <= 2; top++) {
            for (int left = 0; left <= 2; left++) {
                counts.put(crop(top, left, false), 0);
                if (mirrored) {
                    counts.put(crop(top, left, true), 0);
                }
            }
        }
        assertEquals(kinds, counts.size());
        int draws = kinds * 200;
        for (int epoch = 0; epoch < draws; epoch++) {
            counts.computeIfPresent(Arrays.toString(read(augmentation, 1, epoch, 1, 0)), (crop, n) -> n + 1);
        }
        assertEquals(
                draws,
                counts.values().stream().mapToInt(Integer::intValue).sum(),
                "other images than the crops came out");
        // 200 ± 14
        counts.values().forEach(n -> assertEquals(200, n, 60));
        assertNotEquals(crop(0, 0, false), crop(0, 1, false));
    }

    private String crop(int top, int left, boolean mirrored) {
        int[][] padded = new int[SIDE + 2][SIDE + 2];
        for (int y = 0; y < SIDE; y++) {
            for (int x = 0; x < SIDE; x++) {
                padded[y + 1][x + 1] = images.pixel(1, 0, y, x);
            }
        }
        float[] values = new float[SIDE * SIDE];
        double mean = images.normalisation().mean()[0];
        double deviation = images.normalisation().deviation()[0];
        for (int y = 0; y < SIDE; y++) {
            for (int x = 0; x < SIDE; x++) {
                int column = mirrored ? SIDE - 1 - x : x;
                values[y * SIDE + x] = (float) ((padded[top + y][left + column] - mean) / deviation);
            }
        }
        return Arrays.toString(values);
    }

    private float[] read(Augmentation augmentation, long seed, int epoch, int index, int repeat) {
        float[] out = new float[16];
        new Augmenter(augmentation)
                .read(images, Canvas.of(images), seed, epoch, index, repeat, MemorySegment.ofArray(out), 0);
        return out;
    }
}

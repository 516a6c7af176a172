package dev.palimpsest.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ImagesTest {
    /** Two images of 2×1×3; the second channel goes beyond 127, where a signed byte would turn negative. */
    private static final byte[] PIXELS = {
        0, 2, 4, (byte) 200, (byte) 220, (byte) 240, 6, 8, 10, (byte) 255, (byte) 180, (byte) 135
    };

    private final Images images = Images.of(2, 1, 3, PIXELS, new int[] {1, 0});

    @Test
    void valuesHaveMeanZeroAndVarianceOnePerChannelOverTheTrainingImages() {
        float[] values = new float[12];
        images.read(0, values, 0);
        images.read(1, values, 6);
        for (int channel = 0; channel < 2; channel++) {
            double sum = 0;
            double squares = 0;
            for (int i = 0; i < 12; i++) {
                if (i / 3 % 2 == channel) {
                    sum += values[i];
                    squares += values[i] * values[i];
                }
            }
            assertEquals(0, sum / 6, 1e-6);
            assertEquals(1, squares / 6, 1e-6);
        }
        // Channel 0 holds 0, 2, 4, 6, 8, 10: mean 5, variance 35/3.
        assertEquals((float) (-5 / Math.sqrt(35 / 3.0)), values[0]);
    }

    @Test
    void testImagesAreNormalisedAsTheTrainingImages() {
        Images test = toy(List.of("a", "b"), images, Images.of(2, 1, 3, new byte[6], new int[] {0}))
                .test();
        float[] training = new float[6];
        float[] values = new float[6];
        images.read(0, training, 0);
        test.read(0, values, 0);
        assertEquals(training[0], values[0]);
    }

    @Test
    void anOffsetCountsFloatsAndNothingElseIsWritten() {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(8 * Float.BYTES, 64);
            out.fill((byte) 0x7f);
            images.read(1, out, 1);
            float[] expected = new float[6];
            images.read(1, expected, 0);
            assertArrayEquals(expected, out.asSlice(4, 24).toArray(ValueLayout.JAVA_FLOAT));
            assertEquals(0x7f7f7f7f, out.get(ValueLayout.JAVA_INT, 0));
            assertEquals(0x7f7f7f7f, out.get(ValueLayout.JAVA_INT, 28));
        }
    }

    @Test
    void aWindowOutsideTheImageIsPixelZero() {
        assertArrayEquals(new int[] {0, 0, 2, 0, 200, 220}, window(0, -1, false), "moved right");
        assertArrayEquals(new int[] {2, 4, 0, 220, 240, 0}, window(0, 1, false), "moved left");
        assertArrayEquals(new int[] {0, 0, 0, 0, 0, 0}, window(1, 0, false), "moved up");
        assertArrayEquals(new int[] {0, 4, 2, 0, 240, 220}, window(0, 1, true), "moved left, then mirrored");
    }

    @Test
    void aConstantChannelDoesNotDivideByZero() {
        Images constant = Images.of(1, 1, 2, new byte[] {7, 7}, new int[] {0});
        float[] values = {9, 9};
        constant.read(0, values, 0);
        assertArrayEquals(new float[] {0, 0}, values);
    }

    @Test
    void refusesWhatDoesNotFit() {
        assertEquals(
                "3 labels and 12 pixels do not fit images of 2×1×3: expected C·H·W pixels for every label",
                assertThrows(IllegalArgumentException.class, () -> Images.of(2, 1, 3, PIXELS, new int[3]))
                        .getMessage());
        assertThrows(IndexOutOfBoundsException.class, () -> images.read(2, new float[6], 0));
        assertThrows(IndexOutOfBoundsException.class, () -> images.read(0, new float[6], 1));
        assertThrows(IndexOutOfBoundsException.class, () -> images.label(-1));
    }

    @Test
    void aDatasetRefusesLabelsAndSizesThatDoNotFit() {
        Images other = Images.of(1, 1, 3, new byte[3], new int[] {0});
        assertEquals(
                "toy: training images are 2×1×3, test images 1×1×3: bring all to one size",
                assertThrows(IllegalArgumentException.class, () -> toy(List.of("a", "b"), images, other))
                        .getMessage());
        assertEquals(
                "toy: training image 0 has label 1, expected 0..0",
                assertThrows(IllegalArgumentException.class, () -> toy(List.of("a"), images, images))
                        .getMessage());
    }

    @Test
    void imagesDoNotChangeWithTheArraysTheyWereMadeOf() {
        byte[] pixels = PIXELS.clone();
        int[] labels = {1, 0};
        Images copied = Images.of(2, 1, 3, pixels, labels);
        pixels[3] = 0;
        labels[0] = 0;
        assertEquals(200, copied.pixel(0, 1, 0, 0));
        assertEquals(1, copied.label(0));
    }

    @Test
    void checksumsOfADatasetInMemoryFollowLabelsAndPixels() {
        Dataset data = toy(List.of("a", "b"), images, images);
        assertEquals(Set.of("train", "test"), data.sha256().keySet());
        byte[] read = Arrays.copyOf(new byte[] {0, 0, 0, 1, 0, 0, 0, 0}, 20);
        System.arraycopy(PIXELS, 0, read, 8, 12);
        assertEquals(HashedFile.sha256(read), data.sha256().get("train"));
        byte[] brighter = PIXELS.clone();
        brighter[11]++;
        Dataset other = toy(List.of("a", "b"), images, Images.of(2, 1, 3, brighter, new int[] {1, 0}));
        assertEquals(data.sha256().get("train"), other.sha256().get("train"));
        assertNotEquals(data.sha256().get("test"), other.sha256().get("test"));
    }

    private static Dataset toy(List<String> classes, Images train, Images test) {
        return Dataset.of("toy", classes, train, test);
    }

    /** The window's pixels, recovered from the normalised values. */
    private int[] window(int top, int left, boolean mirrored) {
        float[] values = new float[6];
        images.readWindow(0, top, left, mirrored, MemorySegment.ofArray(values), 0);
        int[] pixels = new int[6];
        for (int i = 0; i < 6; i++) {
            Normalisation n = images.normalisation();
            pixels[i] = (int) Math.round(values[i] * n.deviation()[i / 3] + n.mean()[i / 3]);
        }
        return pixels;
    }
}

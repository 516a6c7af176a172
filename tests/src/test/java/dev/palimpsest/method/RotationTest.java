package dev.palimpsest.method;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class RotationTest {
    /** The first image by hand, as numpy.rot90 turns [[1, 2], [3, 4]]; the second is ten more. */
    @Test
    void copiesAreTurnedCounterClockwiseAndTheLastIsTheImage() {
        float[] images = {1, 2, 3, 4, 11, 12, 13, 14};
        float[] out = new float[32];
        Rotation.copies(MemorySegment.ofArray(images), 2, 1, 2, MemorySegment.ofArray(out));
        float[][] turned = {{2, 4, 1, 3}, {4, 3, 2, 1}, {3, 1, 4, 2}, {1, 2, 3, 4}};
        for (int k = 0; k < 4; k++) {
            assertArrayEquals(turned[k], Arrays.copyOfRange(out, 8 * k, 8 * k + 4), "copy " + k);
            for (int i = 0; i < 4; i++) {
                turned[k][i] += 10;
            }
            assertArrayEquals(turned[k], Arrays.copyOfRange(out, 8 * k + 4, 8 * k + 8), "copy " + k);
        }
    }

    @Test
    void planesKeepTheirPlaces() {
        float[] image = new float[3 * 9];
        for (int i = 0; i < image.length; i++) {
            image[i] = i;
        }
        float[] out = new float[4 * image.length];
        Rotation.copies(MemorySegment.ofArray(image), 1, 3, 3, MemorySegment.ofArray(out));
        for (int i = 0; i < image.length; i++) {
            int y = i % 9 / 3;
            int x = i % 3;
            assertArrayEquals(
                    new float[] {i, i, i},
                    new float[] {
                        out[i / 9 * 9 + (2 - x) * 3 + y], out[27 + i / 9 * 9 + (2 - y) * 3 + 2 - x], out[81 + i]
                    },
                    "pixel " + i);
        }
    }

    @Test
    void memoryThatIsTooSmallIsRefused() {
        MemorySegment four = MemorySegment.ofArray(new float[4]);
        assertThrows(
                IndexOutOfBoundsException.class,
                () -> Rotation.copies(four, 1, 1, 2, MemorySegment.ofArray(new float[15])));
        assertThrows(
                IndexOutOfBoundsException.class,
                () -> Rotation.copies(four, 2, 1, 2, MemorySegment.ofArray(new float[32])));
    }
}

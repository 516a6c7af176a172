package dev.palimpsest.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class FashionMnistTest {
    private static final Path FOLDER = Path.of("/usr/share/datasets/fashion-mnist");

    @Test
    void isWhatItsAuthorsDescribe() {
        assumeTrue(
                Files.isDirectory(FOLDER),
                "not run: " + FOLDER + " is missing (apt-get install dataset-fashion-mnist)");
        Dataset data = Dataset.load("fashion-mnist", Optional.of(FOLDER));
        assertArrayEquals(repeated(6000), counts(data.train()));
        assertArrayEquals(repeated(1000), counts(data.test()));
        assertEquals("1×28×28", data.channels() + "×" + data.height() + "×" + data.width());
        // 0.2860 and 0.3530 of full scale are the figures in general use.
        assertEquals(0.2860, data.train().normalisation().mean()[0] / 255, 5e-5);
        assertEquals(0.3530, data.train().normalisation().deviation()[0] / 255, 5e-5);
        assertEquals("Ankle boot", data.classNames().get(data.train().label(0)));
        assertEquals(4, data.sha256().size());
    }

    private static int[] repeated(int count) {
        int[] counts = new int[10];
        Arrays.fill(counts, count);
        return counts;
    }

    private static int[] counts(Images images) {
        int[] counts = new int[10];
        for (int i = 0; i < images.size(); i++) {
            counts[images.label(i)]++;
        }
        return counts;
    }
}

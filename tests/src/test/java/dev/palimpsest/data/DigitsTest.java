package dev.palimpsest.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class DigitsTest {
    /** As the data set's description gives them. */
    private static final int[] PER_CLASS = {178, 182, 177, 183, 181, 182, 181, 179, 174, 180};

    private static final int[] FIRST_IMAGE = {
        0, 0, 5, 13, 9, 1, 0, 0, //
        0, 0, 13, 15, 10, 15, 5, 0, //
        0, 3, 15, 2, 0, 11, 8, 0, //
        0, 4, 12, 0, 0, 8, 8, 0, //
        0, 5, 8, 0, 0, 9, 8, 0, //
        0, 4, 11, 0, 1, 12, 7, 0, //
        0, 2, 14, 5, 10, 12, 0, 0, //
        0, 0, 6, 13, 10, 0, 0, 0
    };

    private final Dataset digits = Dataset.load("digits", Optional.empty());

    @Test
    void hasAllImagesOfEveryClass() {
        assertEquals(1442, digits.train().size());
        assertEquals(355, digits.test().size());
        int[] train = counts(digits.train());
        int[] test = counts(digits.test());
        for (int c = 0; c < 10; c++) {
            assertEquals(PER_CLASS[c] / 5, test[c], "test images of class " + c);
            assertEquals(PER_CLASS[c], train[c] + test[c], "images of class " + c);
        }
    }

    @Test
    void keepsPixelsAndLabelsTogether() {
        assertEquals(0, digits.train().label(0));
        int[] first = new int[64];
        for (int i = 0; i < 64; i++) {
            first[i] = digits.train().pixel(0, 0, i / 8, i % 8);
        }
        assertArrayEquals(FIRST_IMAGE, first);
    }

    @Test
    void recordsWhereItComesFrom() {
        assertEquals("1,8,8", digits.channels() + "," + digits.height() + "," + digits.width());
        assertEquals(
                "{digits.csv.gz=46abec6b12486ad9e51943373abcf22bbea1b5a51a1619b361570d8893f1464a}",
                digits.sha256().toString());
        assertEquals("CC BY 4.0", digits.licence().substring(0, 9));
    }

    @Test
    void refusesAFolderAndUnknownNames() {
        var folder = Optional.of(Path.of("/somewhere"));
        assertEquals(
                "digits are part of the library: leave out the folder /somewhere",
                assertThrows(IllegalArgumentException.class, () -> Dataset.load("digits", folder))
                        .getMessage());
        assertEquals(
                "there is no data set \"digit\": expected one of " + String.join(", ", Dataset.names()),
                assertThrows(IllegalArgumentException.class, () -> Dataset.load("digit", Optional.empty()))
                        .getMessage());
    }

    private static int[] counts(Images images) {
        int[] counts = new int[10];
        for (int i = 0; i < images.size(); i++) {
            counts[images.label(i)]++;
        }
        return counts;
    }
}

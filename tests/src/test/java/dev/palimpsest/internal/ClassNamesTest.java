package dev.palimpsest.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.palimpsest.Samples;
import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ClassNamesTest {
    private static final Images TWO = Images.of(1, 1, 1, new byte[] {1, 2}, new int[] {0, 1});

    @ParameterizedTest
    @ValueSource(strings = {"a\nb", "a\rb", "a\tb", "\u001b[31mred", "a\u0000", "\u0085", "half \ud83d", " ", ""})
    void whatDoesNotFitIntoALineIsNoNameOfAClass(String name) {
        refused(List.of("cat", name));
    }

    @Test
    void namesThatLookTheSameAreRefused() {
        refused(List.of("cat", "cat"));
        refused(List.of("caf\u00e9", "cafe\u0301"));
    }

    @Test
    void anyOtherTextIsAName() {
        for (List<String> names : List.of(
                List.of("猫", "\ud83d\udc08"), List.of("a, \"b\"", "<i>&"), List.of("A", "a"), List.of("=1", "--x"))) {
            assertEquals(names, Dataset.of("two", names, TWO, TWO).classNames());
            assertEquals(names, Samples.of(TWO, names).classNames());
        }
    }

    private static void refused(List<String> names) {
        assertThrows(IllegalArgumentException.class, () -> Dataset.of("two", names, TWO, TWO));
        assertThrows(IllegalArgumentException.class, () -> Samples.of(TWO, names));
    }
}

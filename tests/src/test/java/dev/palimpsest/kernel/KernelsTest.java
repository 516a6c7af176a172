package dev.palimpsest.kernel;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.kernel.Kernels.Implementation;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class KernelsTest {
    private final String before = System.getProperty("palimpsest.kernels");

    @AfterEach
    void restore() {
        if (before == null) {
            System.clearProperty("palimpsest.kernels");
        } else {
            System.setProperty("palimpsest.kernels", before);
        }
    }

    @Test
    void theBestAvailableIsChosenAndSaysWhy() {
        System.clearProperty("palimpsest.kernels");
        assertEquals(Kernels.available().getLast(), Kernels.chosen());
        assertTrue(Kernels.description().startsWith(Kernels.chosen() + " (best of java, "), Kernels.description());
        assertTrue(Kernels.description().contains("libpalimpsest.so"), Kernels.description());
    }

    @Test
    void eachAvailableOneCanBeForced() {
        for (Implementation implementation : Kernels.available()) {
            System.setProperty("palimpsest.kernels", implementation.toString());
            assertEquals(implementation, Kernels.chosen());
            assertTrue(
                    Kernels.description().startsWith(implementation + " (forced by -Dpalimpsest.kernels; "),
                    Kernels.description());
        }
    }

    @Test
    void anUnknownNameIsAnError() {
        System.setProperty("palimpsest.kernels", "avx9");
        assertEquals(
                "-Dpalimpsest.kernels=avx9 is unknown: expected one of java, baseline, avx2, avx512",
                assertThrows(IllegalArgumentException.class, Kernels::chosen).getMessage());
    }

    @Test
    void oneThatTheMachineLacksIsAnError() {
        assertEquals(
                "the avx512 kernels cannot run here: this processor lacks the instructions; it has [java, baseline]",
                assertThrows(
                                UnsupportedOperationException.class,
                                () -> Kernels.require(
                                        Implementation.AVX512, List.of(Implementation.JAVA, Implementation.BASELINE)))
                        .getMessage());
    }
}

package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/** Cases computed by PyTorch, in the project's own folder or in the one that {@code -Dpalimpsest.golden=DIR} names. */
public final class Golden {
    private Golden() {}

    /**
     * Every case file whose name is the stem, or the stem, a dot and a case. None is an error: a golden test that read
     * nothing proves nothing.
     */
    public static Stream<Path> cases(String stem) {
        Path folder = Path.of(System.getProperty("palimpsest.golden", "src/test/resources/golden"));
        try (Stream<Path> files = Files.list(folder)) {
            List<Path> cases = files.filter(
                            file -> file.getFileName().toString().startsWith(stem + ".")
                                    && file.getFileName().toString().endsWith(".safetensors"))
                    .sorted()
                    .toList();
            assertFalse(cases.isEmpty(), "no " + stem + ".*.safetensors in " + folder.toAbsolutePath());
            return cases.stream();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public static void close(String name, double[] expected, float[] actual, double tolerance) {
        close(
                name,
                expected,
                IntStream.range(0, actual.length).mapToDouble(i -> actual[i]).toArray(),
                tolerance);
    }

    /**
     * Every element within tolerance times the largest expected magnitude; fails on NaN, and on zeros unless zeros are
     * expected.
     */
    public static void close(String name, double[] expected, double[] actual, double tolerance) {
        assertEquals(expected.length, actual.length, name + ": number of values");
        double largest = Arrays.stream(expected).map(Math::abs).max().orElse(0);
        for (int i = 0; i < expected.length; i++) {
            double error = Math.abs(actual[i] - expected[i]);
            assertTrue(
                    error <= tolerance * largest,
                    name + "[" + i + "]: expected " + expected[i] + ", got " + actual[i] + ", more than " + tolerance
                            + " of the largest magnitude " + largest + " apart");
        }
    }
}

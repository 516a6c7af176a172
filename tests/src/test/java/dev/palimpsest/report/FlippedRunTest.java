package dev.palimpsest.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.recipe.Recipe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Single bits of a run's files that are not what was written. */
class FlippedRunTest {
    private static final Recipe RECIPE = Recipe.of(Map.of("order", "7", "threads", "2"));

    @TempDir
    private Path temporary;

    @Test
    void anyFlippedBitIsRefused() throws IOException {
        Path run = run();
        for (String name : List.of("run.json", "metrics.json", "confusion.json", "steps.csv")) {
            Path file = run.resolve(name);
            byte[] whole = Files.readAllBytes(file);
            int stride = Math.max(1, whole.length / 1000);
            int flips = 0;
            for (int i = 0; i < whole.length; i += stride, flips++) {
                byte[] flipped = whole.clone();
                flipped[i] ^= (byte) (1 << i / stride % 8);
                Files.write(file, flipped);
                String where = name + ", byte " + i;
                String sentence = assertThrows(IOException.class, () -> readAll(run), where)
                        .getMessage();
                assertTrue(sentence.startsWith(file + " "), where + ": " + sentence);
            }
            assertTrue(flips > 150, name + " " + flips);
            Files.write(file, whole);
            assertEquals(200, readAll(run));
            if (!name.equals("run.json")) {
                Files.delete(file);
                assertEquals(
                        file + " is missing: restore it from a copy, or repeat the run.",
                        assertThrows(IOException.class, () -> readAll(run)).getMessage());
                Files.write(file, whole);
            }
        }
    }

    @Test
    void anEditedRunIsReadAndTheReaderIsTold() throws IOException {
        Path run = run();
        assertEquals(List.of(), Comparison.of(List.of(run)).remarks());
        EditedRun.edit(run, content -> content.put("label", "mine"));
        assertEquals(
                List.of(run + " has no checksums, as it is of an earlier version or was edited: damage to its files"
                        + " would not be noticed."),
                Comparison.of(List.of(run)).remarks());
        Files.writeString(run.resolve("run.json"), "{\"format\": \"palimpsest-run 2\", \"options\": {}}");
        assertTrue(assertThrows(DamagedRunException.class, () -> SavedRun.read(run))
                .getMessage()
                .startsWith(run.resolve("run.json") + " is damaged: it has no checksum; restore it from a copy"));
    }

    @Test
    void aRunThatIsOnCanBeRead() throws IOException {
        Path folder = temporary.resolve("on");
        try (RunFolder run =
                RunFolder.create(folder, RECIPE.toMap(), new RunFolder.Origin("m2kd-digits", "palimpsest"))) {
            assertEquals("running", SavedRun.read(folder).status());
            run.resumes(0, 0);
        }
        assertEquals("killed", SavedRun.read(folder).status());
    }

    /** @return steps */
    private static int readAll(Path run) throws IOException {
        SavedRun saved = SavedRun.read(run);
        assertTrue(saved.checked()
                && saved.confusion().isPresent()
                && saved.metrics().isPresent());
        return saved.steps().experiences().length;
    }

    private Path run() throws IOException {
        Path folder = temporary.resolve("run");
        try (RunFolder run =
                RunFolder.create(folder, RECIPE.toMap(), new RunFolder.Origin("m2kd-digits", "palimpsest"))) {
            MadeUpRun.run(RECIPE, run);
        }
        return folder;
    }
}

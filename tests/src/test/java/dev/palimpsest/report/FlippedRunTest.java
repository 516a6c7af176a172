package dev.palimpsest.report;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.train.Progress;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
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

    /** What a killed run wrote is held against its last checkpoint, though a term came later. */
    @Test
    void anyFlippedBitInTheRowsThatARunGoesOnWithIsRefused() throws IOException {
        Path file = temporary.resolve("steps.csv");
        StepTable table = new StepTable(file);
        for (int step = 0; step < 4; step++) {
            table.add(new Progress.Step(0, "train", 0, step, 1.0 / (step + 3), new TreeMap<>(), 0.1, 100 + step));
        }
        table.add(new Progress.Step(1, "train", 0, 0, 0.5, new TreeMap<>(Map.of("distillation", 0.25)), 0.1, 99));
        table.sync();
        String written = table.written();
        byte[] then = Files.readAllBytes(file);
        table.add(new Progress.Step(
                1, "train", 0, 1, 0.5, new TreeMap<>(Map.of("distillation", 0.25, "features", 2.0)), 0.1, 98));
        table.write();
        byte[] whole = Files.readAllBytes(file);
        int flips = 0;
        int unused = new String(whole, StandardCharsets.UTF_8).indexOf("features");
        // One more comma in each row and the term's name; the row after them is dropped.
        for (int i = 0; i < then.length + 5 + "features,".length(); i++) {
            byte[] flipped = whole.clone();
            flipped[i] ^= (byte) (1 << i % 8);
            Files.write(file, flipped);
            try {
                new StepTable(file).keep(1, 1, Optional.of(written));
                assertTrue(i >= unused && i < unused + "features".length(), "byte " + i);
                assertArrayEquals(then, Files.readAllBytes(file), "byte " + i);
            } catch (IOException e) {
                assertTrue(e.getMessage().startsWith(file + " is damaged: "), e.getMessage());
                flips++;
            }
        }
        assertTrue(flips > 200, flips + " flips");
        Files.write(file, whole);
        StepTable again = new StepTable(file);
        again.keep(1, 1, Optional.of(written));
        assertEquals(written, again.written());
        assertArrayEquals(then, Files.readAllBytes(file));
        Files.delete(file);
        assertTrue(assertThrows(IOException.class, () -> new StepTable(file).keep(1, 1, Optional.of(written)))
                .getMessage()
                .startsWith(file + " is missing; restore it from a copy, or remove "));
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
        try (RunFolder run = RunFolder.create(folder, RECIPE.toMap(), new Origin("m2kd-digits", "palimpsest"))) {
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
        try (RunFolder run = RunFolder.create(folder, RECIPE.toMap(), new Origin("m2kd-digits", "palimpsest"))) {
            MadeUpRun.run(RECIPE, run);
        }
        return folder;
    }
}

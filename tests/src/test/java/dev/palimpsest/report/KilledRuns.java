package dev.palimpsest.report;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.checkpoint.AtomicFile;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.Runs;
import dev.palimpsest.train.Progress;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Kills processes in which a run of every kind learns and writes its state after every step, at random moments, until
 * each kind was killed so often; every run that is complete in the end is as if nothing had happened. It takes minutes
 * to hours, so that no build runs it; see README.md.
 */
class KilledRuns {
    private static final int KILLS = Integer.getInteger("kills", 50);
    private static final int MOST_MILLIS = Integer.getInteger("kills.millis", 2000);
    /** A file that a process makes with its first step. */
    private static final String BEGUN = "begun";

    private static final AtomicBoolean BEGINS = new AtomicBoolean();

    @TempDir
    private Path temporary;

    @Test
    void endAsIfTheyHadNeverStopped() throws Exception {
        Path whole = temporary.resolve("whole");
        assertEquals(0, process(whole, 1).waitFor(), () -> output(whole));
        Path killed = temporary.resolve("killed");
        Random random = new Random(1);
        Map<String, Integer> kills = new TreeMap<>();
        RunKinds.ALL.keySet().forEach(kind -> kills.put(kind, 0));
        int whileWriting = 0;
        while (kills.values().stream().anyMatch(count -> count < KILLS)) {
            Process process = process(killed, Integer.MAX_VALUE);
            while (process.isAlive() && !Files.exists(killed.resolve(BEGUN))) {
                Thread.sleep(10);
            }
            Thread.sleep(random.nextInt(MOST_MILLIS));
            assertTrue(process.isAlive(), () -> output(killed));
            process.destroyForcibly().waitFor();
            for (SavedRun run : runs(killed)) {
                if (run.status().equals(SavedRun.KILLED)) {
                    kills.merge(kind(run), 1, Integer::sum);
                }
            }
            whileWriting += unfinishedFiles(killed);
            System.out.println("killed so far: " + kills + ", files that were being written: " + whileWriting);
        }
        assertEquals(0, process(killed, 1).waitFor(), () -> output(killed));
        int complete = 0;
        for (SavedRun run : runs(killed)) {
            if (run.status().equals("done")) {
                requireSame(SavedRun.read(whole.resolve(kind(run) + "_0")), run);
                complete++;
            }
        }
        assertTrue(complete >= RunKinds.ALL.size(), complete + " runs complete");
        System.out.println("complete runs that are the same to the bit: " + complete);
    }

    /** @throws IOException if one is damaged */
    private static List<SavedRun> runs(Path folder) throws IOException {
        List<SavedRun> runs = new ArrayList<>();
        try (DirectoryStream<Path> places = Files.newDirectoryStream(folder, RunFiles::isRun)) {
            for (Path place : places) {
                runs.add(SavedRun.read(place));
            }
        }
        return runs;
    }

    private static String kind(SavedRun run) {
        return run.folder().getFileName().toString().replaceAll("_.*", "");
    }

    private static void requireSame(SavedRun expected, SavedRun found) throws IOException {
        String name = found.folder().toString();
        assertEquals(expected.text("weights_sha256"), found.text("weights_sha256"), name);
        assertEquals(steps(expected), steps(found), name);
        Metrics metrics = found.metrics().orElseThrow();
        Metrics wanted = expected.metrics().orElseThrow();
        assertArrayEquals(wanted.accuracy(), metrics.accuracy(), name);
        assertArrayEquals(wanted.withinExperience(), metrics.withinExperience(), name);
        assertArrayEquals(
                Files.readAllBytes(expected.folder().resolve(RunFiles.CONFUSION)),
                Files.readAllBytes(found.folder().resolve(RunFiles.CONFUSION)),
                name);
    }

    /** Without the speed, which no two runs share. */
    private static List<String> steps(SavedRun run) throws IOException {
        return Files.readAllLines(run.folder().resolve(RunFiles.STEPS)).stream()
                .map(row -> row.substring(0, row.lastIndexOf(',')))
                .toList();
    }

    /** Removes them, so that each counts once. */
    private static int unfinishedFiles(Path folder) throws IOException {
        try (Stream<Path> files = Files.walk(folder)) {
            List<Path> unfinished = files.filter(file -> file.toString().endsWith(AtomicFile.UNFINISHED))
                    .toList();
            for (Path file : unfinished) {
                Files.delete(file);
            }
            return unfinished.size();
        }
    }

    private static Process process(Path folder, int rounds) throws IOException {
        Files.createDirectories(folder);
        Files.deleteIfExists(folder.resolve(BEGUN));
        return new ProcessBuilder(
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "-XX:TieredStopAtLevel=1",
                        "-XX:+UseSerialGC",
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        KilledRuns.class.getName(),
                        folder.toString(),
                        Integer.toString(rounds))
                .redirectErrorStream(true)
                .redirectOutput(folder.resolve("output").toFile())
                .start();
    }

    private static String output(Path folder) {
        try {
            return Files.readString(folder.resolve("output"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /**
     * Runs every kind at the same time, each again and again in new folders; what was begun there goes on.
     *
     * @param arguments the folder, and how many runs of each kind at least
     */
    public static void main(String[] arguments) throws Exception {
        Path folder = Path.of(arguments[0]);
        int rounds = Integer.parseInt(arguments[1]);
        try (ExecutorService executor = Executors.newCachedThreadPool()) {
            List<Future<?>> running = new ArrayList<>();
            RunKinds.ALL.forEach((kind, options) -> running.add(executor.submit(() -> {
                Recipe recipe = RunKinds.recipe(options);
                for (int round = 0; round < rounds || RunFiles.isRun(folder.resolve(kind + "_" + round)); round++) {
                    Path place = folder.resolve(kind + "_" + round);
                    if (!EarlierRun.isComplete(place, recipe.toMap())) {
                        run(recipe, place);
                    }
                }
                return null;
            })));
            for (Future<?> run : running) {
                run.get();
            }
        }
    }

    private static void run(Recipe recipe, Path place) throws IOException {
        try (RunFolder folder = RunFolder.create(
                place, recipe.toMap(), new Origin("small", "palimpsest train small"), CheckpointEvery.parse("1"))) {
            Runs.run(recipe, Progress.all(folder, new Progress() {
                @Override
                public void step(Step step) {
                    if (BEGINS.compareAndSet(false, true)) {
                        begun(place.resolveSibling(BEGUN));
                    }
                }
            }));
        }
    }

    private static void begun(Path file) {
        try {
            Files.createFile(file);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }
}

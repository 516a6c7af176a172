package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.Runs;
import dev.palimpsest.report.EditedRun;
import dev.palimpsest.report.MadeUpRun;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SuiteCommandTest {
    private static final String SUITE = """
        # Two variants of a small run.
        orders = 1,2
        threads = 1

        [with exemplars]
        recipe = m2kd-digits
        reference = LwF
        split = 2x5
        widths = 8,8,8
        batch = 128
        epochs = 1
        retrain-epochs = 1
        LwF: method=lwf
        M2KD + pruning: method=m2kd
        """;
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private final List<String> ran = Collections.synchronizedList(new ArrayList<>());
    private Runner runner = (recipe, progress) -> {
        ran.add(name(recipe));
        return MadeUpRun.run(recipe, progress);
    };

    @TempDir
    private Path temporary;

    private Path file;
    private Path folder;

    @BeforeEach
    void write() throws IOException {
        file = Files.writeString(temporary.resolve("small.suite"), SUITE);
        folder = temporary.resolve("out");
    }

    @Test
    void variantsTimesOrdersLearnAndAreComparedInPairs() throws IOException {
        runner = Runs::run;
        assertEquals(0, suite("--jobs", "2"), err.toString());
        JsonNode rows = json("summary.json").at("/blocks/0/rows");
        assertEquals("LwF", rows.get(0).get("label").asText());
        JsonNode m2kd = rows.get(1);
        assertEquals("M2KD + pruning", m2kd.get("label").asText());
        assertEquals(2, m2kd.get("runs").asInt());
        double[] difference = new double[2];
        double sum = 0;
        for (int order = 1; order <= 2; order++) {
            double own = json("with-exemplars/m2kd-pruning/order-" + order + "/metrics.json")
                    .get("final_accuracy")
                    .asDouble();
            sum += own;
            difference[order - 1] = own
                    - json("with-exemplars/lwf/order-" + order + "/metrics.json")
                            .get("final_accuracy")
                            .asDouble();
        }
        assertTrue(sum > 0.2, "the runs learned: " + sum);
        assertEquals(sum / 2, m2kd.at("/figures/final_accuracy/mean").asDouble(), 1e-12);
        assertEquals(
                (difference[0] + difference[1]) / 2,
                m2kd.at("/difference_from_reference/final_accuracy/mean").asDouble(),
                1e-12);
        List<String> lines = Files.readAllLines(folder.resolve("runs.csv"));
        assertTrue(
                lines.getFirst().startsWith("block,label,order,seed,average_incremental_accuracy,"), lines.getFirst());
        assertEquals(
                json("with-exemplars/m2kd-pruning/order-2/metrics.json")
                        .get("final_accuracy")
                        .asDouble(),
                lines.stream()
                        .filter(line -> line.contains(",M2KD + pruning,2,"))
                        .mapToDouble(line -> Double.parseDouble(line.split(",")[6]))
                        .sum());
        // Of two values the standard error is half their distance.
        assertEquals(
                Math.abs(difference[0] - difference[1]) / 2,
                m2kd.at("/difference_from_reference/final_accuracy/standard_error")
                        .asDouble(),
                1e-12);
        assertFalse(
                rows.get(0).at("/difference_from_reference").has("final_accuracy"),
                "the reference has no difference from itself");
        String row = out.toString()
                .lines()
                .filter(line -> line.startsWith("M2KD + pruning  "))
                .findFirst()
                .orElseThrow();
        String markdown = Files.readString(folder.resolve("summary.md"));
        assertTrue(
                markdown.contains(
                        "| M2KD + pruning | " + row.substring(14).strip().split(" {2,}")[0] + " |"),
                markdown);
        assertTrue(Files.readString(folder.resolve("report.html"))
                .contains(row.substring(14).strip().split(" {2,}")[0]));
        List<String> hashes = hashes();
        folder = temporary.resolve("one-at-a-time");
        assertEquals(0, suite());
        assertEquals(hashes, hashes(), "how many run at a time changes no bit");
    }

    /** Made-up runs are worse as joint: of the candidates 0.2 is the best, but for the variant that sets 0.3. */
    @Test
    void candidatesAreTriedOnValidationImagesAndTheBestIsCompared() throws IOException {
        Files.writeString(
                file,
                SUITE.replace("threads = 1", "threads = 1\ntune.learning-rate = 0.05, 0.2,0.1")
                        + "fixed: method=lwf learning-rate=0.3\n");
        runner = (recipe, progress) -> {
            ran.add(recipe.toMap().get("order") + " " + recipe.data().evaluate() + " "
                    + recipe.toMap().get("learning-rate"));
            Map<String, String> worse = new HashMap<>(recipe.toMap());
            if (!worse.get("learning-rate").equals("0.2")) {
                worse.put("method", "joint");
            }
            return MadeUpRun.run(Recipe.of(Map.of("method", worse.get("method"), "order", "1")), progress);
        };
        assertEquals(0, suite("--tune"), err.toString());
        List<String> expected = new ArrayList<>();
        for (String order : List.of("11", "12", "13")) {
            for (String rate : List.of("0.05", "0.2", "0.1", "0.05", "0.2", "0.1")) {
                expected.add(order + " VALIDATION " + rate);
            }
        }
        for (String order : List.of("1", "2")) {
            for (String rate : List.of("0.2", "0.2", "0.3")) {
                expected.add(order + " TEST " + rate);
            }
        }
        assertEquals(expected, ran);
        JsonNode notes = json("summary.json").at("/notes");
        assertEquals(2, notes.size(), notes.toString());
        assertTrue(
                notes.get(0)
                        .asText()
                        .matches("with exemplars, LwF: tuned to learning-rate 0\\.2, of learning-rate 0\\.05: [\\d.]+;"
                                + " learning-rate 0\\.2: [\\d.]+; learning-rate 0\\.1: [\\d.]+ \\(final accuracy on"
                                + " validation images, mean of orders 11, 12, 13\\)\\."),
                notes.toString());
        for (String text : List.of("summary.md", "report.html")) {
            assertTrue(Files.readString(folder.resolve(text)).contains("tuned to learning-rate 0.2"), text);
        }
        ran.clear();
        assertEquals(0, suite("--tune"));
        assertEquals(List.of(), ran, "what is complete stays");
        assertEquals(2, suite("--tune", "--orders", "11,1"));
        assertTrue(err.toString().contains("candidates are tried on 11, 12, 13, so that"), err.toString());
        assertEquals(2, suite("--tune", "--evaluate", "validation"));
        assertTrue(err.toString().contains("leave --evaluate out"), err.toString());
        write();
        assertEquals(2, suite("--tune"));
        assertTrue(err.toString().contains("names nothing to choose"), err.toString());
    }

    private List<String> hashes() throws IOException {
        List<String> hashes = new ArrayList<>();
        for (String run : List.of("lwf/order-1", "lwf/order-2", "m2kd-pruning/order-1", "m2kd-pruning/order-2")) {
            hashes.add(json("with-exemplars/" + run + "/run.json")
                    .get("weights_sha256")
                    .asText());
        }
        return hashes;
    }

    @Test
    void whatIsCompleteIsKeptAndWhatIsMissingRuns() throws IOException {
        assertEquals(0, suite("--orders", "1"));
        assertEquals(List.of("lwf 1", "m2kd 1"), ran);
        Path interrupted = folder.resolve("with-exemplars/lwf/order-1");
        EditedRun.edit(interrupted, run -> run.put("status", "running"));
        ran.clear();
        assertEquals(0, suite());
        assertEquals(List.of("lwf 1", "lwf 2", "m2kd 2"), ran.stream().sorted().toList());
        assertTrue(out.toString().contains("1 of 4 runs are complete in " + folder + "."), out.toString());
        ran.clear();
        assertEquals(0, suite());
        assertEquals(List.of(), ran);
        assertEquals(2, json("summary.json").at("/blocks/0/rows/1/runs").asInt());
    }

    @Test
    void aRunThatFailsDoesNotStopTheOthers() throws IOException {
        Runner sound = runner;
        runner = (recipe, progress) -> {
            if (name(recipe).equals("lwf 1")) {
                throw new IllegalStateException("the loss is NaN in step 7");
            }
            return sound.run(recipe, progress);
        };
        assertEquals(1, suite());
        assertEquals(List.of("m2kd 1", "lwf 2", "m2kd 2"), ran);
        assertEquals(
                List.of(
                        "1 of 4 runs failed:",
                        "with exemplars, LwF, order 1: the loss is NaN in step 7",
                        "The same command makes them again and keeps the others."),
                err.toString().lines().toList());
        assertEquals(
                "failed",
                json("with-exemplars/lwf/order-1/run.json").get("status").asText());
        assertTrue(Files.readString(folder.resolve("summary.md"))
                .contains("class orders (2 in LwF; 1,2 in M2KD + pruning)"));
        assertTrue(Files.readString(folder.resolve("summary.md"))
                .contains("lwf/order-1 is left out: the run failed. the loss is NaN in step 7"));
        runner = sound;
        ran.clear();
        assertEquals(0, suite());
        assertEquals(List.of("lwf 1"), ran);
    }

    @Test
    void aFolderThatCannotBeMadeIsSaidOnceAndNotForEveryRun() throws IOException {
        Files.writeString(folder, "a file");
        assertEquals(1, suite());
        assertEquals(
                "Cannot write " + folder + ": " + folder + " is a file, not a folder; make room there or choose another"
                        + " place.",
                err.toString().strip());
        assertEquals(List.of(), ran);
    }

    /** The first to come makes all runs; it would fail if the others made some of them at the same time. */
    @Test
    void oneCommandAtATimeMakesRunsInAFolder() throws IOException {
        Runner sound = runner;
        List<String> refused = new ArrayList<>();
        runner = (recipe, progress) -> {
            if (ran.isEmpty()) {
                runner = sound;
                err.getBuffer().setLength(0);
                assertEquals(1, suite());
                refused.add(err.toString().strip());
                err.getBuffer().setLength(0);
            }
            return sound.run(recipe, progress);
        };
        assertEquals(0, suite(), err.toString());
        assertEquals(
                List.of("Another command is making runs in " + folder
                        + ": wait for its end, or choose another folder with --out."),
                refused);
        assertEquals(4, ran.size());
    }

    @Test
    void aDamagedRunIsNamedAndDoesNotStopTheOthers() throws IOException {
        assertEquals(0, suite("--orders", "1"));
        Path damaged = folder.resolve("with-exemplars/lwf/order-1");
        Files.writeString(damaged.resolve("metrics.json"), "{\"accuracy\": ");
        ran.clear();
        assertEquals(1, suite());
        assertEquals(List.of("lwf 2", "m2kd 2"), ran);
        String sentence = err.toString().lines().toList().get(1);
        assertTrue(sentence.startsWith(
                "with exemplars, LwF, order 1: " + damaged.resolve("metrics.json") + " is damaged: "));
        assertTrue(sentence.endsWith("Remove " + damaged + " to have the run made anew."), sentence);
        assertTrue(Files.readString(folder.resolve("summary.md")).contains("metrics.json is damaged: "));
        assertTrue(Files.readString(folder.resolve("report.html")).contains("metrics.json is damaged: "));
        assertEquals(1, json("summary.json").at("/blocks/0/rows/0/runs").asInt());
        assertEquals(2, json("summary.json").at("/blocks/0/rows/1/runs").asInt());
    }

    @Test
    void aChangedRecipeInTheSameFolderIsRefusedBeforeAnythingRuns() {
        assertEquals(0, suite("--orders", "2"));
        ran.clear();
        assertEquals(1, suite("--epochs", "3"));
        assertEquals(
                folder.resolve("with-exemplars/lwf/order-2")
                        + " holds a run of another recipe (epochs = 1, now 3): choose another "
                        + "folder with --out, or remove that run.",
                err.toString().strip());
        assertEquals(List.of(), ran);
    }

    @Test
    void seedsRepeatTheRunWithEverythingDrawnAnew() throws IOException {
        Files.writeString(file, SUITE.replace("orders = 1,2", "seeds = 1,2"));
        assertEquals(0, suite());
        assertEquals(List.of("lwf 1", "m2kd 1", "lwf 2 seed 2", "m2kd 2 seed 2"), ran);
        assertTrue(Files.exists(folder.resolve("with-exemplars/lwf/seed-2/metrics.json")));
        assertTrue(
                out.toString().contains("Differences from LwF on the same seeds: mean, its 95 % confidence interval"),
                out.toString());
        assertTrue(Files.readString(folder.resolve("summary.md")).contains("Mean ± standard deviation over seeds."));
        ran.clear();
        assertEquals(0, suite("--orders", "7"));
        assertEquals(List.of("lwf 7 seed 7", "m2kd 7 seed 7"), ran);
    }

    @Test
    void trainSharesIt() throws IOException {
        Runner sound = runner;
        runner = (recipe, progress) -> {
            if (name(recipe).equals("lwf 1")) {
                throw new IllegalStateException("the loss is NaN in step 7");
            }
            return sound.run(recipe, progress);
        };
        String[] words = {"train", "m2kd-digits", "--baselines", "lwf", "--orders", "1,2", "--out", folder.toString()};
        assertEquals(1, palimpsest(words));
        assertEquals(List.of("m2kd 1", "m2kd 2", "lwf 2"), ran);
        assertTrue(err.toString().contains("lwf, order 1: the loss is NaN in step 7"), err.toString());
        assertTrue(
                out.toString().lines().anyMatch(line -> line.startsWith("m2kd ") && line.contains(" ± ")),
                out.toString());
        runner = sound;
        ran.clear();
        assertEquals(0, palimpsest(words));
        assertEquals(List.of("lwf 1"), ran);
    }

    @Test
    void reportShowsTheSuitesComparisonAgainAndTakesAnotherReference() {
        assertEquals(0, suite());
        assertEquals(0, palimpsest("report", folder.toString()));
        assertTrue(out.toString().contains("Differences from LwF on the same class orders"), out.toString());
        out.getBuffer().setLength(0);
        assertEquals(0, palimpsest("report", folder.toString(), "--reference", "M2KD + pruning"));
        assertTrue(out.toString().contains("Differences from M2KD + pruning on the same class orders"), out.toString());
        assertEquals(2, palimpsest("report", folder.toString(), "--reference", "x"));
        assertEquals(
                "--reference x: expected one of LwF, M2KD + pruning",
                err.toString().lines().findFirst().orElse(""));
    }

    @Test
    void aSuiteThatCannotBeIsOneSentence() throws IOException {
        Files.writeString(file, SUITE.replace("method=lwf", "method=lwf exemplars=0"));
        assertEquals(2, suite());
        assertEquals(
                "suite small, with exemplars, LwF: classifier = nearest-mean needs exemplars, but exemplars = 0: "
                        + "keep some, or take classifier = head",
                err.toString().lines().findFirst().orElse(""));
        Files.writeString(file, SUITE + "M2KD pruning: method=m2kd\n");
        assertEquals(2, suite());
        assertTrue(
                err.toString().contains("would share the folder with-exemplars/m2kd-pruning/order-1"), err.toString());
        assertEquals(2, suite("--jobs", "0"));
        assertEquals(List.of(), ran);
        assertFalse(Files.exists(folder));
    }

    private static String name(Recipe recipe) {
        String seed = recipe.seed() == 1 ? "" : " seed " + recipe.seed();
        return recipe.toMap().get("method") + " " + recipe.toMap().get("order") + seed;
    }

    private int suite(String... more) {
        List<String> words = new ArrayList<>(List.of("suite", file.toString(), "--out", folder.toString()));
        words.addAll(List.of(more));
        return palimpsest(words.toArray(String[]::new));
    }

    private int palimpsest(String... words) {
        err.getBuffer().setLength(0);
        return Palimpsest.commandLine(
                        runner,
                        (name, alone) -> new Lines(name, Duration.ofSeconds(5), new PrintWriter(out), System::nanoTime),
                        List.of())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(words);
    }

    private JsonNode json(String name) throws IOException {
        return new ObjectMapper().readTree(folder.resolve(name).toFile());
    }
}

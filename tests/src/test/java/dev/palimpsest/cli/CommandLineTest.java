package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.RecipeFile;
import dev.palimpsest.recipe.RecipeOptions;
import dev.palimpsest.recipe.Runs;
import dev.palimpsest.recipe.SuiteFile;
import dev.palimpsest.report.MadeUpRun;
import dev.palimpsest.tensor.Safetensors;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import picocli.CommandLine;

class CommandLineTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private final List<Recipe> recipes = new ArrayList<>();
    private Runner runner = (recipe, progress) -> {
        recipes.add(recipe);
        return MadeUpRun.run(recipe, progress);
    };

    @TempDir
    private Path temporary;

    @Test
    void trainingLeavesARunFolderAndSaysWhereTheReportIs() {
        Path folder = temporary.resolve("run");
        assertEquals(0, palimpsest("train", "m2kd-digits", "--out", folder.toString()));
        for (String file : List.of("run.json", "metrics.json", "steps.csv", "report.html")) {
            assertTrue(Files.isRegularFile(folder.resolve(file)), file);
        }
        assertTrue(out.toString().contains("average incremental"), out.toString());
        assertTrue(
                out.toString().endsWith("Report: " + folder.resolve("report.html") + System.lineSeparator()),
                out.toString());
        assertEquals("", err.toString());
    }

    @Test
    void theRecipeIsTheFilesAndTheCommandLineGoesBeforeIt() throws IOException {
        palimpsest(
                "train",
                "m2kd-digits",
                "--epochs",
                "3",
                "--method=lwf",
                "--out",
                temporary.resolve("run").toString());
        Map<String, String> expected = RecipeFile.load("m2kd-digits").recipe().toMap();
        expected.put("epochs", "3");
        expected.put("method", "lwf");
        assertEquals(List.of(Recipe.of(expected)), recipes);
    }

    @Test
    void everyOptionOfARecipeIsAFlag() {
        List<String> words = new ArrayList<>(List.of(
                "train", "m2kd-digits", "--out", temporary.resolve("run").toString()));
        Map<String, String> options = Recipe.of(
                        Map.of("epochs", "2", "widths", "4,5", "order", "5,4,3,2,1,0,6,7,8,9", "threads", "1"))
                .toMap();
        Recipe recipe = Recipe.of(options);
        options.forEach((name, text) -> {
            if (RecipeOptions.refusal(recipe, name, text).isEmpty()) {
                words.addAll(List.of("--" + name, text));
            }
        });
        assertTrue(words.size() > 80, words.toString());
        assertEquals(0, palimpsest(words.toArray(String[]::new)), err.toString());
        assertEquals(List.of(recipe), recipes);
    }

    /** Five classes of four pictures, 70×90 and grey. */
    private Path photos() throws IOException {
        Path photos = temporary.resolve("photos");
        for (String name : List.of("ant", "bee", "cow", "dog", "eel")) {
            Path folder = Files.createDirectories(photos.resolve(name));
            for (int i = 0; i < 4; i++) {
                BufferedImage picture = new BufferedImage(90, 70, BufferedImage.TYPE_BYTE_GRAY);
                assertTrue(
                        ImageIO.write(picture, "png", folder.resolve(i + ".png").toFile()));
            }
        }
        return photos;
    }

    @Test
    void ownImagesTakeOneLine() throws IOException {
        Path photos = photos();
        String run = temporary.resolve("run").toString();
        assertEquals(
                0, palimpsest("train", "--data", photos.toString(), "--epochs", "3", "--out", run), err.toString());
        Map<String, String> options = recipes.getFirst().toMap();
        assertEquals("image-folder", options.get("data"));
        assertEquals(photos.toString(), options.get("data-folder"));
        assertEquals("64", options.get("image-size"));
        assertEquals("3+2", options.get("split"), "of five classes");
        assertEquals("cifar-resnet", options.get("network"));
        assertEquals("3", options.get("epochs"), "the command line takes precedence");
        String said =
                "20 images of 5 classes in " + photos + ": the central square of each at 64×64 (their shorter sides"
                        + " are about 70), network cifar-resnet, experiences 3+1x2.";
        assertTrue(out.toString().startsWith(said + System.lineSeparator()), out.toString());
        List<String> words = new ArrayList<>(
                List.of(json("run/run.json").get("command").asText().split(" ")));
        words.removeFirst();
        words.addAll(List.of("--out", temporary.resolve("again").toString()));
        assertEquals(0, palimpsest(words.toArray(String[]::new)), err.toString());
        assertEquals(recipes.getFirst(), recipes.getLast());
    }

    @Test
    void aRecipesHeadingDoesNotStandAboveOtherImages() throws IOException {
        String run = temporary.resolve("run").toString();
        assertEquals(
                0, palimpsest("train", "m2kd-digits", "--data", photos().toString(), "--out", run), err.toString());
        assertTrue(out.toString().startsWith("20 images of 5 classes in "), out.toString());
        assertTrue(out.toString().lines().noneMatch(line -> line.contains("digits")), out.toString());
        assertEquals("20", recipes.getFirst().toMap().get("epochs"), "the recipe's training");
        assertEquals("cifar-resnet", recipes.getFirst().toMap().get("network"));
    }

    @Test
    void theCommandInRunJsonRepeatsTheRun() throws IOException {
        palimpsest(
                "train",
                "m2kd-digits",
                "--order",
                "9,8,7,6,5,4,3,2,1,0",
                "--lambda",
                "0.5",
                "--out",
                temporary.resolve("a").toString());
        String command = json("a/run.json").get("command").asText();
        assertEquals(
                "palimpsest train m2kd-digits --order 9,8,7,6,5,4,3,2,1,0 --lambda 0.5 --threads "
                        + RecipeFile.load("m2kd-digits").recipe().threads(),
                command);
        List<String> words = new ArrayList<>(List.of(command.split(" ")));
        words.removeFirst();
        words.addAll(List.of("--out", temporary.resolve("b").toString()));
        assertEquals(0, palimpsest(words.toArray(String[]::new)));
        assertEquals(recipes.getFirst(), recipes.getLast());
    }

    /** From wherever it is started: a relative folder of data is recorded as an absolute one. */
    @Test
    void aRunIsRepeatedFromItsRecord() throws IOException {
        Path here = Path.of("").toAbsolutePath();
        Path recipe = Files.writeString(
                temporary.resolve("mine.properties"), "data = image-folder\nepochs = 7\nthreads = 1\n");
        assertEquals(
                0,
                palimpsest(
                        "train",
                        here.relativize(recipe).toString(),
                        "--data-folder",
                        here.relativize(temporary.resolve("photos")).toString(),
                        "--lambda",
                        "0.25",
                        "--out",
                        temporary.resolve("a").toString()));
        String folder = json("a/run.json").at("/options/data-folder").asText();
        assertTrue(Path.of(folder).isAbsolute(), folder);
        assertEquals(temporary.resolve("photos"), Path.of(folder).normalize());
        assertTrue(json("a/run.json").get("command").asText().startsWith("palimpsest train /"), "any folder will do");
        for (String from : List.of("a", "a/run.json")) {
            Path out = temporary.resolve("again-" + from.length());
            assertEquals(
                    0,
                    palimpsest("train", "--from", temporary.resolve(from).toString(), "--out", out.toString()),
                    err.toString());
            assertEquals(recipes.getFirst(), recipes.getLast());
            assertEquals(
                    json("a/run.json").get("options"),
                    new ObjectMapper()
                            .readTree(out.resolve("run.json").toFile())
                            .get("options"));
        }
        List<String> words = new ArrayList<>(
                List.of(json("again-10/run.json").get("command").asText().split(" ")));
        words.removeFirst();
        words.addAll(List.of("--out", temporary.resolve("c").toString()));
        assertEquals(0, palimpsest(words.toArray(String[]::new)), err.toString());
        assertEquals(recipes.getFirst(), recipes.getLast());
        assertEquals(
                0,
                palimpsest(
                        "train",
                        "--from",
                        temporary.resolve("a").toString(),
                        "--epochs",
                        "2",
                        "--out",
                        temporary.resolve("d").toString()));
        assertEquals(recipes.getFirst().with("epochs", "2"), recipes.getLast());
        assertEquals(1, palimpsest("train", "--from", temporary.toString()));
        assertEquals(
                temporary + " is not a run folder: it holds no run.json; give one of those below it, such as "
                        + temporary.resolve("a") + ".",
                err.toString().strip());
    }

    @Test
    void baselinesRunBesideWithTheSameSettings() throws IOException {
        Path folder = temporary.resolve("run");
        assertEquals(
                0,
                palimpsest(
                        "train",
                        "m2kd-digits",
                        "--baselines",
                        "fine-tuning,lwf,joint",
                        "--seed",
                        "4",
                        "--out",
                        folder.toString()));
        assertEquals(
                List.of("m2kd", "fine-tuning", "lwf", "joint"),
                recipes.stream().map(recipe -> recipe.toMap().get("method")).toList());
        for (Recipe recipe : recipes) {
            assertEquals(recipes.getFirst().with("method", recipe.toMap().get("method")), recipe);
        }
        assertEquals("joint", json("run/joint/run.json").at("/options/method").asText());
        assertEquals("m2kd", json("run/run.json").at("/options/method").asText());
        assertTrue(json("run/joint/run.json").get("command").asText().contains("--method joint"));
        String report = Files.readString(folder.resolve("report.html"));
        assertTrue(report.contains(">fine-tuning</th>") && report.contains(">joint</th>"));
        assertFalse(Files.exists(folder.resolve("lwf/report.html")));
    }

    @Test
    void ordersRepeatEverythingAndGiveTheSpread() throws IOException {
        String folder = temporary.resolve("run").toString();
        assertEquals(0, palimpsest("train", "m2kd-digits", "--baselines", "lwf", "--orders", "1,2", "--out", folder));
        assertEquals(
                List.of("1 m2kd", "1 lwf", "2 m2kd", "2 lwf"),
                recipes.stream()
                        .map(recipe -> recipe.toMap().get("order") + " "
                                + recipe.toMap().get("method"))
                        .toList());
        assertTrue(Files.exists(temporary.resolve("run/order-2/lwf/metrics.json")));
        assertTrue(out.toString().lines().anyMatch(line -> line.matches("lwf +[\\d.]+ ± .*")), out.toString());
    }

    @Test
    void seedsRepeatEverythingWithAllThatIsDrawn() {
        String folder = temporary.resolve("run").toString();
        assertEquals(
                0,
                palimpsest("train", "mlkd-digits", "--baselines", "fine-tuning", "--seeds", "3,4", "--out", folder),
                err.toString());
        assertEquals(
                List.of("3 3 mlkd", "3 3 fine-tuning", "4 4 mlkd", "4 4 fine-tuning"),
                recipes.stream()
                        .map(Recipe::toMap)
                        .map(options -> options.get("seed") + " " + options.get("order") + " " + options.get("method"))
                        .toList());
        assertTrue(Files.exists(temporary.resolve("run/seed-4/fine-tuning/metrics.json")));
    }

    @Test
    void asPaperSetsWhereItDiffersFromTheCodeAndOptionsGoBeforeIt() {
        assertEquals(
                0,
                palimpsest(
                        "train",
                        "mlkd-digits",
                        "--as",
                        "paper",
                        "--margin-weight",
                        "0.3",
                        "--out",
                        temporary.resolve("run").toString()),
                err.toString());
        Map<String, String> options = recipes.getFirst().toMap();
        assertEquals(
                List.of("0.3", "0", "paper", "true"),
                Stream.of("margin-weight", "feature-start", "relation", "ensemble")
                        .map(options::get)
                        .toList());
        assertEquals(2, palimpsest("train", "mlkd-digits", "--as", "book"));
        assertEquals(
                "as = book: expected one of code, paper",
                err.toString().lines().findFirst().orElse(""));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "train m2kd-digits --orders 1 --seeds 2 | --orders and --seeds: expected one of them, class orders"
                        + " alone or all that is drawn",
                "train m2kd-digits --seeds 1,1 | --seeds 1,1: expected every seed once",
                "train m2kd-digits --epocs 3 | --epocs is not an option of palimpsest train; did you mean --epochs?",
                "train m2kd-digits --epocs=3 | --epocs is not an option of palimpsest train; did you mean --epochs?",
                "train m2kd-digits extra | extra is one word too many for palimpsest train",
                "train m2kd-digits --method m2dk | method = m2dk: expected one of m2kd, lwf, lwf-mc, icarl, replay,"
                        + " fine-tuning, joint, mlkd, mlkd-baseline, mlkd-ssl-alone, mlkd-alone, lwf-unlabelled,"
                        + " confidence-penalty; did you mean m2kd?",
                "train m2kd-digits --baselines lfw | --baselines lfw: expected methods of m2kd, lwf, lwf-mc, icarl,"
                    + " replay, fine-tuning, joint, mlkd, mlkd-baseline, mlkd-ssl-alone, mlkd-alone, lwf-unlabelled,"
                    + " confidence-penalty; did you mean lwf?",
                "train m2kd-digits --baselines m2kd | --baselines m2kd: it runs already, as the recipe's own method",
                "train m2kd-digits --baselines lwf,lwf | --baselines lwf: it runs already, as it is named twice",
                "train m2kd-digits --orders 1,1 | --orders 1,1: expected every seed once",
                "train m2kd-digits --epochs 0 | epochs = 0: expected at least 1",
                "train m2kd-digits --exemplars 0 --classifier nearest-mean | classifier = nearest-mean needs"
                        + " exemplars, but exemplars = 0: keep some, or take classifier = head",
                "train --data photoes | data = photoes: expected a folder of images that is there, or one of digits,"
                        + " fashion-mnist, mnist, kmnist, cifar-10, cifar-100, glyphs, glyphs-distractors,"
                        + " image-folder, image-list, stripes",
                "trian | trian is not a command of palimpsest; did you mean train?",
                "'' | palimpsest needs a command: help, train, suite, eval, verify, predict, export, report, data,"
                        + " doctor, learn, classify, versions, rollback, forget, serve, completion",
                "report | palimpsest report needs RUN",
                "train m2kd-digits --method lwf --lambda-feature 0.5 | --lambda-feature = 0.5: method = lwf has no such"
                        + " option; it is one of m2kd",
                "train m2kd-digits --baselines lwf --teachers 5 | --teachers = 5: method = m2kd has no such option; it"
                        + " is one of mlkd, mlkd-alone",
                "train m2kd-digits --depth 20 | --depth = 20 has no effect here: it needs network = cifar-resnet",
                "train m2kd-digits --method icarl --classifier weight-alignment | --classifier = weight-alignment:"
                        + " method = icarl always has classifier = nearest-mean: leave it out",
                "train m2kd-digits --method fine-tuning --exemplars 5 | --exemplars = 5: method = fine-tuning always"
                        + " has exemplars = 0: leave it out",
                "train m2kd-digits --prune false --fraction 0.5 | --fraction = 0.5 has no effect here: it needs prune ="
                        + " true",
                "train m2kd-digits --method lwf --auxiliary-heads true | --auxiliary-heads = true: method = lwf does"
                        + " not use it: leave it out",
                "train m2kd-digits --refit-epochs 3 | --refit-epochs = 3 has no effect here: it needs classifier ="
                        + " refit",
                "train m2kd-digits --as paper | as = paper: m2kd has no named sets of options: leave it out",
                "train m2kd-digits --memory 201 | memory = 201: expected 0 to 200, the challenge's limit",
                "train | palimpsest train needs RECIPE, --data with a folder of images, or a run to repeat: --from RUN",
                "train m2kd-digits --from runs/a | RECIPE and --from: expected one of them",
                "train m2kd-digits --epochs | --epochs needs a value: N",
                "train m2kd-digits --epochs 1 --epochs 2 | --epochs is given twice, as 1 and 2: give it once",
                "train m2kd-digits --learning-rate 0.1f | learning-rate = 0.1f: expected a number",
                "train m2kd-digits --learning-rate 0x1p-3 | learning-rate = 0x1p-3: expected a number",
                "train m2kd-digits --fraction .3d | fraction = .3d: expected planned, or a share above 0 and below 1",
                "train m2kd-digits --learning-rate 0,1 | learning-rate = 0,1: expected a number",
                "train m2kd-digits --learning-rate NaN | learning-rate = NaN: expected a number above 0",
                "train m2kd-digits --epochs ２ | epochs = ２: expected a whole number",
                "train m2kd-digits --epochs 3000000000 | epochs = 3000000000: expected a whole number of at most 32"
                        + " bits",
                "train m2kd-digits --orders , | --orders \",\": expected one or more, with commas between them",
                "train m2kd-digits --baselines lwf, | --baselines \"lwf,\": expected one or more, with commas between"
                        + " them",
                "train m2kd-digits --out= | --out \"\": expected a path",
            })
    void aCommandThatIsNotUnderstoodIsOneSentence(String words, String sentence) {
        assertEquals(2, palimpsest(words.isEmpty() ? new String[0] : words.split(" ")));
        assertEquals(sentence, err.toString().lines().findFirst().orElse(""));
        assertEquals(2, err.toString().lines().count(), "the sentence and where help is");
        assertTrue(recipes.isEmpty());
    }

    /** No file of arguments is meant: a picture may have such a name, and an empty word is no folder. */
    @Test
    void wordsAreTakenAsTheyAre() throws IOException {
        Path arguments = Files.writeString(temporary.resolve("words"), "--help");
        assertEquals(1, palimpsest("report", "@" + arguments));
        assertEquals(
                "There is no run folder @" + arguments + ": give a folder that palimpsest train made.",
                err.toString().strip());
        err.getBuffer().setLength(0);
        assertEquals(2, palimpsest("report", ""));
        assertTrue(err.toString().startsWith("RUN \"\": expected a path"), err.toString());
        err.getBuffer().setLength(0);
        assertEquals(2, palimpsest("train", "--data", ""));
        assertTrue(
                err.toString().startsWith("data = : expected a folder of images that is there, or one of digits, "),
                err.toString());
    }

    @Test
    void aRecipeThereIsNotIsRefusedWithTheNearest() {
        assertEquals(2, palimpsest("train", "m2kd-fasion"));
        assertTrue(
                err.toString().lines().findFirst().orElse("").endsWith("; did you mean m2kd-fashion?"), err.toString());
    }

    @Test
    void aUsersRecipeFileCounts() throws IOException {
        Path file = Files.writeString(temporary.resolve("mine.properties"), "epochs = 4\n");
        assertEquals(
                0,
                palimpsest(
                        "train",
                        file.toString(),
                        "--out",
                        temporary.resolve("run").toString()));
        assertEquals(4, recipes.getFirst().settings().training().epochs());
        assertEquals("mine", json("run/run.json").get("recipe").asText());
        Files.writeString(file, "epohcs = 4\n");
        assertEquals(2, palimpsest("train", file.toString()));
        assertEquals(
                "recipe mine, line 1: epohcs is not an option; did you mean epochs?",
                err.toString().lines().findFirst().orElse(""));
    }

    @Test
    void aRunThatFailsIsOneSentenceAndIsWrittenDown() throws IOException {
        runner = (recipe, progress) -> {
            throw new IllegalStateException("The loss is NaN at step 7 (cross-entropy NaN).");
        };
        assertEquals(
                1,
                palimpsest(
                        "train",
                        "m2kd-digits",
                        "--out",
                        temporary.resolve("run").toString()));
        assertEquals(
                "The loss is NaN at step 7 (cross-entropy NaN).", err.toString().strip());
        assertEquals("failed", json("run/run.json").get("status").asText());
        assertEquals(
                "The loss is NaN at step 7 (cross-entropy NaN).",
                json("run/run.json").get("reason").asText());
    }

    @Test
    void aRunIsResumedByItsFolderAlone() throws IOException {
        Path folder = temporary.resolve("run");
        Runner whole = runner;
        runner = (recipe, progress) -> {
            throw new IllegalStateException("cut short");
        };
        assertEquals(1, palimpsest("train", "m2kd-digits", "--epochs", "3", "--out", folder.toString()));
        runner = whole;
        assertEquals(0, palimpsest("train", "--resume", folder.toString()), err.toString());
        assertEquals("3", recipes.getLast().toMap().get("epochs"));
        assertEquals("done", json("run/run.json").get("status").asText());
        assertTrue(json("run/run.json").get("command").asText().contains("--epochs 3"));
        assertEquals(2, palimpsest("train", "m2kd-digits", "--resume", folder.toString()));
        assertTrue(
                err.toString().contains("expected no recipe and no other option beside it but --checkpoint-every"),
                err.toString());
        assertEquals(
                1, palimpsest("train", "--resume", temporary.resolve("none").toString()));
        assertTrue(err.toString().contains("There is no run folder"), err.toString());
        assertEquals(2, palimpsest("train"));
        assertTrue(err.toString().contains("palimpsest train needs RECIPE"), err.toString());
    }

    @Test
    void startsInTheSameSecondGetFoldersOfTheirOwn() throws Exception {
        Set<Path> folders = ConcurrentHashMap.newKeySet();
        try (ExecutorService starts = Executors.newFixedThreadPool(20)) {
            for (int i = 0; i < 20; i++) {
                starts.submit(() -> folders.add(TrainCommand.fresh(temporary.resolve("runs/m2kd-digits-20260101"))));
            }
        }
        assertEquals(20, folders.size(), folders.toString());
        folders.forEach(folder -> assertTrue(Files.isDirectory(folder), folder.toString()));
    }

    @Test
    void aMistakeOfOursShowsItsTrace() {
        runner = (recipe, progress) -> {
            throw new IndexOutOfBoundsException("Index 3 out of bounds for length 3");
        };
        assertEquals(
                1,
                palimpsest(
                        "train",
                        "m2kd-digits",
                        "--out",
                        temporary.resolve("run").toString()));
        assertTrue(err.toString().contains("please report it") && err.toString().contains("\tat "), err.toString());
    }

    @Test
    void anUnwritableRunFolderIsOneSentence() throws IOException {
        Files.writeString(temporary.resolve("file"), "");
        assertEquals(
                1,
                palimpsest(
                        "train",
                        "m2kd-digits",
                        "--out",
                        temporary.resolve("file/run").toString()));
        assertTrue(
                err.toString().startsWith("Cannot write ")
                        && err.toString().lines().count() == 1,
                err.toString());
        assertTrue(recipes.isEmpty(), "refused before training");
    }

    @Test
    void aReportThatCannotBeWrittenDoesNotLoseTheRun() throws IOException {
        Path folder = temporary.resolve("run");
        runner = (recipe, progress) -> {
            Files.createDirectories(folder.resolve("report.html/in the way"));
            return MadeUpRun.run(recipe, progress);
        };
        assertEquals(0, palimpsest("train", "m2kd-digits", "--out", folder.toString()));
        assertEquals("done", json("run/run.json").get("status").asText());
        assertTrue(
                out.toString().contains("The run is complete, but its report is not: Cannot write "), out.toString());
    }

    @Test
    void evalScoresARunAsItScoredItself() throws IOException {
        runner = Runs::run;
        String folder = temporary.resolve("run").toString();
        assertEquals(
                0,
                palimpsest(
                        "train",
                        "m2kd-digits",
                        "--split",
                        "4+6",
                        "--widths",
                        "4,8",
                        "--epochs",
                        "1",
                        "--retrain-epochs",
                        "1",
                        "--validation",
                        "0.8",
                        "--evaluate",
                        "validation",
                        "--out",
                        folder),
                err.toString());
        JsonNode metrics = json("run/metrics.json");
        out.getBuffer().setLength(0);
        assertEquals(0, palimpsest("eval", folder), err.toString());
        assertTrue(
                out.toString().startsWith("Final model of 2 experiences, on validation images of digits"),
                out.toString());
        assertEquals(percent(metrics.at("/accuracy/1/1")), cell("2", 2));
        assertEquals(percent(metrics.at("/final_accuracy")), cell("all", 2));
        assertEquals(percent(metrics.at("/final_within_experience_accuracy")), cell("all", 3));
        out.getBuffer().setLength(0);
        assertEquals(0, palimpsest("eval", folder, "--snapshot", "1"));
        assertEquals(percent(metrics.at("/accuracy/0/0")), cell("1", 2));
        assertTrue(out.toString().contains(" images are of classes that this model had not learnt"), out.toString());
        assertEquals(0, palimpsest("eval", folder, "--snapshot", "1", "--unknown", "digits"));
        assertTrue(out.toString().contains(" images of digits, of classes that this model had not learnt."));
        out.getBuffer().setLength(0);
        assertEquals(0, palimpsest("eval", folder, "--split", "test"));
        assertEquals("355", cell("all", 1));
        assertEquals(1, palimpsest("eval", folder, "--snapshot", "3"));
        assertEquals(
                "There is no snapshot 3: the run has 1 to 2.", err.toString().strip());
        Path weights = temporary.resolve("weights.safetensors");
        assertEquals(0, palimpsest("export", folder, weights.toString(), "--snapshot", "1"), err.toString());
        assertTrue(Safetensors.read(weights).contains("stage1.conv.weight"));
        assertEquals(
                1, palimpsest("export", folder, temporary.resolve("run.json/x").toString()));
        assertEquals(2, palimpsest("eval", folder, "--image-crop", "-1"), "nothing is done with it");
        assertEquals(2, palimpsest("eval", folder, "--test-share", "NaN"));
        assertEquals(2, palimpsest("eval", folder, "--unknown-folder", folder));
        for (String own : List.of("run.json", "checkpoint/model.safetensors")) {
            String place = Path.of(folder).resolve(own).toString();
            for (String[] words :
                    List.of(new String[] {"export", folder, place}, new String[] {"report", folder, "--out", place})) {
                assertEquals(1, palimpsest(words));
                assertEquals(
                        "Cannot write " + place + ": it would take the place of a file that the run there is read from;"
                                + " give another name.",
                        err.toString().strip());
            }
        }
        assertEquals(2, palimpsest("eval", folder, "--split", "tset"));
        assertEquals(
                "--split tset: expected one of test, validation, train; did you mean test?",
                err.toString().lines().findFirst().get());
        assertEquals(1, palimpsest("eval", temporary.toString()));
        assertEquals(
                temporary + " is not a run folder: it holds no run.json; give one of those below it, such as "
                        + temporary.resolve("run") + ".",
                err.toString().strip());
    }

    @Test
    void evalOfImagesThatWereNotHeldOutIsASentence() {
        runner = Runs::run;
        String folder = temporary.resolve("run").toString();
        assertEquals(
                0,
                palimpsest("train", "m2kd-digits", "--widths", "4,8", "--epochs", "1", "--out", folder),
                err.toString());
        assertEquals(1, palimpsest("eval", folder, "--split", "validation"));
        assertEquals(
                "There are no validation images of digits: the run held none out with --validation.",
                err.toString().strip());
    }

    private static String percent(JsonNode share) {
        return String.format(Locale.ROOT, "%.2f", 100 * share.asDouble());
    }

    /** A word of the printed row that begins with the given one. */
    private String cell(String row, int column) {
        return out.toString()
                .lines()
                .filter(line -> line.startsWith(row + " "))
                .findFirst()
                .orElseThrow()
                .split(" +")[column];
    }

    @Test
    void reportComparesSavedRuns() {
        palimpsest("train", "m2kd-digits", "--out", temporary.resolve("a").toString());
        palimpsest(
                "train",
                "m2kd-digits",
                "--method",
                "lwf",
                "--out",
                temporary.resolve("b").toString());
        out.getBuffer().setLength(0);
        Path page = temporary.resolve("both.html");
        assertEquals(0, palimpsest("report", temporary + "/a", temporary + "/b", "--out", page.toString()));
        assertTrue(Files.exists(page));
        assertTrue(out.toString().lines().anyMatch(line -> line.startsWith("lwf ")), out.toString());
        assertEquals(1, palimpsest("report", temporary.toString() + "/x"));
        assertEquals(
                "There is no run folder " + temporary + "/x: give a folder that palimpsest train made.",
                err.toString().strip());
    }

    @Test
    void helpTeachesEveryOptionAndTheExitCodes() {
        assertEquals(0, palimpsest("train", "--help"));
        RecipeOptions.names().forEach(name -> assertTrue(out.toString().contains("--" + name + "="), name));
        RecipeFile.builtIn().forEach(name -> assertTrue(out.toString().contains(name), name));
        assertEquals(0, palimpsest("--help"));
        assertTrue(out.toString().contains("Exit codes: 0 done; 1 a run failed"));
        out.getBuffer().setLength(0);
        assertEquals(0, palimpsest("--version"));
        assertTrue(out.toString().strip().matches("palimpsest \\d+\\.\\d+\\..*"), out.toString());
    }

    @Test
    void aCommandThatIsNamedFirstIsTheSameWithoutTheOthers() {
        CommandLine all = commandLine();
        all.getSubcommands().forEach((name, command) -> {
            CommandLine some = Palimpsest.commandLine(runner, null, List.of(), name);
            assertEquals(
                    name,
                    some.getSubcommands().get(name).getCommandSpec().name(),
                    "the name that it is found by is its own");
            assertEquals(
                    command.getUsageMessage(), some.getSubcommands().get(name).getUsageMessage());
            boolean alone = !Set.of("help", "completion").contains(name);
            assertEquals(
                    alone ? Set.of("help", name) : all.getSubcommands().keySet(),
                    some.getSubcommands().keySet());
        });
        for (String word : List.of("", "--help", "trian")) {
            assertEquals(
                    all.getUsageMessage(),
                    Palimpsest.commandLine(runner, null, List.of(), word).getUsageMessage());
        }
    }

    /** bash itself says what it would complete. */
    @Test
    void bashCompletesCommandsOptionsAndNames() throws IOException, InterruptedException {
        assertEquals(0, palimpsest("completion"));
        Path script = Files.writeString(temporary.resolve("completion"), out.toString());
        for (List<String> each : List.of(
                List.of("pred", "predict"),
                List.of("train --retrain-ep", "--retrain-epochs"),
                List.of("train mlkd-g", "mlkd-glyphs"),
                List.of("suite --tune fashion-d", "fashion-drift"))) {
            String words = "palimpsest " + each.get(0);
            Process bash = new ProcessBuilder(
                            "bash",
                            "-c",
                            "source \"$0\"; COMP_WORDS=($1); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE=$1;"
                                    + " COMP_POINT=${#1}; $(complete -p palimpsest | sed 's/.*-F \\([^ ]*\\).*/\\1/')"
                                    + " palimpsest \"${COMP_WORDS[COMP_CWORD]}\"; echo \"${COMPREPLY[@]}\"",
                            script.toString(),
                            words)
                    .redirectError(ProcessBuilder.Redirect.DISCARD) // compopt misses bash's own call
                    .start();
            String reply = new String(bash.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
            bash.waitFor();
            assertEquals(each.get(1), reply.strip(), words);
        }
    }

    /** Every command in the README's blocks and sentences; its recipe or suite is there, too. */
    @Test
    void commandsOfTheReadmeAreUnderstood() throws IOException {
        List<String> commands = Pattern.compile("java/bin/palimpsest ([^#\n]+)|`palimpsest\\s([^`]+)`")
                .matcher(Files.readString(Path.of("../README.md")))
                .results()
                .map(match -> match.group(1) == null ? match.group(2) : match.group(1))
                .toList();
        assertTrue(commands.size() > 20, commands.size() + " commands in the README");
        for (String line : commands) {
            List<String> words = List.of(line.strip().split("\\s+"));
            if (words.size() == 1) { // the name of a command
                assertTrue(commandLine().getSubcommands().containsKey(words.getFirst()), line);
            } else {
                assertDoesNotThrow(() -> commandLine().parseArgs(words.toArray(String[]::new)), line);
            }
            if (words.getFirst().equals("train") && !words.get(1).startsWith("--")) {
                assertTrue(RecipeFile.builtIn().contains(words.get(1)), line);
            }
            if (words.getFirst().equals("suite")) {
                assertDoesNotThrow(() -> SuiteFile.load(words.get(1)), line);
            }
        }
    }

    @Test
    void wordsThatAShellWouldSplitAreQuoted() {
        assertEquals(
                "palimpsest train 'my recipe' --data-folder 'it'\\''s' ''",
                Words.join(List.of("palimpsest", "train", "my recipe", "--data-folder", "it's", "")));
    }

    private int palimpsest(String... words) {
        err.getBuffer().setLength(0);
        return commandLine()
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(words);
    }

    private CommandLine commandLine() {
        return Palimpsest.commandLine(
                runner,
                (name, alone) -> new Lines(name, Duration.ofSeconds(5), new PrintWriter(out), System::nanoTime),
                List.of());
    }

    private JsonNode json(String file) throws IOException {
        return new ObjectMapper().readTree(temporary.resolve(file).toFile());
    }
}

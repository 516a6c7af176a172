package dev.palimpsest.recipe;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.data.Dataset;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class RecipeTest {
    static List<String> builtIn() {
        return RecipeFile.builtIn();
    }

    @Test
    void everyOptionComesBackFromItsText() {
        Map<String, String> changed = Map.ofEntries(
                Map.entry("data", "mnist"),
                Map.entry("data-folder", "/data/mnist"),
                Map.entry("image-size", "64"),
                Map.entry("image-crop", "56"),
                Map.entry("skip-damaged", "true"),
                Map.entry("test-share", "0.25"),
                Map.entry("split", "4+3x2"),
                Map.entry("order", "3,1,4,0"),
                Map.entry("validation", "0.125"),
                Map.entry("evaluate", "validation"),
                Map.entry("retrain-learning-rate-factor", "0.3"),
                Map.entry("augment", "crop-flip:4"),
                Map.entry("network", "cifar-resnet"),
                Map.entry("depth", "32"),
                Map.entry("stem", "cifar"),
                Map.entry("weights", "/models/a.safetensors"),
                Map.entry("widths", "8,9,10"),
                Map.entry("stem-stride", "2"),
                Map.entry("auxiliary-heads", "false"),
                Map.entry("method", "fine-tuning"),
                Map.entry("epochs", "70"),
                Map.entry("retrain-epochs", "0"),
                Map.entry("batch", "128"),
                Map.entry("optimiser", "adam"),
                Map.entry("learning-rate", "0.0002"),
                Map.entry("later-learning-rate-factor", "0.2"),
                Map.entry("momentum", "0.5"),
                Map.entry("nesterov", "true"),
                Map.entry("weight-decay", "1E-12"),
                Map.entry("schedule", "step"),
                Map.entry("milestones", "49,63"),
                Map.entry("decay", "0.3"),
                Map.entry("clip", "1.5"),
                Map.entry("temperature", "3"),
                Map.entry("lambda", "0.25"),
                Map.entry("lambda-auxiliary", "0.75"),
                Map.entry("lambda-feature", "0.05"),
                Map.entry("groups", "cumulative"),
                Map.entry("over-snapshots", "sum"),
                Map.entry("cross-entropy", "bce"),
                Map.entry("prune", "false"),
                Map.entry("fraction", "0.6"),
                Map.entry("freeze-norm", "true"),
                Map.entry("exemplars", "7"),
                Map.entry("exemplar-budget", "100"),
                Map.entry("rehearsal", "mixed"),
                Map.entry("reserved-share", "0.4"),
                Map.entry("prune-rounds", "2"),
                Map.entry("copied-share", "0.1"),
                Map.entry("gaussian-snapshots", "2"),
                Map.entry("gaussian-beta", "0.4"),
                Map.entry("gaussian-read", "own"),
                Map.entry("gaussian-covariance", "pooled"),
                Map.entry("gaussian-grid", "3"),
                Map.entry("gaussian-rank", "8"),
                Map.entry("gaussian-bits", "8"),
                Map.entry("refit-epochs", "9"),
                Map.entry("refit-learning-rate", "0.4"),
                Map.entry("selection", "random"),
                Map.entry("classifier", "nearest-mean"),
                Map.entry("seed", "-5"),
                Map.entry("device", "cuda:1"),
                Map.entry("tf32", "true"),
                Map.entry("deterministic", "true"),
                Map.entry("gpu-memory", "2048"),
                Map.entry("threads", "3"),
                Map.entry("teacher-memory", "512M"),
                Map.entry("stream", "repetition"),
                Map.entry("scenario", "/data/scenario_1.pkl"),
                Map.entry("experiences", "12"),
                Map.entry("labelled", "30"),
                Map.entry("unlabelled", "40"),
                Map.entry("first-window", "2"),
                Map.entry("window", "4"),
                Map.entry("new-classes", "6"),
                Map.entry("arriving", "0.6"),
                Map.entry("returning", "0.2"),
                Map.entry("fewest-classes", "2"),
                Map.entry("most-classes", "8"),
                Map.entry("pool", "all"),
                Map.entry("visitors", "3"),
                Map.entry("ssl", "vicreg"),
                Map.entry("ssl-weight", "0.4"),
                Map.entry("ssl-decay", "0.9"),
                Map.entry("teachers", "2"),
                Map.entry("ema", "0.99"),
                Map.entry("feature-weight", "0.01"),
                Map.entry("feature-start", "0"),
                Map.entry("margin-weight", "0.1"),
                Map.entry("replay-weight", "0.3"),
                Map.entry("relation-weight", "0.2"),
                Map.entry("relation", "paper"),
                Map.entry("memory", "100"),
                Map.entry("memory-batch", "8"),
                Map.entry("unlabelled-batch", "50"),
                Map.entry("teacher-batches", "joined"),
                Map.entry("ensemble", "true"),
                Map.entry("epochs-fall", "0.5"),
                Map.entry("fewest-epochs", "3"),
                Map.entry("keep-optimiser", "true"),
                Map.entry("max-minutes", "90.5"),
                Map.entry("max-memory", "8000"));
        Set<String> own = new HashSet<>(RecipeOptions.names());
        own.removeAll(List.of("penalty-weight", "polish")); // of a method that only the tests have
        assertEquals(own, changed.keySet(), "this test changes every option");
        Map<String, Map<String, String>> needed = new HashMap<>(Map.of(
                "stream", Map.of("method", "mlkd"),
                "schedule", Map.of("milestones", "49"),
                "evaluate", Map.of("validation", "0.1"),
                "refit-epochs", Map.of("classifier", "refit"),
                "refit-learning-rate", Map.of("classifier", "refit")));
        own.stream()
                .filter(name -> name.startsWith("gaussian-"))
                .forEach(name -> needed.put(name, Map.of("classifier", "gaussian")));
        changed.forEach((name, text) -> {
            Map<String, String> texts = new HashMap<>(needed.getOrDefault(name, Map.of()));
            RecipeOptions.methodsWith(name).stream().findFirst().ifPresent(method -> texts.put("method", method));
            texts.put(name, text);
            Recipe recipe = Recipe.of(texts);
            assertEquals(text, recipe.toMap().get(name), name);
            assertEquals(recipe, Recipe.of(recipe.toMap()), name);
        });
    }

    @Test
    void defaultsComeBackFromTheirTexts() {
        Recipe recipe = Recipe.of(Map.of());
        assertEquals(recipe, Recipe.of(recipe.toMap()));
        assertEquals("planned", recipe.toMap().get("fraction"));
        assertEquals(Runtime.getRuntime().availableProcessors(), recipe.threads());
    }

    @Test
    void oneOptionChangesAlone() {
        Recipe recipe = Recipe.of(Map.of("epochs", "7")).with("method", "lwf");
        assertEquals("lwf", recipe.method());
        assertEquals(7, recipe.settings().training().epochs());
    }

    @Test
    void aMisspeltDataSetIsRefusedWithTheNearestName() {
        assertEquals(
                "data = fashion-mnits: expected one of " + String.join(", ", Dataset.names())
                        + "; did you mean fashion-mnist?",
                assertThrows(IllegalArgumentException.class, () -> Recipe.of(Map.of("data", "fashion-mnits")))
                        .getMessage());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "epocs | 3 | epocs is not an option of a recipe; did you mean epochs?",
                "colour | 3 | colour is not an option of a recipe",
                "epochs | 0 | epochs = 0: expected at least 1",
                "epochs | ten | epochs = ten: expected a whole number",
                "method | m2dk | method = m2dk: expected one of m2kd, lwf, lwf-mc, icarl, replay, fine-tuning, joint,"
                    + " mlkd, mlkd-baseline, mlkd-ssl-alone, mlkd-alone, lwf-unlabelled, confidence-penalty; did you"
                    + " mean m2kd?",
                "learning-rate | NaN | learning-rate = NaN: expected a number above 0",
                "learning-rate | -1 | learning-rate = -1: expected a number above 0",
                "momentum | 1 | momentum = 1: expected at least 0 and below 1",
                "prune | yes | prune = yes: expected true or false",
                "fraction | 1 | fraction = 1: expected planned, or a share above 0 and below 1",
                "fraction | plan | fraction = plan: expected planned, or a share above 0 and below 1",
                "split | 5x | \"5x\" is not a split: expected EXPERIENCESxCLASSES such as 5x2, or 50+10x5 "
                        + "for an experience of 50 classes and ten of 5",
                "augment | shift | \"shift\" is not an augmentation: expected none, shift:PIXELS or crop-flip:PIXELS, "
                        + "and +rand:OPERATIONS:MAGNITUDE after it for RandAugment",
                "order | x | \"x\" is not a class order: expected seed:NUMBER or labels joined by commas such as"
                        + " 3,1,0,2",
                "validation | 1 | validation = 1: expected a share of at least 0 and below 1",
                "stem-stride | 3 | stem-stride = 3: expected 1 or 2",
                "widths | 16 | widths = 16: expected at least two stages, such as 16,32,64",
                "widths | 16,0 | widths = 16,0: expected channels of at least 1, such as 16,32,64",
                "schedule | step | milestones = : expected epochs such as 49,63 for the step schedule",
                "clip | Infinity | clip = Infinity: expected a number of at least 0",
                "threads | 0 | threads = 0: expected 1 to 1024",
                "threads | 10000 | threads = 10000: expected 1 to 1024",
                "device | GPU 1 | device = GPU 1: expected auto, or an engine's name like cpu, cuda or cuda:1",
                "memory | 201 | memory = 201: expected 0 to 200, the challenge's limit",
                "gpu-memory | -1 | gpu-memory = -1: expected at least 0",
            })
    void badValuesAreRefusedWithASentence(String name, String text, String sentence) {
        assertEquals(
                sentence,
                assertThrows(IllegalArgumentException.class, () -> Recipe.of(Map.of(name, text)))
                        .getMessage());
    }

    @Test
    void optionsThatDoNotGoTogetherAreRefused() {
        assertEquals(
                "classifier = nearest-mean needs exemplars, but exemplars = 0: keep some, or take classifier = head",
                refusal(Map.of("exemplars", "0", "classifier", "nearest-mean")));
        assertEquals(
                "classifier = refit needs exemplars, but exemplars = 0: keep some, or take classifier = head",
                refusal(Map.of("exemplars", "0", "classifier", "refit")));
        assertEquals(
                "exemplar-budget = 9: expected 0, or at least 1 for each of the 10 classes",
                refusal(Map.of("split", "5x2", "exemplar-budget", "9")));
        assertEquals(
                "depth = 9: expected 6n+2 for cifar-resnet: 8, 14, 20, 32, …",
                refusal(Map.of("network", "cifar-resnet", "depth", "9")));
        assertEquals(
                "widths = 16,32: expected three stages for cifar-resnet, such as 16,32,64",
                refusal(Map.of("network", "cifar-resnet", "widths", "16,32")));
        assertEquals(
                "widths = 16,32,64: expected four stages for resnet-18, such as 64,128,256,512",
                refusal(Map.of("network", "resnet-18", "widths", "16,32,64")));
    }

    @Test
    void everyNetworkHasWidthsOfItsOwn() {
        assertEquals(
                List.of(16, 32, 64),
                Recipe.of(Map.of("network", "cifar-resnet")).model().widths());
        assertEquals(
                List.of(64, 128, 256, 512),
                Recipe.of(Map.of("network", "resnet-34")).model().widths());
        assertEquals(
                "milestones = 63,49: expected epochs of at least 1 in ascending order",
                refusal(Map.of("schedule", "step", "milestones", "63,49")));
        assertEquals(
                "nesterov = true: expected false unless sgd has a momentum above 0",
                refusal(Map.of("nesterov", "true", "momentum", "0")));
    }

    @ParameterizedTest
    @MethodSource("builtIn")
    void builtInRecipesAreSoundAndSayWhatTheyAre(String name) throws IOException {
        RecipeFile file = RecipeFile.load(name);
        boolean m2kd = name.startsWith("m2kd");
        assertTrue(file.summary().startsWith(m2kd ? "M2KD on " : "MLKD "), file.summary());
        assertEquals(
                name.endsWith("exemplar-free") || !m2kd,
                !file.recipe().settings().exemplars().kept());
        assertEquals(!m2kd, file.recipe().repetition().on());
        Map<String, String> data = Map.of(
                "fashion",
                "fashion-mnist",
                "glyphs",
                m2kd ? "glyphs" : "glyphs-distractors",
                "cifar100",
                "cifar-100",
                "imagenet100",
                "image-folder",
                "clvision",
                "image-list",
                "digits",
                "digits");
        assertEquals(data.get(name.split("-")[1]), file.recipe().data().name());
    }

    @Test
    void aUsersFileIsARecipe(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("mine.properties"), "# Mine.\n\nepochs=3\n  batch = 64 \n");
        RecipeFile mine = RecipeFile.load(file.toString());
        assertEquals("mine", mine.name());
        assertEquals("Mine.", mine.summary());
        assertEquals(Map.of("epochs", "3", "batch", "64"), mine.texts());
    }

    @Test
    void anEmptyFileIsNoRecipe(@TempDir Path folder) throws IOException {
        Path file = Files.writeString(folder.resolve("lost.properties"), " \n");
        assertEquals(
                file + " is empty: expected a recipe, lines \"option = value\"",
                assertThrows(IllegalArgumentException.class, () -> RecipeFile.load(file.toString()))
                        .getMessage());
    }

    @Test
    void whatAFileRecordsIsRefusedWithItsName() {
        Path file = Path.of("runs/a/checkpoint/model.safetensors");
        assertEquals(
                file + " records options that this version of Palimpsest does not take: epohcs is not an option of a"
                        + " recipe; did you mean epochs?",
                assertThrows(IOException.class, () -> Recipe.recorded(file, Map.of("epohcs", "3")))
                        .getMessage());
    }

    @Test
    void badRecipeFilesAreRefusedWithTheLine() {
        assertEquals(
                "recipe r, line 2: epohcs is not an option; did you mean epochs?", parseRefusal("# x\nepohcs = 3"));
        assertEquals("recipe r, line 1: expected option = value, found epochs 3", parseRefusal("epochs 3"));
        assertEquals("recipe r, line 2: epochs is set twice", parseRefusal("epochs = 3\nepochs = 4"));
        String unknown = assertThrows(IllegalArgumentException.class, () -> RecipeFile.load("m2kd-digit"))
                .getMessage();
        assertTrue(unknown.endsWith("; did you mean m2kd-digits?"), unknown);
    }

    private static String refusal(Map<String, String> texts) {
        return assertThrows(IllegalArgumentException.class, () -> Recipe.of(texts))
                .getMessage();
    }

    private static String parseRefusal(String text) {
        return assertThrows(IllegalArgumentException.class, () -> RecipeFile.parse("r", text))
                .getMessage();
    }

    @Test
    void aRecipeMayBeginWithAByteOrderMarkAndMustBeUtf8(@TempDir Path folder) throws IOException {
        Path marked = Files.writeString(folder.resolve("marked.properties"), "\ufeffdata = digits\nepochs = 1\n");
        assertEquals("1", RecipeFile.load(marked.toString()).texts().get("epochs"));
        Path latin = Files.write(
                folder.resolve("latin.properties"),
                "data = digits\n# f\u00fcr\n".getBytes(StandardCharsets.ISO_8859_1));
        assertEquals(
                latin
                        + " is not UTF-8 text: byte 0xfc in line 2, after \"# f\", is no part of it; save the file as"
                        + " UTF-8",
                assertThrows(IOException.class, () -> RecipeFile.load(latin.toString()))
                        .getMessage());
    }
}

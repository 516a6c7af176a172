package example;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.classifier.Classifiers;
import dev.palimpsest.data.Dataset;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.method.M2kd;
import dev.palimpsest.model.Networks;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.RecipeOptions;
import dev.palimpsest.report.Comparison;
import dev.palimpsest.report.Origin;
import dev.palimpsest.report.RunFolder;
import dev.palimpsest.report.Summary;
import dev.palimpsest.stream.ClassIncrementalStream;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.train.ExemplarOptions;
import dev.palimpsest.train.Experiment;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Methods;
import dev.palimpsest.train.Progress;
import dev.palimpsest.train.Result;
import dev.palimpsest.train.TrainingOptions;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What an embedder can bring: images in memory, a stream, a network, a method; from a package of their own. */
class EmbeddingTest {
    private static final Dataset IMAGES = Stripes.make(60);

    @TempDir
    private Path temporary;

    private static Stream stream() {
        return ClassIncrementalStream.of(IMAGES, "4+3x2", "1", 0, 1);
    }

    private static Experiment experiment(Stream stream) {
        return Experiment.of(stream)
                .network(image -> Networks.mlp(image, List.of(32)))
                .training(TrainingOptions.DEFAULT.withEpochs(3).withLearningRate(0.05))
                .engine(Engines.cpu(1));
    }

    @Test
    void anExperimentIsBuiltOfObjectsAndLearns() {
        Result result = experiment(stream())
                .method(new M2kd(
                        M2kd.Options.DEFAULT.withGroups(M2kd.Groups.CUMULATIVE).withRetraining(2, 0.3)))
                .exemplars(ExemplarOptions.ofEachClass(5))
                .classifier(Classifiers.nearestMean())
                .seed(3)
                .run();
        assertEquals(4, result.accuracy().experiences());
        assertTrue(
                result.accuracy().finalAccuracy() > 0.5,
                "ten classes: " + result.accuracy().finalAccuracy());
        assertEquals(4, result.memory().size(), "snapshots of every experience");
    }

    @Test
    void aSeedGivesTheSameWeightsAndEverySettingCounts() {
        String first = experiment(stream()).method(method("joint")).run().weightsSha256();
        assertEquals(first, experiment(stream()).method(method("joint")).run().weightsSha256());
        assertNotEquals(
                first,
                experiment(stream()).method(method("joint")).seed(2).run().weightsSha256());
    }

    @Test
    void theRecordIsWhatTheMethodSaysOfItself() {
        Experiment experiment = experiment(stream())
                .note(Map.of("method", "m2kd", "note", "kept", "epochs", "99"))
                .method(new ConfidencePenalty(new ConfidencePenalty.Options(0.25, false)));
        Map<String, String> record = experiment.options();
        assertEquals("confidence-penalty", record.get("method"));
        assertEquals("0.25", record.get("penalty-weight"));
        assertEquals("3", record.get("epochs"));
        assertEquals("kept", record.get("note"));
        assertEquals("stripes", record.get("data"));
    }

    @Test
    void settingsThatTheMethodWouldChangeAreRefused() {
        assertRefused(
                "classifier = head: method = icarl always has classifier = nearest-mean: leave it out",
                experiment(stream()).classifier(Classifiers.head()).method(method("icarl")));
        assertRefused(
                "exemplars = 5: method = fine-tuning always has exemplars = 0: leave it out",
                experiment(stream()).exemplars(ExemplarOptions.ofEachClass(5)).method(method("fine-tuning")));
    }

    @Test
    void anEngineIsClosedEvenIfTheSettingsAreRefused() {
        Engine engine = Engines.cpu(1);
        assertThrows(
                IllegalArgumentException.class,
                () -> experiment(stream())
                        .engine(engine)
                        .exemplars(ExemplarOptions.ofEachClass(5))
                        .method(method("fine-tuning"))
                        .run());
        assertEquals(
                "the engine is closed: open another one with Engines.open",
                assertThrows(IllegalStateException.class, () -> engine.allocate(Shape.of(1)))
                        .getMessage());
    }

    /** A method that has no public type of its own, with its defaults. */
    private static Method method(String name) {
        return Methods.named(name).create(Map.of());
    }

    @Test
    void anOptionThatAMethodDoesNotHaveIsRefused() {
        assertEquals(
                "lamda is not an option of lwf, which has temperature, lambda, cross-entropy, teacher-memory; did you"
                        + " mean lambda?",
                assertThrows(
                                IllegalArgumentException.class,
                                () -> Methods.named("lwf").create(Map.of("lamda", "2")))
                        .getMessage());
    }

    private static void assertRefused(String sentence, Experiment experiment) {
        assertEquals(
                sentence,
                assertThrows(IllegalArgumentException.class, experiment::run).getMessage());
    }

    @Test
    void anExperimentRunsOnce() {
        Experiment experiment = experiment(stream()).method(method("joint"));
        experiment.run();
        assertThrows(IllegalStateException.class, experiment::run);
        assertThrows(IllegalStateException.class, () -> experiment(stream()).run());
    }

    /** From code, and as a recipe names them. */
    @Test
    void aStrangersMethodAndDataAppearUnderTheirOwnNames() throws IOException {
        Path coded = temporary.resolve("coded");
        Experiment experiment =
                experiment(stream()).method(new ConfidencePenalty(new ConfidencePenalty.Options(0.25, true)));
        List<String> phases = new ArrayList<>();
        RunFolder folder = RunFolder.create(coded, experiment.options(), new Origin("code", "java example.Main"));
        experiment
                .listen(Progress.all(folder, new Progress() {
                    @Override
                    public void phaseBegins(Phase phase) {
                        phases.add(phase.name());
                    }
                }))
                .run();
        assertEquals(List.of("train", "polish", "train", "polish"), phases.subList(0, 4));

        Path named = temporary.resolve("named");
        Recipe recipe = Recipe.of(Map.of(
                "data", "stripes",
                "split", "5x2",
                "method", "confidence-penalty",
                "polish", "false",
                "epochs", "2",
                "widths", "4,8",
                "lambda", "3",
                "threads", "1"));
        assertEquals(Map.of("penalty-weight", "0.5", "polish", "false"), recipe.methodOptions(), "lambda is of others");
        Result result = recipe.experiment()
                .listen(RunFolder.create(named, recipe.toMap(), new Origin("mine", "palimpsest train mine")))
                .run();
        assertTrue(result.seconds() > 0);
        for (Path run : List.of(coded, named)) {
            JsonNode json = new ObjectMapper().readTree(run.resolve("run.json").toFile());
            assertEquals("done", json.get("status").asText());
            assertEquals("confidence-penalty", json.at("/options/method").asText());
            assertTrue(json.at("/options").has("penalty-weight"));
            assertEquals("stripes", json.at("/options/data").asText());
        }
        assertTrue(Summary.text(Comparison.of(List.of(coded, named)))
                .lines()
                .anyMatch(line -> line.contains("confidence-penalty")));
    }

    @Test
    void aStrangersOptionsAreRefusedLikeAnyOthers() {
        Recipe recipe = Recipe.of(Map.of("method", "confidence-penalty"));
        assertEquals(
                Optional.of("groups = own: method = confidence-penalty has no such option; it is one of m2kd"),
                RecipeOptions.refusal(recipe, "groups", "own"));
        assertEquals(
                "penalty-weight = 0: expected a number above 0",
                assertThrows(
                                IllegalArgumentException.class,
                                () -> Recipe.of(Map.of("method", "confidence-penalty", "penalty-weight", "0")))
                        .getMessage());
        assertEquals(Optional.empty(), RecipeOptions.refusal(recipe, "polish", "true"));
    }
}

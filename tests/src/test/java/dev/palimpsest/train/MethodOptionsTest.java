package dev.palimpsest.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.option.Registration;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.Runs;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Every method with every option that decides how it trains: each runs two experiences and makes a difference. */
class MethodOptionsTest {
    /** Two steps in each phase, all images in one batch: few shapes to prepare layers for. */
    private static final List<String> BASE =
            List.of("split=4+6", "validation=0", "batch=1000", "epochs=2", "data=mnist");

    /** Digits of each class; more would be evaluated for most of the time. */
    private static final int TRAINED = 14;

    private static final int TESTED = 10;

    @TempDir
    private static Path few;

    @BeforeAll
    static void writeAFewDigits() throws IOException {
        Dataset digits = Dataset.load("digits", Optional.empty());
        write("train", digits.train(), TRAINED);
        write("t10k", digits.test(), TESTED);
    }

    /** As IDX files. */
    private static void write(String part, Images digits, int ofEach) throws IOException {
        int[] left = new int[10];
        Arrays.fill(left, ofEach);
        int[] chosen = IntStream.range(0, digits.size())
                .filter(i -> left[digits.label(i)]-- > 0)
                .toArray();
        ByteBuffer images = ByteBuffer.allocate(16 + 64 * chosen.length)
                .putInt(0x803)
                .putInt(chosen.length)
                .putInt(8)
                .putInt(8);
        ByteBuffer labels = ByteBuffer.allocate(8 + chosen.length).putInt(0x801).putInt(chosen.length);
        for (int i : chosen) {
            labels.put((byte) digits.label(i));
            for (int p = 0; p < 64; p++) {
                images.put((byte) digits.pixel(i, 0, p / 8, p % 8));
            }
        }
        Files.write(few.resolve(part + "-images-idx3-ubyte"), images.array());
        Files.write(few.resolve(part + "-labels-idx1-ubyte"), labels.array());
    }

    /** Options of training that no method ignores. */
    private static final List<String> FOR_ALL = List.of(
            "augment=crop-flip:1",
            "optimiser=adam",
            "nesterov=true",
            "schedule=constant",
            "schedule=step milestones=1",
            "clip=0.5",
            "network=cifar-resnet",
            "weight-decay=0.1",
            "momentum=0",
            "keep-optimiser=true",
            "epochs-fall=1");

    private static final List<String> NOT_FOR_JOINT = List.of("freeze-norm=true", "later-learning-rate-factor=0.2");
    private static final List<String> CROSS_ENTROPY =
            List.of("exemplars=0 cross-entropy=bce", "exemplars=0 cross-entropy=new");
    private static final List<String> EXEMPLARS = List.of("exemplars=5", "exemplar-budget=40");
    private static final List<String> EXEMPLARS_AS_ASKED =
            List.of("selection=random", "rehearsal=mixed", "exemplars=5 cross-entropy=bce");
    private static final List<String> FOR_DISTILLATION = List.of("lambda=0", "temperature=4");
    private static final List<String> FOR_M2KD = List.of(
            "prune=false",
            "fraction=0.3",
            "reserved-share=0.7",
            "retrain-epochs=0",
            "retrain-learning-rate-factor=0.1",
            "prune-rounds=1",
            "copied-share=0",
            "auxiliary-heads=false",
            "lambda-auxiliary=0",
            "lambda-feature=0.05");
    private static final List<String> FOR_CONSTRAINED =
            List.of("margin-weight=0.1", "replay-weight=1", "memory=0", "memory=50", "memory-batch=5");
    private static final List<String> FOR_SELF_SUPERVISED =
            List.of("ssl=simclr", "ssl=simsiam", "ssl=vicreg", "ssl=none", "ssl-weight=0.3", "ssl-decay=0.9");
    private static final List<String> FOR_TAUGHT = List.of(
            "teachers=0",
            "ema=0.9",
            "ema=1",
            "feature-weight=0.01",
            "feature-start=0",
            "relation-weight=1",
            "relation=paper",
            // Without augmentation all views are of the same images, and joined batches have the same statistics.
            "augment=crop-flip:1 teacher-batches=joined");
    private static final List<String> FOR_UNLABELLED = List.of("unlabelled-batch=50");

    private static List<String> options(String method) {
        List<List<String>> options = new ArrayList<>(List.of(FOR_ALL));
        options.addAll(
                switch (method) {
                    case "m2kd" ->
                        List.of(
                                NOT_FOR_JOINT,
                                CROSS_ENTROPY,
                                List.of("exemplars=0"),
                                EXEMPLARS,
                                EXEMPLARS_AS_ASKED,
                                FOR_DISTILLATION,
                                FOR_M2KD);
                    case "lwf" ->
                        List.of(
                                NOT_FOR_JOINT,
                                CROSS_ENTROPY,
                                List.of("exemplars=0"),
                                EXEMPLARS,
                                EXEMPLARS_AS_ASKED,
                                FOR_DISTILLATION);
                    case "lwf-mc" -> List.of(NOT_FOR_JOINT);
                    case "icarl" -> List.of(NOT_FOR_JOINT, EXEMPLARS);
                    case "replay" -> List.of(NOT_FOR_JOINT, EXEMPLARS, EXEMPLARS_AS_ASKED);
                    case "fine-tuning" -> List.of(NOT_FOR_JOINT, CROSS_ENTROPY);
                    case "joint" -> List.<List<String>>of();
                    case "mlkd" ->
                        List.of(NOT_FOR_JOINT, FOR_CONSTRAINED, FOR_SELF_SUPERVISED, FOR_TAUGHT, FOR_UNLABELLED);
                    case "mlkd-baseline" -> List.of(NOT_FOR_JOINT, FOR_CONSTRAINED);
                    case "mlkd-ssl-alone" ->
                        List.of(NOT_FOR_JOINT, FOR_CONSTRAINED, FOR_SELF_SUPERVISED, FOR_UNLABELLED);
                    case "mlkd-alone" -> List.of(NOT_FOR_JOINT, FOR_CONSTRAINED, FOR_TAUGHT, FOR_UNLABELLED);
                    case "lwf-unlabelled" -> List.of(NOT_FOR_JOINT, FOR_DISTILLATION, FOR_UNLABELLED);
                    default -> throw new IllegalArgumentException(method + " has no options here: add them");
                });
        return options.stream().flatMap(List::stream).toList();
    }

    /** The library's own. */
    static List<String> methods() {
        return Methods.all().stream()
                .map(Registration::name)
                .filter(name -> !name.equals("confidence-penalty")) // the tests' own
                .toList();
    }

    private static Result run(String method, String options) {
        List<String> all = new ArrayList<>(BASE);
        all.add("data-folder=" + few);
        all.add("method=" + method);
        all.addAll(List.of(options.split(" ")));
        Recipe recipe = SmallRun.recipe(all.toArray(String[]::new));
        int[] steps = new int[2];
        Result result = Runs.run(recipe, new Progress() {
            @Override
            public void step(Step step) {
                assertTrue(Double.isFinite(step.loss()) && step.loss() > 0, method + " " + options + ": " + step);
                assertEquals(
                        step.loss(),
                        step.terms().values().stream()
                                .mapToDouble(Double::doubleValue)
                                .sum(),
                        1e-9 * step.loss());
                steps[step.experience()]++;
            }
        });
        assertTrue(steps[0] > 0 && steps[1] > 0);
        return result;
    }

    @ParameterizedTest
    @Execution(ExecutionMode.CONCURRENT)
    @MethodSource("methods")
    void everyOptionOfTrainingChangesTheWeights(String method) {
        Set<String> hashes = new TreeSet<>();
        hashes.add(run(method, "seed=1").weightsSha256());
        for (String option : options(method)) {
            assertTrue(
                    hashes.add(run(method, option).weightsSha256()),
                    method + ": " + option + " gives the weights of another recipe");
        }
    }

    @ParameterizedTest
    @Execution(ExecutionMode.CONCURRENT)
    @ValueSource(strings = {"m2kd", "lwf", "replay"})
    void theClassifierChangesTheAccuracyAndNotTheWeights(String method) {
        Set<String> hashes = new TreeSet<>();
        Set<List<Double>> accuracies = new HashSet<>();
        for (String classifier : List.of("head", "nearest-mean", "refit", "weight-alignment")) {
            // Of all digits: a hundred give some of them the same accuracy.
            Result result = run(
                    method, "data=digits data-folder= validation=0.9 exemplars=5 epochs=4 classifier=" + classifier);
            hashes.add(result.weightsSha256());
            accuracies.add(SmallRun.accuracies(result));
        }
        assertEquals(1, hashes.size());
        assertEquals(4, accuracies.size());
    }

    /** Published baselines are what they are, whatever the recipe sets for M2KD. */
    @ParameterizedTest
    @Execution(ExecutionMode.CONCURRENT)
    @CsvSource({
        "lwf-mc, exemplars=5 cross-entropy=all classifier=nearest-mean",
        "lwf-mc, exemplar-budget=50 lambda=3 lambda-feature=0.05 groups=cumulative",
        "icarl, cross-entropy=all classifier=head selection=random rehearsal=half lambda=3",
        "replay, auxiliary-heads=true lambda-feature=0.05 lambda=3 prune=false",
        "fine-tuning, exemplars=5 selection=random classifier=refit",
    })
    void baselinesStayPlain(String method, String options) {
        Result plain = run(method, "seed=1");
        Result asked = run(method, options);
        assertEquals(plain.weightsSha256(), asked.weightsSha256());
        assertEquals(SmallRun.accuracies(plain), SmallRun.accuracies(asked));
    }

    @Test
    @Execution(ExecutionMode.CONCURRENT)
    void jointIgnoresWhatSparesOldKnowledge() {
        assertEquals(
                run("joint", "seed=1").weightsSha256(),
                run("joint", "exemplars=0 cross-entropy=new freeze-norm=true later-learning-rate-factor=0.2")
                        .weightsSha256());
    }
}

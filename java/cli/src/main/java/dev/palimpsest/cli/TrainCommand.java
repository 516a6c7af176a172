package dev.palimpsest.cli;

import dev.palimpsest.checkpoint.AtomicFile;
import dev.palimpsest.data.Dataset;
import dev.palimpsest.internal.Nearest;
import dev.palimpsest.recipe.OwnImagesRecipe;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.RecipeFile;
import dev.palimpsest.recipe.Repeats;
import dev.palimpsest.report.CheckpointEvery;
import dev.palimpsest.report.Comparison;
import dev.palimpsest.report.EarlierRun;
import dev.palimpsest.report.Report;
import dev.palimpsest.report.Summary;
import dev.palimpsest.train.Methods;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.ZoneId;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "train",
        sortOptions = false,
        customSynopsis =
                "palimpsest train RECIPE|--data FOLDER|--from RUN [--OPTION VALUE]… [--baselines METHOD,…] [--orders"
                        + " SEED,…|--seeds SEED,…] [--out DIR]%n",
        description = {
            "Trains a recipe over a stream of classes and writes a run folder with a report.",
            "",
            "A recipe is a file of lines \"option = value\"; every option below may stand in it, and the command line"
                    + " takes precedence over it. Values in [brackets] hold where neither sets the option.",
            "",
            "In a recipe file, options of other methods than the one that runs are left alone, and a published baseline"
                    + " keeps its own settings. An option on the command line must mean something to at least one of"
                    + " the methods that run: one that does nothing is refused."
        },
        footerHeading = "%nExamples%n",
        footer = {
            "  palimpsest train m2kd-digits",
            "  palimpsest train --data photos/",
            "  palimpsest train m2kd-digits --baselines fine-tuning,lwf,joint",
            "  palimpsest train m2kd-fashion --orders 1,2,3 --epochs 5 --out runs/fashion",
            "  palimpsest train mlkd-digits --baselines"
                    + " fine-tuning,lwf-unlabelled,mlkd-baseline,mlkd-ssl-alone,mlkd-alone --seeds 1,2,3",
            "  palimpsest train my-recipe.properties --method lwf",
            "  palimpsest train --from runs/fashion/order-1 --seed 2",
            "  palimpsest train --resume runs/m2kd-fashion-20260101-120000"
        })
final class TrainCommand implements Callable<Integer> {
    private static final DateTimeFormatter STAMP = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss");

    @Parameters(
            paramLabel = "RECIPE",
            arity = "0..1",
            completionCandidates = BuiltIn.class,
            description = {
                "One of ${COMPLETION-CANDIDATES}, or the path of a file. May be left out with --data FOLDER, a folder"
                        + " of images in a folder for every class."
            })
    private @Nullable String recipeName;

    @Option(
            names = "--from",
            paramLabel = "RUN",
            order = 1,
            description = "In place of a recipe: repeats the run of this folder, or of its run.json, with all of its"
                    + " options; those of the command line take precedence.")
    private @Nullable Path from;

    @Option(
            names = "--baselines",
            paramLabel = "METHOD",
            split = ",",
            order = 1,
            description = "Methods to run besides the recipe's own, with the same settings (see --method).")
    private List<String> baselines = new ArrayList<>();

    @Option(
            names = "--orders",
            paramLabel = "SEED",
            split = ",",
            order = 2,
            description = "Repeats everything for each of these class orders, and gives mean ± standard deviation.")
    private List<String> orders = new ArrayList<>();

    @Option(
            names = "--seeds",
            paramLabel = "SEED",
            split = ",",
            order = 2,
            description = "The same with all that is drawn anew: class order, stream with repetition, weights, order of"
                    + " images.")
    private List<String> seeds = new ArrayList<>();

    @Option(
            names = "--as",
            paramLabel = "paper|code",
            order = 3,
            description =
                    "Method mlkd as in the paper or in the published code, where they differ; options given one by one"
                            + " take precedence over it.")
    private @Nullable String as;

    @Option(names = "--out", paramLabel = "DIR", order = 4, description = "Run folder [runs/RECIPE-TIME].")
    private @Nullable Path out;

    @Option(
            names = "--resume",
            paramLabel = "RUN",
            order = 5,
            description =
                    "Goes on with a run that was cut short, in place of RECIPE: from its last checkpoint, with the"
                            + " same result bit for bit as if it had not stopped. The command that began it does the"
                            + " same.")
    private @Nullable Path resume;

    @Mixin
    private RunFlags runFlags = new RunFlags();

    @Spec
    private CommandSpec command;

    private final RecipeFlags flags;
    private final Runner runner;
    private final Display display;

    TrainCommand(RecipeFlags flags, Runner runner, Display display) {
        this.flags = flags;
        this.runner = runner;
        this.display = display;
    }

    /** What help lists and a shell completes. */
    static final class BuiltIn implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return RecipeFile.builtIn().iterator();
        }
    }

    @Override
    public Integer call() throws Exception {
        if (resume != null) {
            return resume(resume);
        }
        RecipeFile file;
        String summary;
        List<Plan> plans;
        CheckpointEvery often = runFlags.every(CheckpointEvery.DEFAULT);
        try {
            Map<String, String> given = new LinkedHashMap<>(flags.given());
            Optional<OwnImagesRecipe> own = ownImages(given);
            file = recipe(own);
            SequencedMap<String, String> texts = new LinkedHashMap<>(file.texts());
            if (recipeName == null && from == null) {
                own.ifPresent(chosen -> texts.putAll(chosen.training()));
            }
            own.ifPresent(chosen -> texts.putAll(chosen.data()));
            String folder = given.getOrDefault("data-folder", texts.getOrDefault("data-folder", ""));
            if (given.containsKey("test-share") && !folder.isEmpty()) {
                ImageFlags.requireUndivided(Path.of(folder));
            }
            // A recipe's own line is about its own data.
            boolean otherData =
                    !given.getOrDefault("data", "").equals(file.texts().getOrDefault("data", ""));
            summary = own.map(OwnImagesRecipe::summary)
                    .orElse(given.containsKey("data") && otherData ? "" : file.summary());
            if (as != null) {
                String method = given.getOrDefault("method", texts.getOrDefault("method", "m2kd"));
                texts.putAll(Methods.named(method).preset(as));
            }
            plans = Plan.of(recipeWords(), file, texts, given, baselines, repeats());
        } catch (IllegalArgumentException e) {
            throw new ParameterException(command.commandLine(), e.getMessage(), e);
        }
        Path target = out == null
                ? fresh(Path.of(
                        "runs",
                        file.name() + "-"
                                + LocalDateTime.now(ZoneId.systemDefault()).format(STAMP)))
                : out;
        PrintWriter lines = command.commandLine().getOut();
        if (!summary.isEmpty()) {
            lines.println(summary);
            lines.flush();
        }
        return run(plans, target, lines, often);
    }

    private int resume(Path folder) throws Exception {
        if (recipeName != null || from != null || out != null || !flags.given().isEmpty()) {
            throw new ParameterException(
                    command.commandLine(),
                    "--resume " + folder + ": expected no recipe and no other option beside it but --checkpoint-every");
        }
        EarlierRun was = EarlierRun.read(folder);
        Recipe recipe = Recipe.recorded(folder, was.options());
        return run(
                List.of(new Plan(recipe.method(), Path.of(""), recipe, was.origin())),
                folder,
                command.commandLine().getOut(),
                runFlags.every(was.every()));
    }

    private int run(List<Plan> plans, Path folder, PrintWriter lines, CheckpointEvery often) throws Exception {
        Map<String, Throwable> failures =
                new Batch(folder, runner, display, lines, runFlags.tensorboard(), often).run(plans, 1);
        if (plans.size() == 1 && !failures.isEmpty()) {
            throw Batch.thrown(failures.values().iterator().next());
        }
        if (failures.size() < plans.size()) {
            report(folder, lines);
        }
        return Batch.summary(failures, plans.size(), command.commandLine());
    }

    private RecipeFile recipe(Optional<OwnImagesRecipe> own) throws IOException {
        if (recipeName != null && from != null) {
            throw new IllegalArgumentException("RECIPE and --from: expected one of them");
        }
        if (recipeName != null) {
            return RecipeFile.load(recipeName);
        }
        if (from != null) {
            EarlierRun run = EarlierRun.read(from);
            Recipe.recorded(from, run.options()); // apart from what the command line gets wrong
            return new RecipeFile(run.origin().recipe(), "Repeats " + from + ".", run.options());
        }
        if (!flags.given().containsKey("data")) {
            throw new IllegalArgumentException(
                    "palimpsest train needs RECIPE, --data with a folder of images, or a run to repeat: --from RUN");
        }
        return new RecipeFile(own.map(OwnImagesRecipe::name).orElse("train"), "", new LinkedHashMap<>());
    }

    private List<String> recipeWords() {
        if (from != null) {
            return List.of("--from", from.toAbsolutePath().toString());
        }
        return recipeName == null ? List.of() : Plan.named(recipeName);
    }

    /** What suits the folder that --data names, if it names one; the folder is then no longer given as a data set. */
    private static Optional<OwnImagesRecipe> ownImages(Map<String, String> given) {
        String folder = given.get("data");
        if (folder == null || Dataset.names().contains(folder)) {
            return Optional.empty();
        }
        if (!OwnImagesRecipe.isFolder(folder)) {
            throw new IllegalArgumentException(
                    "data = " + folder + ": expected a folder of images that is there, or one" + " of "
                            + String.join(", ", Dataset.names()) + Nearest.suggestion(folder, Dataset.names()));
        }
        given.remove("data");
        return Optional.of(OwnImagesRecipe.of(Path.of(folder)));
    }

    private Repeats repeats() {
        if (!orders.isEmpty() && !seeds.isEmpty()) {
            throw new IllegalArgumentException(
                    "--orders and --seeds: expected one of them, class orders alone or all that is drawn");
        }
        return seeds.isEmpty() ? new Repeats(orders, false) : new Repeats(seeds, true);
    }

    /** A run is worth keeping even where its page cannot be made. */
    private void report(Path folder, PrintWriter lines) throws IOException {
        lines.println();
        Comparison comparison = Comparison.of(List.of(folder));
        lines.println(Summary.text(comparison));
        Path page = folder.resolve(Report.FILE);
        try {
            Report.write(comparison, page).forEach(lines::println);
            lines.println("Report: " + page);
        } catch (IOException e) {
            lines.println("The run is complete, but its report is not: " + e.getMessage());
        }
        lines.flush();
    }

    /** Makes the folder, or one with a number where another command was faster. */
    static Path fresh(Path folder) throws IOException {
        try {
            Files.createDirectories(folder.getParent());
            for (int i = 1; ; i++) {
                try {
                    return Files.createDirectory(
                            i == 1 ? folder : folder.resolveSibling(folder.getFileName() + "-" + i));
                } catch (FileAlreadyExistsException e) {
                    // the next number
                }
            }
        } catch (IOException e) {
            throw AtomicFile.explained(folder, e);
        }
    }
}

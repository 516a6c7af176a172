package dev.palimpsest.cli;

import dev.palimpsest.recipe.MlkdOptions;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.RecipeFile;
import dev.palimpsest.report.Comparison;
import dev.palimpsest.report.Report;
import dev.palimpsest.report.RunFolder;
import dev.palimpsest.train.Progress;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(name = "train", sortOptions = false,
        customSynopsis = "palimpsest train RECIPE [--OPTION VALUE]… [--beside METHOD,…] [--orders SEED,…] [--out DIR]%n",
        description = {
    "Trains a recipe over a stream of classes and writes a run folder with a report.",
    "",
    "A recipe is a file of lines \"option = value\"; every option below may stand in it, and the command line goes before it. "
            + "Values in [brackets] hold where neither says anything."},
        footerHeading = "%nExamples%n", footer = {
    "  palimpsest train m2kd-digits",
    "  palimpsest train m2kd-digits --beside fine-tuning,lwf,joint",
    "  palimpsest train m2kd-fashion --orders 1,2,3 --epochs 5 --out runs/fashion",
    "  palimpsest train my-recipe.properties --method lwf"})
final class TrainCommand implements Callable<Integer> {
    private static final DateTimeFormatter STAMP = DateTimeFormatter.ofPattern("yyyyMMdd-HHmmss");

    @Parameters(paramLabel = "RECIPE", description = {"One of m2kd-digits, m2kd-digits-exemplar-free, m2kd-fashion, "
            + "m2kd-fashion-exemplar-free, m2kd-glyphs, mlkd-digits, mlkd-glyphs, mlkd-clvision, or the path of a file."})
    private String recipeName;

    @Option(names = "--beside", paramLabel = "METHOD", split = ",", order = 1,
            description = "Methods to run beside the recipe's own with the same settings: m2kd, lwf, lwf-mc, icarl, replay, "
                    + "fine-tuning, joint, and those of mlkd (see --method).")
    private List<String> beside = new ArrayList<>();

    @Option(names = "--orders", paramLabel = "SEED", split = ",", order = 2,
            description = "Repeats everything for each of these class orders, and gives mean ± standard deviation.")
    private List<String> orders = new ArrayList<>();

    @Option(names = "--as", paramLabel = "paper|code", order = 3,
            description = "Method mlkd as in the paper or as in the published code, where they differ; options set one by one go before it.")
    private String as;

    @Option(names = "--out", paramLabel = "DIR", order = 4, description = "Run folder [runs/RECIPE-TIME].")
    private Path out;

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

    @Override
    public Integer call() throws IOException {
        RecipeFile file;
        List<Plan> plans;
        try {
            file = RecipeFile.load(recipeName);
            SequencedMap<String, String> texts = new LinkedHashMap<>(file.texts());
            if (as != null) {
                texts.putAll(MlkdOptions.as(as));
            }
            texts.putAll(flags.given());
            plans = Plan.of(Recipe.of(texts), beside, orders);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(command.commandLine(), e.getMessage(), e);
        }
        Path folder = out == null ? unused(Path.of("runs", file.name() + "-" + LocalDateTime.now().format(STAMP))) : out;
        PrintWriter lines = command.commandLine().getOut();
        if (!file.summary().isEmpty()) {
            lines.println(file.summary());
            lines.flush();
        }
        for (Plan plan : plans) {
            run(plan, file, folder);
        }
        report(folder, lines);
        return 0;
    }

    private void run(Plan plan, RecipeFile file, Path folder) throws IOException {
        RunFolder run = RunFolder.create(folder.resolve(plan.folder()), file.name(), plan.recipe(), command(plan.recipe(), file));
        try (Display.Watch watch = display.watch(plan.recipe())) {
            runner.run(plan.recipe(), Progress.all(run, watch));
        } catch (IOException | RuntimeException | Error e) {
            run.failed(e.getMessage() == null ? e.toString() : e.getMessage());
            throw e;
        }
    }

    /** The command that repeats one run: what differs from the recipe, and the threads, which differ between machines. */
    private String command(Recipe recipe, RecipeFile file) {
        List<String> words = new ArrayList<>(List.of("palimpsest", "train", recipeName));
        Map<String, String> unchanged = file.recipe().toMap();
        recipe.toMap().forEach((name, text) -> {
            if (name.equals("threads") || !text.equals(unchanged.get(name))) {
                words.addAll(List.of("--" + name, text));
            }
        });
        return Words.join(words);
    }

    /** A run is worth keeping even where its page cannot be made. */
    private void report(Path folder, PrintWriter lines) throws IOException {
        lines.println();
        lines.print(Comparison.of(List.of(folder)));
        lines.println("Accuracies in percent over all classes seen; the average counts the first experience.");
        lines.println();
        Path page = folder.resolve(Report.FILE);
        try {
            Report.write(List.of(folder), page).forEach(lines::println);
            lines.println("Report: " + page);
        } catch (IOException e) {
            lines.println("The run is complete, but its report is not: " + e.getMessage());
        }
        lines.flush();
    }

    private static Path unused(Path folder) {
        Path free = folder;
        for (int i = 2; Files.exists(free); i++) {
            free = folder.resolveSibling(folder.getFileName() + "-" + i);
        }
        return free;
    }
}

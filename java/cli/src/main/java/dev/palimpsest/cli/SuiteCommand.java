package dev.palimpsest.cli;

import dev.palimpsest.recipe.SuiteFile;
import dev.palimpsest.report.CheckpointEvery;
import dev.palimpsest.report.Comparison;
import dev.palimpsest.report.Report;
import dev.palimpsest.report.RunFiles;
import dev.palimpsest.report.Summary;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "suite",
        sortOptions = false,
        customSynopsis = "palimpsest suite SUITE [--OPTION VALUE]… [--orders SEED,…] [--jobs N] [--out DIR]%n",
        description = {
            "Trains variants of recipes over class orders or seeds and compares them: means, standard deviations, and"
                + " differences from a reference on the same ones with their standard errors. What is complete in the"
                + " folder is kept: the same command goes on where it was stopped, inside a run too, and adds what a"
                + " longer suite or more of them ask for.",
            "",
            "A suite is a file of blocks; its first lines show how. Options below go before the suite's for all of its"
                    + " variants."
        },
        footerHeading = "%nExamples%n",
        footer = {
            "  palimpsest suite fashion --jobs 2",
            "  palimpsest suite fashion --evaluate validation --validation 0.1 --orders 11,12,13 --out"
                    + " runs/fashion-validation",
            "  palimpsest suite mlkd-glyphs --jobs 2",
            "  palimpsest suite my.suite"
        })
final class SuiteCommand implements Callable<Integer> {
    @Parameters(
            paramLabel = "SUITE",
            completionCandidates = BuiltIn.class,
            description = "One of ${COMPLETION-CANDIDATES}, or the path of a file.")
    private String suiteName;

    @Option(
            names = {"--orders", "--seeds"},
            paramLabel = "SEED",
            split = ",",
            order = 1,
            description = "Class orders, or seeds, instead of the suite's.")
    private List<String> orders = new ArrayList<>();

    @Option(
            names = "--jobs",
            paramLabel = "N",
            order = 2,
            defaultValue = "1",
            description = "Runs at the same time [1]. Runs of one thread each are the same bit for bit whatever it is.")
    private int jobs;

    @Option(
            names = "--tune",
            order = 3,
            description = {
                "First chooses the options that the suite names (tune.learning-rate = 0.05,0.1) on validation images of"
                        + " class orders 11 to 13, from the same candidates for every variant; those runs go into"
                        + " DIR-tuning."
            })
    private boolean tune;

    @Option(names = "--out", paramLabel = "DIR", order = 4, description = "Folder of the runs [runs/SUITE].")
    private @Nullable Path out;

    @Mixin
    private RunFlags runFlags = new RunFlags();

    @Spec
    private CommandSpec command;

    private final RecipeFlags flags;
    private final Runner runner;
    private final Display display;

    SuiteCommand(RecipeFlags flags, Runner runner, Display display) {
        this.flags = flags;
        this.runner = runner;
        this.display = display;
    }

    /** What help lists and a shell completes. */
    static final class BuiltIn implements Iterable<String> {
        @Override
        public Iterator<String> iterator() {
            return SuiteFile.builtIn().iterator();
        }
    }

    @Override
    public Integer call() throws IOException {
        SuiteFile suite;
        List<Plan> plans;
        List<String> notes = List.of();
        CheckpointEvery often = runFlags.every(CheckpointEvery.DEFAULT);
        try {
            if (jobs < 1) {
                throw new IllegalArgumentException("--jobs " + jobs + ": expected at least 1");
            }
            suite = SuiteFile.load(suiteName);
            if (tune) {
                Tuning tuning = new Tuning(suite, orders, flags.given());
                suite = tuned(tuning, suite, often);
                notes = tuning.sentences();
            }
            plans = Plan.of(suite, orders, flags.given());
        } catch (IllegalArgumentException e) {
            throw new ParameterException(command.commandLine(), e.getMessage(), e);
        }
        Path folder = folder(suite);
        PrintWriter lines = command.commandLine().getOut();
        if (!suite.summary().isEmpty()) {
            lines.println(suite.summary());
        }
        lines.println(plans.size() + " runs into " + folder);
        lines.flush();
        Map<String, Throwable> failures =
                new Batch(folder, runner, display, lines, runFlags.tensorboard(), often).run(plans, jobs);
        // Variant by variant: rows stand as in the suite, whichever class order failed.
        List<Path> runs = plans.stream()
                .collect(Collectors.groupingBy(
                        plan -> plan.folder().getParent(), LinkedHashMap::new, Collectors.toList()))
                .values()
                .stream()
                .flatMap(List::stream)
                .map(plan -> folder.resolve(plan.folder()))
                .filter(RunFiles::isRun) // failed ones too: the summary names them
                .toList();
        if (failures.size() < plans.size()) {
            summarise(suite, runs, folder, notes, lines);
        }
        return Batch.summary(failures, plans.size(), command.commandLine());
    }

    private Path folder(SuiteFile suite) {
        return out == null ? Path.of("runs", suite.name()) : out;
    }

    /** Runs the candidates beside the suite's folder: the suite's own would show them among its rows. */
    private SuiteFile tuned(Tuning tuning, SuiteFile suite, CheckpointEvery often) throws IOException {
        Path folder = folder(suite).resolveSibling(folder(suite).getFileName() + "-tuning");
        List<Plan> plans = Plan.of(tuning.trials(), List.of(), flags.given());
        PrintWriter lines = command.commandLine().getOut();
        lines.println(plans.size() + " runs of candidates into " + folder);
        lines.flush();
        Map<String, Throwable> failures = new Batch(folder, runner, display, lines, false, often).run(plans, jobs);
        // A candidate that fails, most often because its training diverged, is not chosen.
        failures.forEach((name, failure) -> lines.println(name + ": " + failure.getMessage()));
        return tuning.chosen(plans, folder);
    }

    private void summarise(SuiteFile suite, List<Path> runs, Path folder, List<String> notes, PrintWriter lines)
            throws IOException {
        Comparison comparison = Comparison.of(runs).with(notes);
        lines.println();
        lines.print(Summary.text(comparison));
        Summary.write(comparison, folder, suite.summary(), command());
        Path page = folder.resolve(Report.FILE);
        Report.write(comparison, page).forEach(lines::println);
        lines.println("Summary: " + folder.resolve(Summary.MARKDOWN));
        lines.println("Report: " + page);
        lines.flush();
    }

    /** The command that repeats the suite, without what changes no figure. */
    private String command() {
        List<String> words = new ArrayList<>(List.of("palimpsest", "suite", suiteName));
        flags.given().forEach((name, text) -> words.addAll(List.of("--" + name, text)));
        if (!orders.isEmpty()) {
            words.addAll(List.of("--orders", String.join(",", orders)));
        }
        if (tune) {
            words.add("--tune");
        }
        return Words.join(words);
    }
}

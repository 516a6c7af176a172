package dev.palimpsest.cli;

import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.report.EarlierRun;
import dev.palimpsest.report.RunFolder;
import dev.palimpsest.report.RunPair;
import dev.palimpsest.train.Progress;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "verify",
        sortOptions = false,
        customSynopsis = "palimpsest verify RUN [RUN] [--steps N] [--data-folder DIR]%n",
        description = {
            "Repeats a run from its run.json alone, or its first steps, and compares the repetition with what was"
                    + " recorded: every value of every step, every element of every tensor of the checkpoint, every"
                    + " figure. Of two runs it compares what was recorded of both. Prints the conditions in which they"
                    + " differ and the first difference of each kind. Of a run that did not go on to its end, its steps"
                    + " are compared, and its models where the repetition has those of the same experience.",
            "",
            "What is promised: the same bits for the same version of Palimpsest on the same processor and Java,"
                + " whatever the number of threads. oneDNN and the kernels choose their instructions by the processor,"
                + " and sums that are taken in another order differ in their last bits: on another processor, or with"
                + " another version, runs may differ without a fault.",
            "",
            "Exit codes: 0 the same; 1 different, or a file is damaged or missing."
        },
        footerHeading = "%nExamples%n",
        footer = {
            "  palimpsest verify runs/m2kd-digits-20260101-120000",
            "  palimpsest verify runs/fashion --steps 100",
            "  palimpsest verify runs/fashion copied/from/elsewhere"
        })
final class VerifyCommand implements Callable<Integer> {
    @Parameters(paramLabel = "RUN", arity = "1..2", description = "One run's folder to repeat, or two to compare.")
    private List<Path> runs = List.of();

    @Option(
            names = "--steps",
            paramLabel = "N",
            order = 1,
            description = "The first N optimiser steps alone, and no model [all].")
    private Optional<Long> steps = Optional.empty();

    @Option(
            names = "--data-folder",
            paramLabel = "DIR",
            order = 2,
            description = "Where the data lie here [as in the run, or the usual places].")
    private Optional<Path> dataFolder = Optional.empty();

    @Spec
    private CommandSpec command;

    private final Runner runner;
    private final Display display;

    VerifyCommand(Runner runner, Display display) {
        this.runner = runner;
        this.display = display;
    }

    @Override
    public Integer call() throws IOException {
        long most = steps.orElse(0L);
        if (steps.isPresent() && most < 1) {
            throw new ParameterException(command.commandLine(), "--steps " + most + ": expected at least 1");
        }
        if (runs.size() > 2) {
            throw new ParameterException(command.commandLine(), "expected one run or two, found " + runs.size());
        }
        if (runs.size() == 1) {
            return repeat(runs.getFirst(), most);
        }
        if (dataFolder.isPresent()) {
            throw new ParameterException(
                    command.commandLine(),
                    "--data-folder " + dataFolder.get() + ": two runs are compared as they are, leave it out");
        }
        RunPair pair = RunPair.of(runs.getFirst(), runs.getLast());
        conditions(pair);
        return verdict(pair, most, false);
    }

    private int repeat(Path run, long most) throws IOException {
        EarlierRun was = EarlierRun.read(run);
        Path folder = Files.isDirectory(run) ? run : run.toAbsolutePath().resolveSibling("");
        RunPair.Extent extent = RunPair.extent(folder);
        if (extent.steps() == 0) {
            throw new IOException(folder + " has no steps to compare: the run ended before its first one; let it go on"
                    + " with palimpsest train --resume " + folder + ", or give another run.");
        }
        if (most > extent.steps()) {
            throw new IOException(
                    "--steps " + most + ": expected at most " + extent.steps() + ", as many as " + folder + " has.");
        }
        Recipe recipe = repeated(run, was.options());
        // Closed last: when the process is ended, the reason is printed and the folder removed before.
        try (Interruption interruption = new Interruption();
                TemporaryFolder temporary = new TemporaryFolder()) {
            Path place = temporary.path();
            Repetition repetition =
                    new Repetition(folder, place, most == 0 && !extent.complete() ? extent.steps() : most);
            out().println("Repeats " + (most > 0 ? "the first " + most + " of " : "") + extent.steps() + " steps of "
                    + folder + ".");
            try (RunFolder written = RunFolder.create(place, recipe.toMap(), was.origin());
                    Display.Watch watch = display.watch(recipe.method(), true)) {
                interruption.cancels(repetition::cancel);
                try {
                    runner.run(recipe, Progress.all(repetition.limit(), written, watch, repetition));
                } catch (Enough e) {
                    written.interrupted();
                }
            }
            return repetition.verdict();
        }
    }

    private record TemporaryFolder(Path path) implements AutoCloseable {
        TemporaryFolder() throws IOException {
            this(Files.createTempDirectory("palimpsest-verify-"));
        }

        @Override
        public void close() throws IOException {
            try (Stream<Path> all = Files.walk(path)) {
                for (Path file : all.sorted(Comparator.reverseOrder()).toList()) {
                    Files.delete(file);
                }
            }
        }
    }

    /** The recorded recipe, without what changes no bit and does not fit this machine. */
    private Recipe repeated(Path run, SequencedMap<String, String> options) throws IOException {
        options.put("max-minutes", "0");
        options.put("max-memory", "0");
        dataFolder.ifPresent(where -> options.put("data-folder", where.toString()));
        Recipe recipe = Recipe.recorded(run, options);
        int cores = Runtime.getRuntime().availableProcessors();
        return recipe.threads() <= cores ? recipe : recipe.with("threads", Integer.toString(cores));
    }

    /** Thrown from within a run, which ends there. */
    private static final class Enough extends RuntimeException {
        private static final long serialVersionUID = 1;

        Enough() {
            super("enough steps are repeated", null, false, false);
        }
    }

    /** A run that is made again, until it has as many steps as are compared. */
    private final class Repetition implements Progress {
        private final Path recorded;
        private final Path place;
        private final long most;
        private boolean otherData;
        private volatile boolean cancelled;

        /** @param most steps to make; 0: all */
        Repetition(Path recorded, Path place, long most) {
            this.recorded = recorded;
            this.place = place;
            this.most = most;
        }

        boolean cancel() {
            cancelled = true;
            return true;
        }

        /** Ends the run before anybody records one step too many; up to there its checkpoints are written. */
        Progress limit() {
            return new Progress() {
                private long made;

                @Override
                public void step(Step step) {
                    if (cancelled || (most > 0 && made == most)) {
                        throw new Enough();
                    }
                    made++;
                }
            };
        }

        /** After the folder has recorded where it computes and what it read. */
        @Override
        public void begins(Setup setup) {
            try {
                RunPair pair = RunPair.of(recorded, place);
                conditions(pair);
                otherData = !pair.data().isEmpty();
            } catch (IOException e) {
                throw new UncheckedIOException(e.getMessage(), e);
            }
            if (otherData) {
                throw new Enough();
            }
        }

        int verdict() throws IOException {
            if (cancelled) {
                out().println("Interrupted before the end of the repetition; nothing was compared.");
                out().flush();
                throw new CancellationException();
            }
            if (otherData) {
                throw new IOException("The data are not those that " + recorded
                        + " recorded, so the run was not repeated: put the same files there, or name their folder with"
                        + " --data-folder.");
            }
            return VerifyCommand.this.verdict(RunPair.of(recorded, place), steps.orElse(0L), most > 0);
        }
    }

    private void conditions(RunPair pair) {
        PrintWriter lines = out();
        List<String> deciding = pair.decidingConditions();
        lines.println(
                deciding.isEmpty()
                        ? "Conditions that decide bits: all the same."
                        : "Conditions that decide bits and are not the same, so that the runs may differ:");
        deciding.forEach(difference -> lines.println("  " + difference));
        List<String> others = pair.otherConditions();
        if (!others.isEmpty()) {
            lines.println("Conditions that decide no bits and are not the same:");
            others.forEach(difference -> lines.println("  " + difference));
        }
        lines.flush();
    }

    private int verdict(RunPair pair, long most, boolean prefix) throws IOException {
        List<RunPair.Finding> findings = pair.compare(most, prefix);
        PrintWriter lines = out();
        findings.forEach(finding -> lines.println(finding.text()));
        boolean same = findings.stream().allMatch(RunPair.Finding::same);
        lines.println(
                same
                        ? "The same, bit for bit."
                        : pair.decidingConditions().isEmpty()
                                ? "Different, under the same conditions: look for faulty memory or damaged files, and"
                                        + " report it if there are none."
                                : "Different.");
        lines.flush();
        return same ? ExitCode.OK : ExitCode.SOFTWARE;
    }

    private PrintWriter out() {
        return command.commandLine().getOut();
    }
}

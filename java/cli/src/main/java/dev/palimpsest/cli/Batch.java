package dev.palimpsest.cli;

import dev.palimpsest.report.CheckpointEvery;
import dev.palimpsest.report.DamagedRunException;
import dev.palimpsest.report.RunFolder;
import dev.palimpsest.train.Progress;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import picocli.CommandLine;
import picocli.CommandLine.ExitCode;

/**
 * Runs what is missing of some plans. A complete run of the same recipe stays; one that failed or was interrupted is
 * made anew. A run that fails does not stop the others. Runs at the same time share the process and nothing else: each
 * has its own engine, so that how many there are changes no bit of any.
 */
final class Batch {
    private final Path folder;
    private final Runner runner;
    private final Display display;
    private final PrintWriter out;
    private final CheckpointEvery every;

    /**
     * @param folder of the command, that the plans' folders lie in
     * @param every how often runs keep their state inside experiences
     */
    Batch(Path folder, Runner runner, Display display, PrintWriter out, CheckpointEvery every) {
        this.every = every;
        this.folder = folder;
        this.runner = runner;
        this.display = display;
        this.out = out;
    }

    /**
     * Runs them, some at the same time.
     *
     * @param jobs runs at the same time, at least 1
     * @return why runs failed, by the name of the run: damaged ones first, otherwise in the order of the plans
     * @throws IOException with a sentence, before anything runs, if a folder holds a run of another recipe, or this
     *     Java corrupts arrays
     */
    Map<String, Throwable> run(List<Plan> plans, int jobs) throws IOException {
        PinnedArrays.require();
        List<Plan> missing = new ArrayList<>();
        Map<String, Throwable> failures = new LinkedHashMap<>();
        for (Plan plan : plans) {
            try {
                if (!isComplete(plan)) {
                    missing.add(plan);
                }
            } catch (DamagedRunException e) {
                failures.put(
                        plan.name(),
                        new IOException(
                                e.getMessage() + " Remove " + folder.resolve(plan.folder())
                                        + " to have the run made anew.",
                                e));
            }
        }
        int complete = plans.size() - missing.size() - failures.size();
        if (complete > 0) {
            out.println(complete + " of " + plans.size() + " runs are complete in " + folder + ".");
        }
        try (ExecutorService executor = Executors.newFixedThreadPool(jobs)) {
            List<Future<?>> running = new ArrayList<>();
            for (Plan plan : missing) {
                running.add(executor.submit(() -> {
                    // Another command may have made it since.
                    if (!isComplete(plan)) {
                        run(plan, jobs);
                    }
                    return null;
                }));
            }
            for (int i = 0; i < running.size(); i++) {
                try {
                    running.get(i).get();
                } catch (ExecutionException e) {
                    failures.put(missing.get(i).name(), e.getCause());
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted; the same command goes on with the runs that are missing.", e);
        }
        return failures;
    }

    private boolean isComplete(Plan plan) throws IOException {
        return RunFolder.isComplete(folder.resolve(plan.folder()), plan.recipe().toMap());
    }

    private void run(Plan plan, int jobs) throws IOException {
        try (RunFolder run = RunFolder.create(
                        folder.resolve(plan.folder()), plan.recipe().toMap(), plan.origin(), every);
                Interruption interruption = new Interruption()) {
            // What is recorded is all that there is to wait for: training may go on until the process is gone.
            interruption.cancels(() -> {
                run.interrupted().ifPresent(this::interrupted);
                return false;
            });
            try (Display.Watch watch = display.watch(plan.name(), jobs == 1)) {
                runner.run(plan.recipe(), Progress.all(run, watch));
            } catch (IOException | RuntimeException | Error e) {
                record(run, e);
                out.println(plan.name() + ": failed");
                throw e;
            }
        }
    }

    private void interrupted(String sentence) {
        out.println();
        out.println(sentence);
        out.flush();
    }

    private static void record(RunFolder run, Throwable failure) {
        try {
            run.failed(Sentences.text(failure).orElseGet(failure::toString));
        } catch (UncheckedIOException e) {
            failure.addSuppressed(e); // most often for the same reason
        }
    }

    /** As a command's own exception. */
    static Exception thrown(Throwable failure) {
        if (failure instanceof Error error) {
            throw error;
        }
        return (Exception) failure;
    }

    /**
     * Prints what failed and what to do about it.
     *
     * @return the command's exit code
     */
    static int summary(Map<String, Throwable> failures, int runs, CommandLine command) {
        if (failures.isEmpty()) {
            return ExitCode.OK;
        }
        PrintWriter err = command.getErr();
        err.println(failures.size() + " of " + runs + " runs failed:");
        failures.forEach((name, failure) -> {
            err.print(name + ": ");
            Sentences.print(failure, err);
        });
        err.println("The same command makes them again and keeps the others.");
        err.flush();
        return ExitCode.SOFTWARE;
    }
}

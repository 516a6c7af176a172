package dev.palimpsest.cli;

import dev.palimpsest.checkpoint.FolderLock;
import dev.palimpsest.report.CheckpointEvery;
import dev.palimpsest.report.DamagedRunException;
import dev.palimpsest.report.EarlierRun;
import dev.palimpsest.report.EventFile;
import dev.palimpsest.report.RunFiles;
import dev.palimpsest.report.RunFolder;
import dev.palimpsest.train.Progress;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import picocli.CommandLine;
import picocli.CommandLine.ExitCode;

/**
 * Runs what is missing of some plans. A complete run of the same recipe stays; one that failed or was interrupted goes
 * on from its last checkpoint. A run that fails does not stop the others. Runs at the same time share the process and
 * nothing else: each has its own engine, so that how many there are changes no bit of any. When the process is ended,
 * runs end at their next step, and go on from there another time.
 */
final class Batch {
    /** Of the folder of several runs, beside which each has its own. */
    private static final String LOCK = "runs.lock";

    private final Path folder;
    private final Runner runner;
    private final Display display;
    private final PrintWriter out;
    private final boolean tensorboard;
    private final CheckpointEvery every;
    private final Set<RunFolder> running = ConcurrentHashMap.newKeySet();
    /** What interrupted runs keep. */
    private final List<String> kept = Collections.synchronizedList(new ArrayList<>());

    private volatile boolean stopping;

    /**
     * What runs have in common.
     *
     * @param folder of the command, that the plans' folders lie in
     * @param tensorboard whether each run writes an event file
     * @param every how often runs keep their state inside experiences
     */
    Batch(Path folder, Runner runner, Display display, PrintWriter out, boolean tensorboard, CheckpointEvery every) {
        this.every = every;
        this.folder = folder;
        this.runner = runner;
        this.display = display;
        this.out = out;
        this.tensorboard = tensorboard;
    }

    /**
     * Runs them, some at the same time.
     *
     * @param jobs runs at the same time, at least 1
     * @return why runs failed, by the name of the run: damaged ones first, otherwise in the order of the plans
     * @throws IOException with a sentence, before anything runs, if a folder holds a run of another recipe or cannot
     *     be made, another command makes runs in it, or this Java corrupts arrays
     * @throws CancellationException if the process is ending, once what is left is printed
     */
    Map<String, Throwable> run(List<Plan> plans, int jobs) throws IOException {
        PinnedArrays.require();
        RunFiles.makeFolder(folder); // or every run would say so for itself
        if (plans.size() == 1) { // which has the lock of its run
            return runMissing(plans, jobs);
        }
        try (FolderLock _ = FolderLock.take(folder.resolve(LOCK))
                .orElseThrow(() -> new IOException("Another command is making runs in " + folder
                        + ": wait for its end, or choose another folder with --out."))) {
            return runMissing(plans, jobs);
        }
    }

    private Map<String, Throwable> runMissing(List<Plan> plans, int jobs) throws IOException {
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
        try (Interruption interruption = new Interruption()) {
            interruption.cancels(this::stop);
            interruption.otherwise(() -> {
                running.forEach(run -> run.interrupted().ifPresent(kept::add));
                interrupted(plans);
            });
            run(missing, jobs, failures);
            if (stopping) {
                failures.forEach((name, failure) ->
                        out.println(name + ": " + Sentences.text(failure).orElseGet(failure::toString)));
                interrupted(plans);
                throw new CancellationException();
            }
        }
        return failures;
    }

    private void run(List<Plan> plans, int jobs, Map<String, Throwable> failures) throws IOException {
        try (ExecutorService executor = Executors.newFixedThreadPool(jobs)) {
            List<Future<?>> results = new ArrayList<>();
            for (Plan plan : plans) {
                results.add(executor.submit(() -> {
                    // Another command may have made it since.
                    if (!stopping && !isComplete(plan)) {
                        run(plan, jobs);
                    }
                    return null;
                }));
            }
            for (int i = 0; i < results.size(); i++) {
                try {
                    results.get(i).get();
                } catch (ExecutionException e) {
                    failures.put(plans.get(i).name(), e.getCause());
                }
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IOException("Interrupted; the same command goes on with the runs that are missing.", e);
        }
    }

    private boolean isComplete(Plan plan) throws IOException {
        return EarlierRun.isComplete(
                folder.resolve(plan.folder()), plan.recipe().toMap());
    }

    private void run(Plan plan, int jobs) throws IOException {
        try (RunFolder run =
                RunFolder.create(folder.resolve(plan.folder()), plan.recipe().toMap(), plan.origin(), every)) {
            running.add(run);
            if (stopping) {
                run.stop();
            }
            try (Display.Watch watch = display.watch(plan.name(), jobs == 1);
                    EventFile events = new EventFile(run.path(), InstantSource.system())) {
                runner.run(plan.recipe(), tensorboard ? Progress.all(run, watch, events) : Progress.all(run, watch));
            } catch (CancellationException e) {
                kept.add(e.getMessage());
            } catch (IOException | RuntimeException | Error e) {
                record(run, e);
                out.println(plan.name() + ": failed");
                throw e;
            } finally {
                running.remove(run);
            }
        }
    }

    private boolean stop() {
        stopping = true;
        running.forEach(RunFolder::stop);
        return true;
    }

    /** Prints what is left, and how to go on. */
    private void interrupted(List<Plan> plans) {
        boolean alone = plans.size() == 1 && plans.getFirst().folder().equals(Path.of(""));
        out.println();
        out.println("Interrupted: "
                + (kept.isEmpty() ? folder + " keeps the runs that are complete" : String.join(", ", kept)) + "; "
                + (alone
                        ? Words.join(List.of("palimpsest", "train", "--resume", folder.toString()))
                        : "the same command with --out " + Words.join(List.of(folder.toString())))
                + " goes on from there.");
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

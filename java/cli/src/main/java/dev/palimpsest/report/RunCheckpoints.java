package dev.palimpsest.report;

import dev.palimpsest.checkpoint.Checkpoint;
import dev.palimpsest.checkpoint.Position;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.function.Supplier;

/**
 * The states that a run can go on from: that after the newest experience and that inside the next one, each with the
 * one before it, and when the next is due. Not thread-safe.
 */
final class RunCheckpoints {
    /** In a checkpoint's metadata: what was in steps.csv by then. */
    private static final String ROWS = RunFiles.STEPS;

    private final Path folder;
    private final CheckpointEvery every;
    private final LastTwo after;
    private final LastTwo inside;
    private long stepsSince;
    private long nanosAtLast = System.nanoTime();

    /** @param run its folder */
    RunCheckpoints(Path run, CheckpointEvery every) {
        this.every = every;
        folder = run.resolve(RunFiles.CHECKPOINT_FOLDER);
        after = new LastTwo(run.resolve(RunFiles.CHECKPOINT), run.resolve(RunFiles.PREVIOUS));
        inside = new LastTwo(run.resolve(RunFiles.INSIDE), run.resolve(RunFiles.PREVIOUS_INSIDE));
    }

    /** Finds the newest whole ones; one inside an experience goes with that after the experience before. */
    boolean find() throws IOException {
        after.find(file -> Checkpoint.read(file).experiences() > 0);
        int done = after().isPresent() ? Checkpoint.read(after().get()).experiences() : 0;
        inside.find(file -> Position.read(file).place().experience() == done);
        return after().isPresent() || inside().isPresent();
    }

    /** The one that was found of those after an experience. */
    Optional<Path> after() {
        return after.found();
    }

    /** The one that was found of those inside an experience. */
    Optional<Path> inside() {
        return inside.found();
    }

    /** That the one before the newest was found, as that is damaged; empty if it is whole. */
    Optional<String> remark() {
        return !after.foundPrevious() && !inside.foundPrevious()
                ? Optional.empty()
                : Optional.of((after.foundPrevious() ? RunFiles.CHECKPOINT : RunFiles.INSIDE)
                        + " is damaged; the run goes on from the checkpoint before it.");
    }

    /**
     * What the run that is gone on with had written into steps.csv, as {@link StepTable#written} has it.
     *
     * @param atPosition up to the state inside an experience, not up to that after one
     */
    Optional<String> rows(boolean atPosition) throws IOException {
        Optional<Path> file = atPosition ? inside() : after();
        return file.isEmpty()
                ? Optional.empty()
                : Optional.ofNullable(Safetensors.read(file.get()).metadata().get(ROWS));
    }

    /** Whether a state inside an experience is due; called once at each step that there is one. */
    boolean due() {
        stepsSince++;
        return every.due(stepsSince, System.nanoTime() - nanosAtLast);
    }

    void keepAfter(Supplier<SafetensorsWriter> state, StepTable steps) throws IOException {
        keep(after, state, steps);
    }

    void keepInside(Supplier<SafetensorsWriter> state, StepTable steps) throws IOException {
        keep(inside, state, steps);
    }

    private void keep(LastTwo files, Supplier<SafetensorsWriter> state, StepTable steps) throws IOException {
        SafetensorsWriter content = state.get();
        content.metadata(ROWS, steps.written());
        steps.sync();
        RunFiles.makeFolder(folder);
        files.write(content::writeTo);
        stepsSince = 0;
        nanosAtLast = System.nanoTime();
    }

    void delete() throws IOException {
        after.delete();
        inside.delete();
    }
}

package dev.palimpsest.report;

import dev.palimpsest.ContinualClassifier;
import dev.palimpsest.checkpoint.AtomicFile;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.FileVisitOption;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/** The files of a run folder, by their names. */
public final class RunFiles {
    static final String RUN = "run.json";
    static final String METRICS = "metrics.json";
    static final String STEPS = "steps.csv";
    static final String CONFUSION = "confusion.json";
    static final String LOCK = "run.lock";
    static final String CHECKPOINT_FOLDER = "checkpoint";
    /** The state after an experience. */
    static final String CHECKPOINT = CHECKPOINT_FOLDER + "/model.safetensors";
    /** The checkpoint before that one, for when that one is damaged. */
    static final String PREVIOUS = CHECKPOINT_FOLDER + "/previous.safetensors";
    /** The state in the midst of an experience. */
    static final String INSIDE = CHECKPOINT_FOLDER + "/inside.safetensors";

    static final String PREVIOUS_INSIDE = CHECKPOINT_FOLDER + "/inside-previous.safetensors";

    private RunFiles() {}

    /**
     * Makes a folder and those above it, where they are not there.
     *
     * @param folder any
     * @throws IOException with a sentence, if there is none and it cannot be made
     */
    public static void makeFolder(Path folder) throws IOException {
        try {
            Files.createDirectories(folder);
        } catch (IOException e) {
            throw AtomicFile.explained(folder, e);
        }
    }

    /**
     * Whether a run was begun in a folder.
     *
     * @param folder any
     * @return whether it holds a run.json
     */
    public static boolean isRun(Path folder) {
        return Files.exists(folder.resolve(RUN));
    }

    /**
     * Whether a file is, or would be, one of those that a run is read from.
     *
     * @param file any, there or not
     * @return whether its folder holds a run that has a file of its name
     */
    public static boolean isOwn(Path file) {
        Path place = file.toAbsolutePath().normalize();
        for (String name :
                List.of(RUN, METRICS, STEPS, CONFUSION, LOCK, CHECKPOINT, PREVIOUS, INSIDE, PREVIOUS_INSIDE)) {
            Path own = Path.of(name);
            if (place.endsWith(own)) {
                Path folder = place.resolve("../".repeat(own.getNameCount())).normalize();
                return isRun(folder);
            }
        }
        return false;
    }

    /** What to throw where somebody named a folder without a run, or none. */
    static IOException noRun(Path folder) {
        if (!Files.isDirectory(folder)) {
            return new IOException("There is no run folder " + folder + ": give a folder that palimpsest train made.");
        }
        if (ContinualClassifier.isIn(folder)) {
            return new IOException(
                    folder + " is not a run folder: it holds a model that keeps learning, for which there"
                            + " are palimpsest classify, versions and export.");
        }
        try (Stream<Path> below =
                Files.find(folder, SavedRun.DEPTH, (path, _) -> path.endsWith(RUN), FileVisitOption.FOLLOW_LINKS)) {
            return new IOException(folder + " is not a run folder: it holds no " + RUN + "; give "
                    + below.map(Path::getParent)
                            .min(Comparator.naturalOrder())
                            .map(run -> "one of those below it, such as " + run + ".")
                            .orElse("a folder that palimpsest train made."));
        } catch (IOException | UncheckedIOException e) { // what may not be entered shows no run
            return new IOException(folder + " is not a run folder: it holds no " + RUN
                    + "; give a folder that palimpsest train made.");
        }
    }

    /** Whether a run has models, if only those of its first experience. */
    static boolean hasModels(Path run) {
        return Files.exists(run.resolve(CHECKPOINT)) || Files.exists(run.resolve(PREVIOUS));
    }

    /**
     * A run's models.
     *
     * @param run its folder
     * @return the newest checkpoint after an experience, or the one before it
     * @throws IOException with a sentence, if the folder holds no run, or the run no models yet
     */
    public static Path checkpoint(Path run) throws IOException {
        if (!Files.isRegularFile(run.resolve(RUN))) {
            throw noRun(run);
        }
        // Between two checkpoints there may be the previous one alone.
        Path file = Files.exists(run.resolve(CHECKPOINT)) ? run.resolve(CHECKPOINT) : run.resolve(PREVIOUS);
        if (!Files.isRegularFile(file)) {
            throw new IOException(run
                    + " holds no model: the run ended before its first experience was over, or was made before runs"
                    + " kept "
                    + CHECKPOINT + "; let it go on with palimpsest train --resume " + run + ", or give another run.");
        }
        return file;
    }
}

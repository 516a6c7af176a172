package dev.palimpsest.report;

import dev.palimpsest.checkpoint.AtomicFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The last two checkpoints of one kind. The usable one stays until a better one is whole. Not thread-safe. */
final class LastTwo {
    private final Path newest;
    private final Path previous;
    /** What a run goes on from, until it writes its own; null if nothing. */
    private @Nullable Path found;

    LastTwo(Path newest, Path previous) {
        this.newest = newest;
        this.previous = previous;
    }

    interface Check {
        /** @throws IOException if the file is damaged */
        boolean usable(Path file) throws IOException;
    }

    /** Looks for the newest one that is whole and usable. */
    Optional<Path> find(Check check) {
        for (Path file : List.of(newest, previous)) {
            try {
                if (Files.exists(file) && check.usable(file)) {
                    found = file;
                    break;
                }
            } catch (IOException | IllegalArgumentException e) {
                // Damaged: the one before it is whole.
            }
        }
        return found();
    }

    Optional<Path> found() {
        return Optional.ofNullable(found);
    }

    /** Whether the newest one is damaged. */
    boolean foundPrevious() {
        return previous.equals(found) && Files.exists(newest);
    }

    /** @throws IOException with a sentence, if it cannot be written */
    void write(AtomicFile.Content content) throws IOException {
        // A newest one that the run could not go on from is no better than the one before it.
        if (Files.exists(newest) && (found == null || found.equals(newest))) {
            try {
                Files.move(newest, previous, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
            } catch (IOException e) {
                throw AtomicFile.explained(previous, e);
            }
        }
        found = null;
        AtomicFile.write(newest, content);
    }

    void delete() throws IOException {
        Files.deleteIfExists(newest);
        Files.deleteIfExists(previous);
    }
}

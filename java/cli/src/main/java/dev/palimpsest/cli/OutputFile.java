package dev.palimpsest.cli;

import dev.palimpsest.ContinualClassifier;
import dev.palimpsest.report.RunFiles;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Files that commands are asked to write, and that replace what is there. */
final class OutputFile {
    private OutputFile() {}

    /**
     * Refuses what would damage a run or a model.
     *
     * @throws IOException with a sentence, if the file is one of theirs, or a model would take it for a left one
     */
    static void require(Path file) throws IOException {
        Path place = file.toAbsolutePath().normalize();
        Path folder = place.getParent();
        String name = place.getFileName() == null ? "" : place.getFileName().toString();
        boolean models = folder != null
                && ContinualClassifier.isIn(folder)
                && (name.endsWith(".safetensors")
                        || List.of("model.json", "lock").contains(name));
        if (models || RunFiles.isOwn(file)) {
            throw new IOException("Cannot write " + file + ": it would take the place of a file that the "
                    + (models ? "model" : "run") + " there is read from; give another name.");
        }
    }
}

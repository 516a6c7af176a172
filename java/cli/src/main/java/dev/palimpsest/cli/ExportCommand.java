package dev.palimpsest.cli;

import dev.palimpsest.checkpoint.AtomicFile;
import dev.palimpsest.checkpoint.Checkpoint;
import dev.palimpsest.checkpoint.SavedModel;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.report.RunFolder;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "export",
        description =
                "Writes a run's final model, or an earlier one read out of its weights, as a safetensors file with"
                        + " PyTorch's names (torchvision's for resnet-18 and resnet-34), without auxiliary heads. Its"
                        + " metadata name the classes and how pixels are normalised.")
final class ExportCommand implements Callable<Integer> {
    @Parameters(paramLabel = "RUN", index = "0", description = "The run's folder.")
    private Path run;

    @Parameters(paramLabel = "FILE", index = "1", description = "The file to write; one that is there is replaced.")
    private Path file;

    @Option(
            names = "--snapshot",
            paramLabel = "I",
            description = "The model after the I-th experience, from 1 [the final model].")
    private Optional<Integer> snapshot = Optional.empty();

    @Spec
    private CommandSpec command;

    @Override
    public Integer call() throws IOException {
        Checkpoint checkpoint = Checkpoint.read(RunFolder.checkpoint(run));
        try (SavedModel model =
                new SavedModel(checkpoint, Recipe.of(checkpoint.options()).networks())) {
            AtomicFile.write(file, model.export(snapshot.map(OptionalInt::of).orElse(OptionalInt.empty()))::writeTo);
        }
        PrintWriter lines = command.commandLine().getOut();
        lines.println("Weights: " + file);
        lines.flush();
        return 0;
    }
}

package dev.palimpsest.cli;

import dev.palimpsest.ContinualClassifier;
import dev.palimpsest.checkpoint.AtomicFile;
import dev.palimpsest.checkpoint.Checkpoint;
import dev.palimpsest.checkpoint.ExportedModel;
import dev.palimpsest.checkpoint.SavedModel;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.report.RunFiles;
import dev.palimpsest.tensor.SafetensorsWriter;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "export",
        description = {
            "Writes a run's final model, or an earlier one read out of its weights, as a safetensors file with"
                    + " PyTorch's names (torchvision's for resnet-18 and resnet-34), without auxiliary heads. Its"
                    + " metadata name the classes, how images are prepared, and the recipe.",
            "",
            "Of a model that keeps learning: its snapshots, the statistics of its classes, and how they are read.",
            "",
            "What the run was evaluated with is part of it: refitted and aligned heads stand in fc, nearest means in"
                    + " class_means, Gaussian classes in tensors of their own. palimpsest predict reads the file."
        })
final class ExportCommand implements Callable<Integer> {
    @Parameters(
            paramLabel = "RUN|MODEL",
            index = "0",
            description = "The folder of a run, or of a model that keeps learning.")
    private Path run;

    @Parameters(paramLabel = "FILE", index = "1", description = "The file to write; one that is there is replaced.")
    private Path file;

    @Option(
            names = "--snapshot",
            paramLabel = "I",
            description = "The model after the I-th experience, from 1 [the final model].")
    private Optional<Integer> snapshot = Optional.empty();

    @Option(
            names = "--version-number",
            paramLabel = "N",
            description = "Of a model that keeps learning: an earlier version [the current one].")
    private Optional<Integer> version = Optional.empty();

    @Spec
    private CommandSpec command;

    @Override
    public Integer call() throws IOException {
        PrintWriter lines = command.commandLine().getOut();
        OutputFile.require(file);
        if (ContinualClassifier.isIn(run)) {
            exportContinual();
        } else {
            exportRun(lines);
        }
        lines.println("Weights: " + file);
        lines.flush();
        return 0;
    }

    private void exportContinual() throws IOException {
        if (snapshot.isPresent()) {
            throw misused("--snapshot is for runs; versions of a model are chosen by --version-number");
        }
        try (ContinualClassifier model = ContinualClassifier.open(run)) {
            version.map(model::version).orElseGet(model::current).export(file);
        }
    }

    private ParameterException misused(String sentence) {
        return new ParameterException(command.commandLine(), sentence);
    }

    private void exportRun(PrintWriter lines) throws IOException {
        if (version.isPresent()) {
            throw misused("--version-number is for models that keep learning; those of a run are chosen by --snapshot");
        }
        Path weights = RunFiles.checkpoint(run);
        Checkpoint checkpoint = Checkpoint.read(weights);
        try (SavedModel model = new SavedModel(
                checkpoint, Recipe.recorded(weights, checkpoint.options()).networks())) {
            SafetensorsWriter content =
                    model.export(snapshot.map(OptionalInt::of).orElse(OptionalInt.empty()));
            AtomicFile.write(file, content::writeTo);
            ExportedModel.besideTheHead(content)
                    .ifPresent(note -> lines.println("Warning: the run was evaluated with classifier = "
                            + checkpoint.options().get("classifier") + ", which fc cannot hold: programs that read fc"
                            + " alone answer by the network's own head. Beside it, " + note + "."));
        }
    }
}

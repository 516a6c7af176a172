package dev.palimpsest.cli;

import dev.palimpsest.checkpoint.Checkpoint;
import dev.palimpsest.checkpoint.ExportedModel;
import dev.palimpsest.checkpoint.SavedModel;
import dev.palimpsest.data.Preparation;
import dev.palimpsest.engine.DeviceOptions;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.report.RunFolder;
import dev.palimpsest.tensor.Safetensors;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "predict",
        sortOptions = false,
        description = {
            "Classifies images by a run's final model, an earlier one read out of its weights, or an exported file, and"
                    + " prints CSV: path, class, probability.",
            "",
            "What the run was evaluated with is what classifies: its head, nearest means, Gaussian classes. Images are"
                    + " prepared as those of the run were. The probability is the classifier's own, and is not"
                    + " calibrated. Files that cannot be read are named at the end, and the exit code is 1."
        },
        footerHeading = "%nExamples%n",
        footer = {
            "  palimpsest predict runs/fashion photos > answers.csv",
            "  palimpsest predict runs/fashion --snapshot 2 photos/shoe.png",
            "  palimpsest predict exported.safetensors photos"
        })
final class PredictCommand implements Callable<Integer> {
    /** Files in memory at a time. */
    private static final int CHUNK = 256;

    @Parameters(
            paramLabel = "RUN|FILE",
            index = "0",
            description = "A run's folder, its checkpoint, or what palimpsest export wrote.")
    private Path model;

    @Parameters(
            paramLabel = "IMAGE",
            index = "1..*",
            arity = "1..*",
            description = "Image files, or folders that are searched for them.")
    private List<Path> images = List.of();

    @Option(
            names = "--snapshot",
            paramLabel = "I",
            order = 1,
            description = "Of a run: the model after the I-th experience, from 1 [the final model].")
    private Optional<Integer> snapshot = Optional.empty();

    @Mixin
    private DeviceFlag device;

    @Spec
    private CommandSpec command;

    @Override
    public Integer call() throws IOException {
        DeviceOptions computes = device.options();
        List<Path> files = Answers.files(images);
        Safetensors file = exported();
        Recipe recipe = Recipe.of(ExportedModel.options(file));
        file.checked();
        List<String> refused = new ArrayList<>();
        try (Engine engine = Engines.open(
                        computes.withThreads(recipe.threads()),
                        command.commandLine().getErr()::println);
                ExportedModel classifier = new ExportedModel(file, recipe.networks(), engine)) {
            Answers answers = new Answers(command.commandLine().getOut());
            for (int begin = 0; begin < files.size(); begin += CHUNK) {
                Preparation.Read read =
                        classifier.preparation().read(files.subList(begin, Math.min(files.size(), begin + CHUNK)));
                refused.addAll(read.refused());
                if (!read.files().isEmpty()) {
                    print(read.files(), classifier.classes(), classifier.probabilities(read.images()), answers);
                }
            }
            command.commandLine().getOut().flush();
        }
        PrintWriter err = command.commandLine().getErr();
        if (!refused.isEmpty()) {
            err.println(refused.size() + " of " + files.size() + " files are left out:");
            refused.forEach(err::println);
        }
        err.flush();
        return refused.isEmpty() ? ExitCode.OK : ExitCode.SOFTWARE;
    }

    private static void print(List<Path> files, List<String> classes, double[][] probabilities, Answers answers) {
        for (int i = 0; i < probabilities.length; i++) {
            int best = 0;
            for (int c = 1; c < probabilities[i].length; c++) {
                best = probabilities[i][c] > probabilities[i][best] ? c : best;
            }
            answers.add(files.get(i), classes.get(best), probabilities[i][best]);
        }
    }

    /** A run's model as if it had been exported: so that both answer alike. */
    private Safetensors exported() throws IOException {
        boolean run = Files.isDirectory(model);
        Safetensors file = Safetensors.read(run ? RunFolder.checkpoint(model) : model);
        if (!Checkpoint.is(file)) {
            if (snapshot.isPresent()) {
                throw new ParameterException(
                        command.commandLine(), "--snapshot " + snapshot.get() + ": " + model + " holds one model");
            }
            return file;
        }
        Checkpoint checkpoint = Checkpoint.of(file);
        try (SavedModel saved = new SavedModel(
                        checkpoint, Recipe.of(checkpoint.options()).networks());
                ByteArrayOutputStream bytes = new ByteArrayOutputStream()) {
            saved.export(snapshot.map(OptionalInt::of).orElse(OptionalInt.empty()))
                    .writeTo(Channels.newChannel(bytes));
            return Safetensors.of(model.toString(), bytes.toByteArray());
        }
    }
}

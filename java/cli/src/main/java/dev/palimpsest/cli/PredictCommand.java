package dev.palimpsest.cli;

import dev.palimpsest.ContinualClassifier;
import dev.palimpsest.ExportedVersion;
import dev.palimpsest.checkpoint.Checkpoint;
import dev.palimpsest.checkpoint.ExportedModel;
import dev.palimpsest.checkpoint.SavedModel;
import dev.palimpsest.engine.DeviceOptions;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.report.RunFiles;
import dev.palimpsest.tensor.Safetensors;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
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
                    + " prepared as those of the run were. Probabilities are calibrated on the images that validation"
                    + " held out; without such images, and with --snapshot, they are the classifier's own, and a line"
                    + " says so. Files that cannot be read are named at the end, and the exit code is 1.",
            "",
            "An exported model that keeps learning answers as palimpsest classify does, with the class that is nearest"
                    + " where it is \"unknown\", and the score."
        },
        footerHeading = "%nExamples%n",
        footer = {
            "  palimpsest predict runs/fashion photos > answers.csv",
            "  palimpsest predict runs/fashion --snapshot 2 photos/shoe.png",
            "  palimpsest predict exported.safetensors photos"
        })
final class PredictCommand implements Callable<Integer> {
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
        PrintWriter out = command.commandLine().getOut();
        PrintWriter err = command.commandLine().getErr();
        List<String> refused;
        boolean calibrated = true;
        if (ExportedVersion.is(file)) {
            if (!List.of("cpu", "auto").contains(computes.device().name())) {
                throw misused("--device: " + model + " is of a model that keeps learning, which the processor reads");
            }
            try (ExportedVersion classifier = new ExportedVersion(file)) {
                Answers answers = Answers.ofPredictions(out);
                refused = Answers.ask(
                        classifier.preparation(),
                        files,
                        (read, pictures) -> answers.add(read, classifier.classify(pictures)));
            }
        } else {
            Recipe recipe = Recipe.recorded(model, ExportedModel.options(file));
            file.checked();
            try (Engine engine = Engines.open(computes.withThreads(recipe.threads()), err::println);
                    ExportedModel classifier = new ExportedModel(file, recipe.networks(), engine)) {
                Answers answers = new Answers(out);
                refused = Answers.ask(
                        classifier.preparation(),
                        files,
                        (read, pictures) ->
                                print(read, classifier.classes(), classifier.probabilities(pictures), answers));
                calibrated = classifier.calibrated();
            }
        }
        out.flush();
        Answers.report(refused, files, err);
        if (!calibrated) {
            err.println("Probabilities are not calibrated: "
                    + (snapshot.isPresent()
                            ? "that is known of the final model alone."
                            : "the run held no images out (validation = 0)."));
        }
        err.flush();
        return refused.isEmpty() ? ExitCode.OK : ExitCode.SOFTWARE;
    }

    private ParameterException misused(String sentence) {
        return new ParameterException(command.commandLine(), sentence);
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
        if (!Files.exists(model)) {
            throw new NoSuchFileException(
                    model.toString(),
                    null,
                    "there is no such run or file; give a run's folder, its checkpoint, or what"
                            + " palimpsest export wrote");
        }
        boolean run = Files.isDirectory(model);
        if (run && ContinualClassifier.isIn(model)) {
            throw misused(model + " holds a model that keeps learning: ask it with palimpsest classify");
        }
        Path path = run ? RunFiles.checkpoint(model) : model;
        Safetensors file = Safetensors.read(path);
        if (!Checkpoint.is(file)) {
            if (snapshot.isPresent()) {
                throw misused("--snapshot " + snapshot.get() + ": " + model + " holds one model");
            }
            return file;
        }
        Checkpoint checkpoint = Checkpoint.of(file);
        try (SavedModel saved = new SavedModel(
                        checkpoint, Recipe.recorded(path, checkpoint.options()).networks());
                ByteArrayOutputStream bytes = new ByteArrayOutputStream()) {
            saved.export(snapshot.map(OptionalInt::of).orElse(OptionalInt.empty()))
                    .writeTo(Channels.newChannel(bytes));
            return Safetensors.of(model.toString(), bytes.toByteArray());
        }
    }
}

package dev.palimpsest.cli;

import dev.palimpsest.checkpoint.Checkpoint;
import dev.palimpsest.checkpoint.ImagePart;
import dev.palimpsest.checkpoint.SavedModel;
import dev.palimpsest.checkpoint.Scores;
import dev.palimpsest.data.Dataset;
import dev.palimpsest.engine.DeviceOptions;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.internal.Nearest;
import dev.palimpsest.option.Option;
import dev.palimpsest.recipe.DataOptions;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.report.EarlierRun;
import dev.palimpsest.report.RunFiles;
import dev.palimpsest.train.Experiment;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "eval",
        sortOptions = false,
        description = "Scores a run's final model, or an earlier one read out of its weights, on "
                + "test images or on any data set with images of the same size. Classes are matched by name.",
        footerHeading = "%nExamples%n",
        footer = {
            "  palimpsest eval runs/m2kd-digits-20260101-120000",
            "  palimpsest eval runs/fashion --snapshot 2",
            "  palimpsest eval runs/glyphs --unknown glyphs-distractors",
            "  palimpsest eval runs/fashion --data image-folder --data-folder photos --image-size 28"
        })
final class EvalCommand implements Callable<Integer> {
    @Parameters(paramLabel = "RUN", description = "The run's folder.")
    private Path run;

    @picocli.CommandLine.Option(
            names = "--snapshot",
            paramLabel = "I",
            order = 1,
            description = "The model after the I-th experience, from 1 [the final model].")
    private Optional<Integer> snapshot = Optional.empty();

    @picocli.CommandLine.Option(names = "--data", paramLabel = "NAME", order = 2, description = "Data set [the run's].")
    private Optional<String> data = Optional.empty();

    @picocli.CommandLine.Option(
            names = "--data-folder",
            paramLabel = "DIR",
            order = 3,
            description = "Where its files lie [as in the run, or the usual places].")
    private Optional<Path> folder = Optional.empty();

    @Mixin
    private ImageFlags imageFlags;

    @picocli.CommandLine.Option(
            names = "--split",
            paramLabel = "test|validation|train",
            order = 4,
            description = "Which images [those that the run's own accuracies are of].")
    private Optional<String> split = Optional.empty();

    @picocli.CommandLine.Option(
            names = "--unknown",
            paramLabel = "NAME",
            order = 7,
            description =
                    "Also says how well the highest score tells the scored images from those of this data set whose"
                            + " classes the model has not learnt (AUROC).")
    private Optional<String> unknown = Optional.empty();

    @picocli.CommandLine.Option(
            names = "--unknown-folder",
            paramLabel = "DIR",
            order = 8,
            description = "Where its files lie [the usual places].")
    private Optional<Path> unknownFolder = Optional.empty();

    @Mixin
    private DeviceFlag device;

    @Spec
    private CommandSpec command;

    @Override
    public Integer call() throws IOException {
        Optional<ImagePart> chosen = split.map(this::part);
        requireEffect();
        DeviceOptions computes = device.options();
        Path file = RunFiles.checkpoint(run);
        Checkpoint checkpoint = Checkpoint.read(file);
        Recipe recipe = Recipe.recorded(file, checkpoint.options());
        try (SavedModel model = new SavedModel(checkpoint, recipe.networks());
                Engine engine = Engines.open(
                        computes.withThreads(recipe.threads()),
                        command.commandLine().getOut()::println)) {
            DataOptions own = recipe.data();
            ImagePart part = chosen.orElse(
                    data.isEmpty() && own.evaluate() == Experiment.Evaluate.VALIDATION
                            ? ImagePart.VALIDATION
                            : ImagePart.TEST);
            Dataset images = data.isPresent()
                    ? Dataset.load(data.get(), folder, imageFlags.options(data.get(), folder))
                    : Dataset.load(own.name(), folder.or(own::folder), own.images());
            boolean same = images.name().equals(own.name())
                    && (recipe.repetition().on()
                            || images.classes() == checkpoint.classes().size())
                    && new HashSet<>(images.classNames()).containsAll(checkpoint.classes());
            if (images.name().equals(own.name())) {
                Optional<String> others = EarlierRun.otherData(run, images.sha256());
                if (others.isPresent() && data.isEmpty()) {
                    throw new IOException(others.get() + ". Put those files back, or score these all the same with"
                            + " --data " + own.name() + ".");
                }
                others.ifPresent(what -> command.commandLine().getOut().println(what + "."));
            }
            List<String> missing = checkpoint.classes().stream()
                    .filter(name -> !images.classNames().contains(name))
                    .toList();
            OptionalInt number = snapshot.map(OptionalInt::of).orElse(OptionalInt.empty());
            Scores scores = same
                    ? model.score(recipe.stream(images), part, number, engine)
                    : model.score(images, part, number, engine);
            if (scores.all().images() == 0 && scores.leftOut().isEmpty()) {
                throw new IOException("There are no " + Option.label(part) + " images of " + images.name()
                        + (part == ImagePart.VALIDATION ? ": the run held none out with --validation." : "."));
            }
            print(model, recipe, number, Option.label(part) + " images of " + images.name(), missing, scores);
            if (unknown.isPresent()) {
                Dataset others =
                        Dataset.load(unknown.get(), unknownFolder, imageFlags.options(unknown.get(), unknownFolder));
                print(others.name(), scores, model.unknown(others, number, engine));
            }
        }
        return 0;
    }

    private void requireEffect() {
        if (imageFlags.any() && data.isEmpty() && unknown.isEmpty()) {
            throw new ParameterException(
                    command.commandLine(),
                    "--image-size, --image-crop, --skip-damaged and --test-share are for the images of --data or"
                            + " --unknown: the run's own are prepared as they were");
        }
        if (unknownFolder.isPresent() && unknown.isEmpty()) {
            throw new ParameterException(
                    command.commandLine(),
                    "--unknown-folder " + unknownFolder.get() + ": expected --unknown beside it");
        }
    }

    private ImagePart part(String text) {
        List<ImagePart> parts = List.of(ImagePart.values());
        List<String> names = parts.stream().map(Option::label).toList();
        if (!names.contains(text)) {
            throw new ParameterException(
                    command.commandLine(),
                    "--split " + text + ": expected one of " + String.join(", ", names)
                            + Nearest.suggestion(text, names));
        }
        return parts.get(names.indexOf(text));
    }

    private void print(
            SavedModel model, Recipe recipe, OptionalInt number, String images, List<String> missing, Scores scores) {
        PrintWriter lines = command.commandLine().getOut();
        int experiences = recipe.data().split().sizes().size();
        lines.println((number.isPresent()
                        ? "Snapshot " + number.getAsInt()
                        : model.experiences() == experiences
                                ? "Final model"
                                : "Model after experience " + model.experiences())
                + " of " + experiences + " experiences, on " + images);
        lines.println("experience   images  accuracy  within  classes");
        for (int j = 0; j < scores.groups().size(); j++) {
            Scores.Group group = scores.groups().get(j);
            row(lines, Integer.toString(j + 1), group, String.join(", ", group.classes()));
        }
        row(lines, "all", scores.all(), "");
        if (!scores.leftOut().isEmpty()) {
            lines.printf(
                    Locale.ROOT,
                    "%,d images are of classes that this model had not learnt, and are not counted: %s.%n",
                    scores.leftOut().values().stream()
                            .mapToInt(Integer::intValue)
                            .sum(),
                    scores.leftOut().entrySet().stream()
                            .map(left -> String.format(Locale.ROOT, "%s (%,d)", left.getKey(), left.getValue()))
                            .collect(Collectors.joining(", ")));
        }
        if (!missing.isEmpty()) {
            lines.println("Classes of the run that these data do not have, by exactly these names: "
                    + String.join(", ", missing) + ".");
        }
        lines.println("Percent right over all classes seen; within: over the classes of the image's own experience.");
        lines.flush();
    }

    private void print(String others, Scores scores, double[] unknown) {
        PrintWriter lines = command.commandLine().getOut();
        lines.printf(
                Locale.ROOT,
                "AUROC %.4f: the highest score against %,d images of %s, of classes that this model had not learnt.%n",
                scores.auroc(unknown),
                unknown.length,
                others);
        lines.flush();
    }

    private static void row(PrintWriter lines, String name, Scores.Group group, String classes) {
        lines.println(String.format(
                        Locale.ROOT,
                        "%-10s %8s %9s %7s  %s",
                        name,
                        String.format(Locale.ROOT, "%,d", group.images()),
                        percent(group.accuracy()),
                        percent(group.withinExperience()),
                        classes)
                .stripTrailing());
    }

    private static String percent(double share) {
        return Double.isNaN(share) ? "-" : String.format(Locale.ROOT, "%.2f", 100 * share);
    }
}

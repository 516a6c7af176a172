package dev.palimpsest.cli;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.ImageOptions;
import dev.palimpsest.recipe.ScenarioFile;
import dev.palimpsest.report.StreamPlot;
import dev.palimpsest.stream.RepetitionPlan;
import dev.palimpsest.stream.RepetitionPlan.Pool;
import dev.palimpsest.stream.RepetitionStream;
import dev.palimpsest.stream.RepetitionStream.Scenario;
import dev.palimpsest.stream.Stream.ClassOrder;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

@Command(
        name = "stream",
        sortOptions = false,
        description =
                "Shows a stream whose classes repeat, as a table and a picture: one drawn by a seed, or one of the"
                        + " CLVision 2024 challenge's files. The numbers in brackets are the challenge's; data sets of"
                        + " fewer images need smaller ones.",
        footerHeading = "%nExamples%n",
        footer = {
            "  palimpsest data stream --experiences 10 --labelled 40 --unlabelled 80",
            "  palimpsest data stream --scenario scenario_3.pkl"
        })
final class StreamCommand implements Callable<Integer> {
    @Option(
            names = "--data",
            paramLabel = "NAME",
            description = "As palimpsest data list gives it [digits; none with --scenario].")
    private String data;

    @Option(names = "--data-folder", paramLabel = "DIR", description = "Where its files lie [the usual places].")
    private Optional<Path> folder = Optional.empty();

    @Mixin
    private ImageFlags images;

    @Option(
            names = "--scenario",
            paramLabel = "FILE",
            description = "A scenario_N.pkl of the challenge, shown as it is; with --data, checked against the images.")
    private Path scenario;

    @Option(
            names = "--pool",
            paramLabel = "POOL",
            description = "Of which classes the unlabelled images are: current; all: past and "
                    + "future ones too; distractors: those and classes that are never labelled [current].")
    private String pool = "current";

    @Option(names = "--experiences", paramLabel = "N", description = "[50]")
    private int experiences = 50;

    @Option(names = "--labelled", paramLabel = "N", description = "Labelled images per experience [500].")
    private int labelled = 500;

    @Option(names = "--unlabelled", paramLabel = "N", description = "Unlabelled images per experience [1000].")
    private int unlabelled = 1000;

    @Option(
            names = "--first-window",
            paramLabel = "N",
            description = "Experiences in which the first classes arrive [3].")
    private int firstWindow = 3;

    @Option(
            names = "--window",
            paramLabel = "N",
            description = "Experiences in which every other group of classes arrives [5].")
    private int window = 5;

    @Option(names = "--new-classes", paramLabel = "N", description = "Classes of such a group [10].")
    private int newClasses = 10;

    @Option(
            names = "--arriving",
            paramLabel = "P",
            description = "How probably a class is in an experience of the window in which it arrives [0.54].")
    private double arriving = 0.54;

    @Option(names = "--returning", paramLabel = "P", description = "How probably it is in one after that [0.113].")
    private double returning = 0.113;

    @Option(names = "--fewest-classes", paramLabel = "N", description = "Of an experience [3].")
    private int fewest = 3;

    @Option(names = "--most-classes", paramLabel = "N", description = "Of an experience [19].")
    private int most = 19;

    @Option(
            names = "--visitors",
            paramLabel = "N",
            description = "Classes drawn for a pool besides the experience's own [10].")
    private int visitors = 10;

    @Option(names = "--class-order", paramLabel = "ORDER", description = "seed:N or labels joined by commas [seed:1].")
    private String classOrder = "seed:1";

    @Option(names = "--seed", paramLabel = "N", description = "[1]")
    private long seed = 1;

    @Option(names = "--svg", paramLabel = "FILE", description = "Where to write the picture as SVG, too.")
    private Path svg;

    @Spec
    private CommandSpec command;

    @Override
    public Integer call() throws IOException {
        StreamPicture picture = picture();
        PrintWriter lines = command.commandLine().getOut();
        picture.print(lines);
        if (svg != null) {
            StreamPlot.write(svg, picture.cells());
            lines.println("Picture: " + svg);
        }
        lines.flush();
        return 0;
    }

    private StreamPicture picture() {
        Scenario file = scenario == null ? null : ScenarioFile.read(scenario);
        if (file != null && data == null) {
            return StreamPicture.of(file);
        }
        try {
            String name = data == null ? "digits" : data;
            ImageOptions options = images.options(name, folder);
            if (file != null && options.skipDamaged()) {
                throw new IllegalArgumentException(
                        "--skip-damaged: a scenario file counts the images of train.txt, and leaving some out "
                                + "would shift the rest; replace damaged files");
            }
            Dataset dataset = Dataset.load(name, folder, options);
            return StreamPicture.of(
                    file != null
                            ? RepetitionStream.of(dataset, file)
                            : RepetitionStream.generate(dataset, plan(), ClassOrder.parse(classOrder), seed));
        } catch (IllegalArgumentException e) {
            throw new ParameterException(command.commandLine(), e.getMessage(), e);
        }
    }

    private RepetitionPlan plan() {
        return new RepetitionPlan(
                experiences,
                labelled,
                unlabelled,
                firstWindow,
                window,
                newClasses,
                arriving,
                returning,
                fewest,
                most,
                Pool.parse(pool),
                visitors);
    }
}

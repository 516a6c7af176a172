package dev.palimpsest.cli;

import dev.palimpsest.data.DataException;
import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.GlyphRendering;
import dev.palimpsest.data.Source;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "data",
        subcommands = {
            DataCommand.Names.class,
            DataCommand.Info.class,
            DataCommand.Get.class,
            DataCommand.Glyphs.class,
            StreamCommand.class
        },
        description =
                "Lists which data sets are here, where they are looked for and how to get the others. Alone: the same"
                        + " as data list.")
final class DataCommand implements Callable<Integer> {
    @Spec
    private CommandSpec command;

    @Override
    public Integer call() {
        return list(command);
    }

    private static int list(CommandSpec command) {
        PrintWriter lines = command.commandLine().getOut();
        int width = Dataset.names().stream().mapToInt(String::length).max().orElse(0);
        for (Source source : Source.all()) {
            Optional<Path> folder =
                    source.folders().stream().filter(Files::isDirectory).findFirst();
            boolean here = folder.isPresent() || source.folders().isEmpty();
            lines.println((here ? "+ " : "- ") + source.name()
                    + " ".repeat(width - source.name().length()) + "  " + source.summary());
            folder.ifPresent(path -> lines.println(" ".repeat(width + 4) + "in " + path));
        }
        lines.println(
                "palimpsest data info NAME shows more, and checks the files; palimpsest data get NAME shows how to get"
                        + " them.");
        lines.flush();
        return 0;
    }

    private static Source source(String name, CommandSpec command) {
        try {
            return Source.named(name);
        } catch (IllegalArgumentException e) {
            throw new ParameterException(command.commandLine(), e.getMessage(), e);
        }
    }

    @Command(name = "list", description = "Every data set, a + before those that are here.")
    static final class Names implements Callable<Integer> {
        @Spec
        private CommandSpec command;

        @Override
        public Integer call() {
            return list(command);
        }
    }

    @Command(
            name = "info",
            description = "Reads a data set and lists what is in it: classes, sizes, licence and checksums.")
    static final class Info implements Callable<Integer> {
        @Parameters(paramLabel = "NAME", description = "As palimpsest data list gives it.")
        private String name;

        @Option(names = "--data-folder", paramLabel = "DIR", description = "Where its files lie [the usual places].")
        private Optional<Path> folder = Optional.empty();

        @Mixin
        private ImageFlags images;

        @Spec
        private CommandSpec command;

        @Override
        public Integer call() {
            Source source = source(name, command);
            PrintWriter lines = command.commandLine().getOut();
            lines.println(source.name() + ": " + source.summary());
            lines.println("Licence: " + source.licence());
            if (!source.folders().isEmpty()) {
                lines.println("Looked for in: "
                        + String.join(
                                ", ",
                                source.folders().stream().map(Path::toString).toList()));
            }
            lines.flush();
            Dataset data;
            try {
                data = Dataset.load(name, folder, images.options(name, folder));
            } catch (DataException e) {
                lines.println("How to get it: " + source.howToGet());
                lines.flush();
                throw e;
            }
            lines.printf(
                    "Images: %,d for training, %,d for test, %d×%d×%d%n",
                    data.train().size(), data.test().size(), data.channels(), data.height(), data.width());
            lines.println(data.classes() + " classes: " + String.join(", ", data.classNames()));
            data.sha256().forEach((file, hash) -> lines.println("SHA-256 " + hash + "  " + file));
            lines.flush();
            return 0;
        }
    }

    @Command(
            name = "get",
            description =
                    "Prepares a data set that can be made here (glyphs), and explains how to get any other: nothing is "
                            + "downloaded. Exit code 1 if it is not here afterwards.")
    static final class Get implements Callable<Integer> {
        @Parameters(paramLabel = "NAME", description = "As palimpsest data list gives it.")
        private String name;

        @Spec
        private CommandSpec command;

        @Override
        public Integer call() {
            Source source = source(name, command);
            PrintWriter lines = command.commandLine().getOut();
            try {
                Dataset.load(name, Optional.empty());
                lines.println(name + " is here: palimpsest data info " + name + " shows where");
                return 0;
            } catch (DataException | IllegalArgumentException e) {
                if (name.startsWith("glyphs")) {
                    return render(
                            new GlyphRendering(GlyphRendering.usualFonts(), 28, false, 1, 0.2),
                            source.folders().getFirst(),
                            lines);
                }
                lines.println(e.getMessage());
                lines.println(source.howToGet());
                return 1;
            } finally {
                lines.flush();
            }
        }
    }

    @Command(
            name = "glyphs",
            sortOptions = false,
            description = "Renders a data set of 100 characters, one image per typeface: rendered type, nothing else."
                    + " Training and test have different font families; 32 Greek and Cyrillic letters come in"
                    + " files of their own.")
    static final class Glyphs implements Callable<Integer> {
        @Option(
                names = "--out",
                paramLabel = "DIR",
                description = "Where to [the user's cache, where train looks for it].")
        private Path out;

        @Option(
                names = "--fonts",
                paramLabel = "DIR",
                split = ",",
                description = "Folders of fonts, with all below [the system's and the user's].")
        private List<Path> fonts = GlyphRendering.usualFonts();

        @Option(names = "--size", paramLabel = "28|32", description = "Height and width in pixels [28].")
        private int size = 28;

        @Option(names = "--rgb", description = "Three equal channels instead of one.")
        private boolean rgb;

        @Option(names = "--seed", paramLabel = "N", description = "Of the split into training and test families [1].")
        private long seed = 1;

        @Option(
                names = "--test-share",
                paramLabel = "X",
                description = "About the share of families that is for test [0.2].")
        private double testShare = 0.2;

        @Spec
        private CommandSpec command;

        @Override
        public Integer call() {
            GlyphRendering rendering;
            try {
                rendering = new GlyphRendering(fonts, size, rgb, seed, testShare);
            } catch (IllegalArgumentException e) {
                throw new ParameterException(command.commandLine(), e.getMessage(), e);
            }
            return render(
                    rendering,
                    out == null ? Source.named("glyphs").folders().getFirst() : out,
                    command.commandLine().getOut());
        }
    }

    private static int render(GlyphRendering rendering, Path folder, PrintWriter lines) {
        GlyphRendering.Summary summary = rendering.write(folder);
        lines.printf(
                "%,d faces of %d families, %d of them for test, from %,d font files (%d unreadable)%n",
                summary.faces(), summary.families(), summary.testFamilies(), summary.files(), summary.unreadable());
        lines.printf(
                "%,d training and %,d test images; %d to %d per class; %,d of distractors%n",
                summary.train(), summary.test(), summary.least(), summary.most(), summary.distractors());
        lines.printf(
                "left out: %,d near-duplicates, %,d that look like another character of their face%n",
                summary.duplicates(), summary.alike());
        lines.println("Glyphs: " + folder);
        lines.flush();
        return 0;
    }
}

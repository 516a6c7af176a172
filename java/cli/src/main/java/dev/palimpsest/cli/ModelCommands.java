package dev.palimpsest.cli;

import dev.palimpsest.ContinualClassifier;
import dev.palimpsest.Lesson;
import dev.palimpsest.Version;
import dev.palimpsest.data.Preparation;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.function.Supplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** The commands of a model that keeps learning, {@link ContinualClassifier}. */
final class ModelCommands {
    private ModelCommands() {}

    /** What makes them, by name, in the order in which help lists them. */
    static SequencedMap<String, Supplier<Object>> all(Display display) {
        SequencedMap<String, Supplier<Object>> commands = new LinkedHashMap<>();
        commands.put("learn", () -> new LearnCommand(display));
        commands.put("classify", Classify::new);
        commands.put("versions", VersionsCommand::new);
        commands.put("rollback", RollBack::new);
        commands.put("forget", Forget::new);
        return commands;
    }

    @Command(
            name = "classify",
            description =
                    "Prints what a model says of images, as CSV: path, class, probability, nearest, score. The class is"
                            + " \"unknown\" where none fits; nearest is the class that fits best, and the probability"
                            + " is its own. The score is the distance to it, as a share of what is not unknown: above"
                            + " 1 the image is. Files that cannot be read are named at the end, and the exit code is"
                            + " 1.")
    private static final class Classify extends ModelCommand {
        @Parameters(
                paramLabel = "IMAGE",
                index = "1..*",
                arity = "1..*",
                description = "Image files, or folders that are searched for them.")
        private List<Path> images = List.of();

        @Option(names = "--version-number", paramLabel = "N", description = "An earlier version [the current one].")
        private Optional<Integer> version = Optional.empty();

        @Override
        public Integer call() throws IOException {
            try (ContinualClassifier classifier = open()) {
                Version chosen = version.map(classifier::version).orElseGet(classifier::current);
                Preparation preparation = chosen.preparation();
                List<Path> files = Answers.files(images);
                Answers answers = Answers.ofPredictions(out());
                List<String> refused = Answers.ask(
                        preparation, files, (read, pictures) -> answers.add(read, chosen.classify(pictures)));
                out().flush();
                Answers.report(refused, files, err());
                return refused.isEmpty() ? ExitCode.OK : ExitCode.SOFTWARE;
            }
        }
    }

    @Command(name = "rollback", description = "Makes an earlier version the current one. No version is lost.")
    private static final class RollBack extends ModelCommand {
        @Parameters(paramLabel = "VERSION", index = "1", description = "Its number, from 1.")
        private int version;

        @Override
        public Integer call() throws IOException {
            try (ContinualClassifier classifier = open()) {
                classifier.rollBack(version);
            }
            PrintWriter out = out();
            out.println("Version " + version + " classifies now.");
            out.flush();
            return 0;
        }
    }

    @Command(name = "forget", description = "Deletes the statistics of a class from all versions of a model.")
    private static final class Forget extends ModelCommand {
        @Parameters(paramLabel = "CLASS", index = "1", description = "Its name.")
        private String className;

        @Override
        public Integer call() throws IOException {
            try (ContinualClassifier classifier = open()) {
                Lesson lesson = classifier.forget(className);
                LessonText.print(out(), lesson);
                if (lesson.warnings().isEmpty()) {
                    out().println("Nothing of " + className + " remains: no snapshot was trained on its samples.");
                    out().flush();
                }
            }
            return 0;
        }
    }
}

package dev.palimpsest.cli;

import dev.palimpsest.ContinualClassifier;
import dev.palimpsest.Lesson;
import dev.palimpsest.Version;
import java.io.IOException;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Option;

/** Lists versions, or the classes of one. */
@Command(
        name = "versions",
        description = "Lists the versions of a model: what was learnt when, and how well; or the classes of one.")
final class VersionsCommand extends ModelCommand {
    @Option(
            names = "--version-number",
            paramLabel = "N",
            description = "Lists the classes of this version, and how well it knows each.")
    private Optional<Integer> version = Optional.empty();

    @Override
    public Integer call() throws IOException {
        PrintWriter out = out();
        try (ContinualClassifier classifier = open()) {
            if (version.isPresent()) {
                classes(out, classifier.version(version.get()));
                out.flush();
                return ExitCode.OK;
            }
            List<Version> versions = classifier.versions();
            if (versions.isEmpty()) {
                out.println("The model has learnt nothing yet.");
            } else {
                int current = classifier.current().number();
                out.println("  version  after  lesson      classes  accuracy  seconds  what");
                versions.forEach(version -> out.println(row(version, version.number() == current)));
                out.println("* classifies now. Accuracy: per cent right on held-out samples, mean over classes.");
                LessonText.printCalibration(out, classifier.current());
                printSize(out, classifier);
            }
        }
        out.flush();
        return 0;
    }

    private static void classes(PrintWriter out, Version version) {
        out.println("  samples  kept  accuracy  class");
        for (String name : version.classNames()) {
            Double share = version.accuracyByClass().get(name);
            out.printf(
                    Locale.ROOT,
                    "  %7d %5d %9s  %s%n",
                    version.samples(name),
                    version.exemplars(name),
                    LessonText.percent(share == null ? OptionalDouble.empty() : OptionalDouble.of(share)),
                    name);
        }
        out.println("Accuracy: per cent right on held-out samples. Kept: images in the folder.");
        LessonText.printCalibration(out, version);
    }

    private static void printSize(PrintWriter out, ContinualClassifier classifier) throws IOException {
        Version now = classifier.current();
        int images = now.classNames().stream().mapToInt(now::exemplars).sum();
        double budget = classifier.setup().exemplarMegabytes();
        out.printf(
                Locale.ROOT,
                "The model takes %.2f MB, %s.%n",
                1e-6 * classifier.bytes(),
                budget == 0
                        ? "no image among them"
                        : "among them " + images + " images of these classes (at most " + budget
                                + " MB are images of all versions)");
    }

    private static String row(Version version, boolean current) {
        Lesson lesson = version.lesson();
        List<String> what = new ArrayList<>();
        add(what, "new: ", lesson.newClasses());
        add(what, "more of: ", lesson.repeatedClasses());
        add(what, "forgotten: ", lesson.forgottenClasses());
        return String.format(
                Locale.ROOT,
                "%s %7d %6s  %-10s %8d %9s %8.1f  %s",
                current ? "*" : " ",
                version.number(),
                lesson.before() == 0 ? "-" : Integer.toString(lesson.before()),
                lesson.kind().name().toLowerCase(Locale.ROOT),
                version.classNames().size(),
                LessonText.percent(version.accuracy()),
                lesson.seconds(),
                String.join("; ", what));
    }

    private static void add(List<String> what, String label, List<String> names) {
        if (!names.isEmpty()) {
            what.add(label + String.join(", ", names));
        }
    }
}

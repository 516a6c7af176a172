package dev.palimpsest.cli;

import dev.palimpsest.ContinualClassifier;
import dev.palimpsest.Lesson;
import dev.palimpsest.Samples;
import dev.palimpsest.Setup;
import dev.palimpsest.Version;
import dev.palimpsest.checkpoint.FolderLock;
import dev.palimpsest.data.Preparation;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.train.Progress;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SequencedMap;
import java.util.concurrent.Callable;
import java.util.concurrent.CancellationException;
import java.util.function.Supplier;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** The commands of a model that keeps learning, {@link ContinualClassifier}. */
final class ModelCommands {
    private ModelCommands() {}

    /** What all of them have: the model, and where to print. */
    private abstract static class OfModel implements Callable<Integer> {
        @Parameters(paramLabel = "MODEL", index = "0", description = "The model's folder.")
        private Path model;

        @Spec
        private CommandSpec command;

        final Path model() {
            return model;
        }

        final ContinualClassifier open() throws IOException {
            return ContinualClassifier.open(model);
        }

        final PrintWriter out() {
            return command.commandLine().getOut();
        }

        final PrintWriter err() {
            return command.commandLine().getErr();
        }

        final ParameterException misused(String sentence) {
            return new ParameterException(command.commandLine(), sentence);
        }
    }

    /** What makes them, by name, in the order in which help lists them. */
    static SequencedMap<String, Supplier<Object>> all(Display display) {
        SequencedMap<String, Supplier<Object>> commands = new LinkedHashMap<>();
        commands.put("learn", () -> new Learn(display));
        commands.put("classify", Classify::new);
        commands.put("versions", Versions::new);
        commands.put("rollback", RollBack::new);
        commands.put("forget", Forget::new);
        return commands;
    }

    @Command(
            name = "learn",
            sortOptions = false,
            description = "Teaches a model the classes of a folder of images, CLASS/….png or .jpg. No image is kept"
                    + " unless --exemplars-mb asks for it. A new MODEL is created; one that is there learns further"
                    + " classes, or more of known ones.",
            footerHeading = "%nExamples%n",
            footer = {
                "  palimpsest learn pets.model photos/first --size 64",
                "  palimpsest learn pets.model photos/later",
                "  palimpsest classify pets.model unknown.jpg"
            })
    private static final class Learn extends OfModel {
        private static final int SIDE = 64;
        /** What ImageNet's networks are trained on. */
        private static final int PRETRAINED_SIDE = 224;
        /** ResNet-34 has a third block in its first stage, ResNet-18 two. */
        private static final String ONLY_IN_RESNET_34 = "layer1.2.conv1.weight";

        /** The file by which a model is locked. */
        private static final String LOCK = "lock";

        private final Display display;
        /** Whether this process created the model. */
        private boolean created;

        @Parameters(paramLabel = "FOLDER", index = "1", description = "A folder with a folder of images per class.")
        private Path images;

        @Option(
                names = "--size",
                paramLabel = "PIXELS",
                description = "Height and width that images are brought to, of a new model [64, with --pretrained 224];"
                        + " the network suits it.")
        private Optional<Integer> size = Optional.empty();

        @Option(
                names = "--pretrained",
                paramLabel = "FILE",
                description = "Weights of a ResNet-18 or -34 with torchvision's or timm's names, safetensors, for a new"
                        + " model that trains nothing. Images are then normalised by ImageNet's mean and standard"
                        + " deviation.")
        private Optional<Path> pretrained = Optional.empty();

        @Option(
                names = "--exemplars-mb",
                paramLabel = "MB",
                description = "Most megabytes of images that a new model keeps in its folder; lessons that train later"
                        + " train on them too [0: no image is kept].")
        private Optional<Double> exemplars = Optional.empty();

        @Option(
                names = "--kind",
                paramLabel = "trained|registered",
                description = "Whether the network is trained or just measures the classes [what suits].")
        private Optional<String> kind = Optional.empty();

        @Option(
                names = "--try-training",
                description = "Also finds out whether training would have helped where the lesson registers: trains a"
                        + " network, asks it about the held-out images, and lets it go.")
        private boolean tried;

        @Option(
                names = "--warn-loss",
                paramLabel = "POINTS",
                description = "Warns of classes known before that lose more of their held-out images than this, in per"
                        + " cent of them [5].")
        private double warnLoss = 5;

        Learn(Display display) {
            this.display = display;
        }

        @Override
        public Integer call() throws IOException {
            Optional<Lesson.Kind> chosen = kind.map(this::kind);
            if (!(warnLoss >= 0 && warnLoss <= 100)) {
                throw misused("--warn-loss " + warnLoss + ": expected 0 to 100");
            }
            boolean fresh = isFree(model());
            if (!fresh && (size.isPresent() || pretrained.isPresent() || exemplars.isPresent())) {
                throw misused(
                        model() + " is there already: --size, --pretrained and --exemplars-mb are for a new model");
            }
            try (Interruption interruption = new Interruption()) {
                try {
                    learn(fresh, chosen, interruption);
                } catch (CancellationException e) {
                    err().println("Cancelled: " + e.getMessage() + ".");
                    err().flush();
                    return ExitCode.SOFTWARE;
                } finally {
                    if (created) {
                        removeUntaught();
                    }
                }
            }
            return ExitCode.OK;
        }

        private void learn(boolean fresh, Optional<Lesson.Kind> chosen, Interruption interruption) throws IOException {
            Optional<Setup> setup = fresh ? Optional.of(setup()) : Optional.empty();
            // Images that cannot be read leave no new model behind.
            Optional<Samples> first = setup.map(made -> Samples.ofFolder(images, made));
            try (ContinualClassifier learner = setup.isPresent() ? create(setup.get()) : open();
                    Display.Watch watch = display.watch(model().toString(), true)) {
                Samples samples = first.orElseGet(() -> Samples.ofFolder(images, learner.setup()));
                interruption.cancels(learner::cancelLesson);
                Lesson lesson =
                        learner.learn(samples, new Lesson.Options(chosen, warnLoss / 100, tried, Progress.all(watch)));
                print(out(), lesson);
                printCalibration(out(), learner.current());
            }
        }

        private ContinualClassifier create(Setup setup) throws IOException {
            ContinualClassifier model = ContinualClassifier.create(model(), setup);
            created = true;
            return model;
        }

        private static boolean isFree(Path folder) throws IOException {
            if (!Files.isDirectory(folder)) {
                return !Files.exists(folder);
            }
            try (Stream<Path> files = Files.list(folder)) {
                return files.allMatch(file -> file.endsWith(LOCK));
            }
        }

        /** A new model whose first lesson came to nothing would be in the way of the next try. */
        private void removeUntaught() throws IOException {
            if (!ContinualClassifier.isIn(model())) {
                return;
            }
            Optional<FolderLock> lock = FolderLock.take(model().resolve(LOCK));
            if (lock.isEmpty()) {
                return; // another process teaches it already
            }
            try (FolderLock _ = lock.get()) {
                try (ContinualClassifier learner = open()) {
                    if (!learner.versions().isEmpty()) {
                        return;
                    }
                }
                try (Stream<Path> files = Files.list(model())) {
                    for (Path file : files.toList()) {
                        Files.delete(file);
                    }
                }
                Files.delete(model());
            }
        }

        private Setup setup() throws IOException {
            if (pretrained.isPresent() && exemplars.orElse(0.0) > 0) {
                throw misused("--exemplars-mb is for models that train, and with --pretrained no lesson does");
            }
            int side = size.orElse(pretrained.isPresent() ? PRETRAINED_SIDE : SIDE);
            Setup setup = Setup.images(3, side, side);
            if (pretrained.isEmpty()) {
                return setup.withExemplars(exemplars.orElse(0.0));
            }
            Setup.Network network = Safetensors.read(pretrained.get()).contains(ONLY_IN_RESNET_34)
                    ? Setup.Network.RESNET_34
                    : Setup.Network.RESNET_18;
            return setup.withNetwork(network).withPretrained(pretrained.get());
        }

        private Lesson.Kind kind(String text) {
            return switch (text) {
                case "trained" -> Lesson.Kind.TRAINED;
                case "registered" -> Lesson.Kind.REGISTERED;
                default -> throw misused("--kind " + text + ": expected trained or registered");
            };
        }
    }

    @Command(
            name = "classify",
            description =
                    "Prints what a model says of images, as CSV: path, class, probability, nearest, score. The class is"
                            + " \"unknown\" where none fits; nearest is the class that fits best, and the probability"
                            + " is its own. The score is the distance to it, as a share of what is not unknown: above"
                            + " 1 the image is. Files that cannot be read are named at the end, and the exit code is"
                            + " 1.")
    private static final class Classify extends OfModel {
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

    @Command(
            name = "versions",
            description = "Lists the versions of a model: what was learnt when, and how well; or the classes of one.")
    private static final class Versions extends OfModel {
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
                    printCalibration(out, classifier.current());
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
                        percent(share == null ? OptionalDouble.empty() : OptionalDouble.of(share)),
                        name);
            }
            out.println("Accuracy: per cent right on held-out samples. Kept: images in the folder.");
            printCalibration(out, version);
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
                    percent(version.accuracy()),
                    lesson.seconds(),
                    String.join("; ", what));
        }

        private static void add(List<String> what, String label, List<String> names) {
            if (!names.isEmpty()) {
                what.add(label + String.join(", ", names));
            }
        }
    }

    @Command(name = "rollback", description = "Makes an earlier version the current one. No version is lost.")
    private static final class RollBack extends OfModel {
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
    private static final class Forget extends OfModel {
        @Parameters(paramLabel = "CLASS", index = "1", description = "Its name.")
        private String className;

        @Override
        public Integer call() throws IOException {
            try (ContinualClassifier classifier = open()) {
                Lesson lesson = classifier.forget(className);
                print(out(), lesson);
                if (lesson.warnings().isEmpty()) {
                    out().println("Nothing of " + className + " remains: no snapshot was trained on its samples.");
                    out().flush();
                }
            }
            return 0;
        }
    }

    private static void print(PrintWriter out, Lesson lesson) {
        out.printf(
                Locale.ROOT,
                "Version %d, %s (%s), %.1f s: %d samples learnt from, %d held out.%n",
                lesson.version(),
                lesson.kind().name().toLowerCase(Locale.ROOT),
                lesson.reason(),
                lesson.seconds(),
                lesson.samples(),
                lesson.heldOut());
        if (lesson.newClassesAfter().isPresent()) {
            out.println("Right on held-out samples of new classes: " + percent(lesson.newClassesAfter()) + " %.");
        }
        if (lesson.oldClassesAfter().isPresent()) {
            out.println("Right on held-out samples of classes known before: " + percent(lesson.oldClassesBefore())
                    + " % before, " + percent(lesson.oldClassesAfter()) + " % after.");
        }
        lesson.trial().ifPresent(trial -> {
            List<String> shares = new ArrayList<>();
            trial.newClassesAfter()
                    .ifPresent(share -> shares.add(percent(trial.newClassesAfter()) + " % of new classes"));
            trial.oldClassesAfter()
                    .ifPresent(share -> shares.add(percent(trial.oldClassesAfter()) + " % of classes known before"));
            out.printf(
                    Locale.ROOT,
                    "Had it trained, right on held-out samples: %s (found out in %.1f s).%n",
                    String.join(", ", shares),
                    trial.seconds());
        });
        lesson.warnings().forEach(warning -> out.println("Warning: " + warning + "."));
        out.flush();
    }

    private static void printCalibration(PrintWriter out, Version version) {
        version.calibrationError()
                .ifPresentOrElse(
                        error -> out.printf(
                                Locale.ROOT,
                                "Expected calibration error on held-out samples: %.1f points.%n",
                                100 * error),
                        () -> out.println("Probabilities are not calibrated, as no sample is held out."));
        out.flush();
    }

    private static String percent(OptionalDouble share) {
        return share.isPresent() ? String.format(Locale.ROOT, "%.1f", 100 * share.getAsDouble()) : "-";
    }
}

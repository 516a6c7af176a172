package dev.palimpsest.cli;

import dev.palimpsest.ContinualClassifier;
import dev.palimpsest.Lesson;
import dev.palimpsest.Samples;
import dev.palimpsest.Setup;
import dev.palimpsest.checkpoint.FolderLock;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.train.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CancellationException;
import java.util.stream.Stream;
import picocli.CommandLine.Command;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/** Makes a model, or teaches one that is there. */
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
final class LearnCommand extends ModelCommand {
    private static final int SIDE = 64;
    /** What ImageNet's networks are trained on. */
    private static final int PRETRAINED_SIDE = 224;
    /** ResNet-34 has a third block in its first stage, ResNet-18 two. */
    private static final String ONLY_IN_RESNET_34 = "layer1.2.conv1.weight";

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

    /** Of training a snapshot; the accuracy of its head is not that of the classes, which the lesson says. */
    private record Steps(Progress shown) implements Progress {
        @Override
        public void computes(String engine, List<String> remarks) {
            shown.computes(engine, remarks);
        }

        @Override
        public void begins(Progress.Setup setup) {
            shown.begins(setup);
        }

        @Override
        public void phaseBegins(Phase phase) {
            shown.phaseBegins(phase);
        }

        @Override
        public void step(Step step) {
            shown.step(step);
        }
    }

    LearnCommand(Display display) {
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
            throw misused(model() + " is there already: --size, --pretrained and --exemplars-mb are for a new model");
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
        try (ContinualClassifier learner = setup.isPresent() ? create(setup.get()) : open()) {
            Samples samples = first.orElseGet(() -> Samples.ofFolder(images, learner.setup()));
            interruption.cancels(learner::cancelLesson);
            Lesson lesson;
            try (Display.Watch watch = display.watch(model().toString(), true)) {
                lesson = learner.learn(samples, new Lesson.Options(chosen, warnLoss / 100, tried, new Steps(watch)));
            }
            LessonText.print(out(), lesson);
            LessonText.printCalibration(out(), learner.current());
        }
    }

    private ContinualClassifier create(Setup setup) throws IOException {
        ContinualClassifier model = ContinualClassifier.create(model(), setup);
        created = true;
        return model;
    }

    private static boolean isFree(Path folder) throws IOException {
        return Files.isDirectory(folder) ? FolderLock.besideModel(folder).isEmpty() : !Files.exists(folder);
    }

    /** A new model whose first lesson came to nothing would be in the way of the next try. */
    private void removeUntaught() throws IOException {
        if (!ContinualClassifier.isIn(model())) {
            return;
        }
        Optional<FolderLock> lock = FolderLock.take(model().resolve(FolderLock.MODEL));
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

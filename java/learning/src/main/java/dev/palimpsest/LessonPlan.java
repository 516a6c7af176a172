package dev.palimpsest;

import dev.palimpsest.Manifest.KnownClass;
import dev.palimpsest.checkpoint.AtomicFile;
import dev.palimpsest.data.Images;
import dev.palimpsest.data.Normalisation;
import dev.palimpsest.train.Progress;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * One lesson of samples on its way: how it is learnt and why, what it trains and measures, and what it comes to. For
 * one thread and one lesson.
 */
final class LessonPlan {
    private static final int FEWEST_IMAGES_TO_TRAIN = 20;
    /** The snapshot of a trial; what a kill leaves of it the next lesson removes. */
    private static final String TRIAL = "trial" + AtomicFile.UNFINISHED;

    private final long began = System.nanoTime();
    private final Path folder;
    private final SnapshotReader snapshots;
    private final int threads;
    private final Manifest before;
    private final Setup setup;
    private final Knowledge known;
    private final Samples samples;
    private final LessonSplit split;
    private final Map<String, KnownClass> knownClasses;
    private final ExemplarFiles exemplars;
    private final List<String> rehearsed = new ArrayList<>();
    private final List<String> files = new ArrayList<>();
    private final Lesson.Options options;
    private final Lesson.Kind kind;
    private final String reason;

    /**
     * @param before that the lesson goes on from
     * @param known of its current version
     * @throws IllegalArgumentException with a sentence, if the samples cannot be learnt in the way asked for
     */
    LessonPlan(
            Path folder,
            SnapshotReader snapshots,
            int threads,
            Manifest before,
            Knowledge known,
            Samples samples,
            Lesson.Options options) {
        this.folder = folder;
        this.snapshots = snapshots;
        this.threads = threads;
        this.before = before;
        this.known = known;
        this.samples = samples;
        this.options = options;
        setup = before.setup();
        exemplars = new ExemplarFiles(folder, setup);
        knownClasses = before.classes(before.current()).stream().collect(Collectors.toMap(KnownClass::name, c -> c));
        if (before.current() > 0) {
            files.addAll(before.entry(before.current()).snapshots());
        } else if (setup.pretrained().isPresent()) {
            files.add(Manifest.snapshotFile(0));
        }
        split = LessonSplit.of(samples, setup.heldOut());
        kind = options.kind().orElseGet(this::suitable);
        switch (kind) {
            case TRAINED ->
                obstacleToTraining().ifPresent(obstacle -> {
                    throw new IllegalArgumentException("this lesson cannot train: " + obstacle);
                });
            case REGISTERED -> {
                if (!canRegister()) {
                    throw new IllegalArgumentException("the first lesson must train, for no snapshot can register"
                            + " classes yet, and it cannot: "
                            + obstacleToTraining().orElse("it was asked to register"));
                }
            }
            case FORGOTTEN ->
                throw new IllegalArgumentException("a lesson trains or registers; to forget a class call forget(…)");
        }
        reason = options.kind().isPresent()
                ? "asked for"
                : kind == Lesson.Kind.TRAINED
                        ? "the model has " + files.size() + " of " + setup.snapshots() + " snapshots"
                        : obstacleToTraining().orElse("a class has fewer than " + FEWEST_IMAGES_TO_TRAIN + " images");
    }

    /** Few images are better measured by snapshots that there are than trained on. */
    private Lesson.Kind suitable() {
        boolean few = split.fewestLearnt() < FEWEST_IMAGES_TO_TRAIN;
        boolean train = obstacleToTraining().isEmpty() && !(few && canRegister());
        return train ? Lesson.Kind.TRAINED : Lesson.Kind.REGISTERED;
    }

    private boolean canRegister() {
        return !files.isEmpty() || setup.network() == Setup.Network.NONE;
    }

    /** Why the lesson cannot add a snapshot. */
    private Optional<String> obstacleToTraining() {
        if (setup.pretrained().isPresent()) {
            return Optional.of("the weights came trained; images are normalised by ImageNet's mean and standard"
                    + " deviation, as they expect");
        }
        if (setup.network() != Setup.Network.NONE && files.size() >= setup.snapshots()) {
            return Optional.of(
                    "the model has its " + (files.size() == 1 ? "one snapshot" : files.size() + " snapshots"));
        }
        return obstacleToNetwork();
    }

    /** Why no network can be trained on these samples. */
    private Optional<String> obstacleToNetwork() {
        if (setup.network() == Setup.Network.NONE) {
            return Optional.of("features are computed elsewhere");
        }
        Set<String> classes = new HashSet<>(split.names());
        before.exemplars(before.current()).forEach(kept -> classes.add(kept.className()));
        return classes.size() < 2
                ? Optional.of("a network learns by telling classes apart, and the lesson has one class")
                : Optional.empty();
    }

    /**
     * Trains if need be, measures, and writes the files of the new version.
     *
     * @param cancellation looked at after every step and every class
     * @return what is to be published
     * @throws java.util.concurrent.CancellationException if it was cancelled
     */
    Taught learn(Cancellation cancellation) throws IOException {
        Optional<Normalisation> pixels =
                before.pixels().or(() -> samples.images().map(Images::normalisation));
        Progress progress = cancellation.checked(options.progress());
        if (kind == Lesson.Kind.TRAINED) {
            String file = Manifest.snapshotFile(before.next());
            rehearsed.addAll(train(pixels.orElseThrow(), progress, file));
            files.add(file);
        }
        try {
            return measure(pixels, progress, cancellation);
        } catch (IOException | RuntimeException e) {
            if (kind == Lesson.Kind.TRAINED) {
                snapshots.release(files.getLast());
            }
            throw e;
        }
    }

    /** @return classes whose kept images were trained on too */
    private List<String> train(Normalisation pixels, Progress progress, String snapshot) throws IOException {
        Images own = samples.images().orElseThrow();
        ExemplarFiles.Rehearsal rehearsal = exemplars.rehearsal(before, own, samples.classNames());
        SnapshotTraining.train(
                setup,
                rehearsal.classNames(),
                rehearsal.images(),
                pixels,
                IntStream.concat(
                                Arrays.stream(split.learnt()),
                                IntStream.range(own.size(), rehearsal.images().size()))
                        .toArray(),
                split.heldOut(),
                files.isEmpty() ? Optional.empty() : Optional.of(folder.resolve(files.getLast())),
                threads,
                progress,
                folder.resolve(snapshot));
        return rehearsal.rehearsed();
    }

    private Taught measure(Optional<Normalisation> pixels, Progress progress, Cancellation cancellation)
            throws IOException {
        Optional<Images> images = samples.images().map(all -> all.normalisedBy(pixels.orElseThrow()));
        Knowledge after = measured(images, files, cancellation);
        List<KnownClass> changed = new ArrayList<>();
        for (String name : split.names()) {
            KnownClass whole = after.known(name);
            AtomicFile.write(folder.resolve(whole.file()), after.file(whole.number())::writeTo);
            changed.add(whole);
        }
        ExemplarFiles.Kept kept = images.isEmpty()
                ? ExemplarFiles.Kept.NOTHING
                : exemplars.keep(before, images.get(), split.learntByClass());
        List<String> warnings = new ArrayList<>();
        if (setup.exemplarMegabytes() > 0 && kept.added().size() < changed.size()) {
            warnings.add(String.format(
                    Locale.ROOT,
                    "%s MB hold no image of each class any more: none is kept of some of this lesson's",
                    setup.exemplarMegabytes()));
        }
        Optional<Lesson.Trial> trial = Optional.empty();
        if (options.tried() && kind == Lesson.Kind.REGISTERED) {
            Optional<String> obstacle = split.heldOut().length == 0
                    ? Optional.of("no sample of the lesson is held out")
                    : obstacleToNetwork();
            obstacle.ifPresent(
                    why -> warnings.add("whether training would have helped could not be found out, as " + why));
            if (obstacle.isEmpty()) {
                trial = Optional.of(trial(images.orElseThrow(), progress, cancellation));
            }
        }
        return finish(after, pixels, changed, kept, trial, warnings);
    }

    /** @param models that measure new classes; a known class stays with those that it came with */
    private Knowledge measured(Optional<Images> images, List<String> models, Cancellation cancellation) {
        Knowledge after = known;
        int fresh = 0;
        for (Map.Entry<Integer, LessonSplit.OfClass> entry : split.classes().entrySet()) {
            cancellation.check();
            int[] learnt = entry.getValue().learnt();
            int[] heldOut = entry.getValue().heldOut();
            String name = samples.classNames().get(entry.getKey());
            KnownClass old = knownClasses.get(name);
            int number = old == null ? before.nextClass() + fresh++ : old.number();
            KnownClass measured = new KnownClass(
                    name,
                    number,
                    "class-" + before.next() + "-" + number + ".safetensors",
                    old == null ? Math.max(1, models.size()) : old.snapshots(),
                    learnt.length,
                    heldOut.length);
            after = after.with(
                    measured,
                    features(images, learnt, models, measured.snapshots()),
                    features(images, heldOut, models, measured.snapshots()));
        }
        return after;
    }

    private float[][][] features(Optional<Images> images, int[] indices, List<String> models, int count) {
        return images.map(all -> snapshots.features(all, indices, models.subList(0, count)))
                .orElseGet(() -> new float[][][] {samples.features(indices)});
    }

    /** Trains a network that is let go again. */
    private Lesson.Trial trial(Images images, Progress progress, Cancellation cancellation) throws IOException {
        long start = System.nanoTime();
        try {
            train(images.normalisation(), progress, TRIAL);
            List<String> models =
                    Stream.concat(files.stream(), Stream.of(TRIAL)).toList();
            Knowledge made = measured(Optional.of(images), models, cancellation);
            LessonOutcome outcome = outcome(made, made.tested());
            return new Lesson.Trial(
                    Lesson.mean(outcome.after()), Lesson.mean(outcome.fresh()), (System.nanoTime() - start) * 1e-9);
        } finally {
            snapshots.release(TRIAL);
            Files.deleteIfExists(folder.resolve(TRIAL));
        }
    }

    private LessonOutcome outcome(Knowledge made, Knowledge.Tested tested) {
        return LessonOutcome.of(before.accuracy(before.current()), known, Set.copyOf(split.names()), made, tested);
    }

    private Taught finish(
            Knowledge after,
            Optional<Normalisation> pixels,
            List<KnownClass> changed,
            ExemplarFiles.Kept kept,
            Optional<Lesson.Trial> trial,
            List<String> warnings) {
        Knowledge.Tested tested = after.tested();
        LessonOutcome outcome = outcome(after, tested);
        warnings.addAll(0, outcome.losses(options.notableLoss()));
        Lesson lesson = new Lesson(
                before.next(),
                before.current(),
                kind,
                reason,
                Instant.now(),
                (System.nanoTime() - began) * 1e-9,
                split.names().stream()
                        .filter(name -> !knownClasses.containsKey(name))
                        .toList(),
                split.names().stream().filter(knownClasses::containsKey).toList(),
                List.of(),
                rehearsed,
                split.learnt().length,
                split.heldOut().length,
                Lesson.mean(outcome.before()),
                Lesson.mean(outcome.after()),
                Lesson.mean(outcome.fresh()),
                trial,
                warnings);
        Manifest made = before.withExemplars(kept.instead())
                .with(
                        pixels,
                        new Manifest.Entry(
                                lesson,
                                files,
                                changed,
                                tested.calibration(),
                                new TreeMap<>(tested.accuracy()),
                                kept.added()));
        return new Taught(made, after, lesson);
    }
}

package dev.palimpsest;

import dev.palimpsest.Manifest.KnownClass;
import dev.palimpsest.checkpoint.AtomicFile;
import dev.palimpsest.data.Images;
import dev.palimpsest.data.Normalisation;
import dev.palimpsest.train.Progress;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * One lesson of samples on its way: how it is learnt and why, what it trains and measures, and what it comes to. For
 * one thread and one lesson.
 */
final class LessonPlan {
    private static final int FEWEST_IMAGES_TO_TRAIN = 20;
    /** A class that lost more, as a share of 1, is worth a warning. */
    private static final double NOTABLE_LOSS = 0.05;

    private final long began = System.nanoTime();
    private final Path folder;
    private final SnapshotReader snapshots;
    private final int threads;
    private final Manifest before;
    private final Setup setup;
    private final Knowledge known;
    private final Samples samples;
    private final Map<String, KnownClass> knownClasses;
    /** For each class of the samples that has some. */
    private final Map<Integer, Split> splits = new LinkedHashMap<>();

    private final ExemplarFiles exemplars;
    private final List<String> rehearsed = new ArrayList<>();
    private final List<String> files = new ArrayList<>();
    private final Lesson.Kind kind;
    private final String reason;

    /**
     * @param before that the lesson goes on from
     * @param known of its current version
     * @param asked for; empty for what suits
     * @throws IllegalArgumentException with a sentence, if the samples cannot be learnt in the way asked for
     */
    LessonPlan(
            Path folder,
            SnapshotReader snapshots,
            int threads,
            Manifest before,
            Knowledge known,
            Samples samples,
            Optional<Lesson.Kind> asked) {
        this.folder = folder;
        this.snapshots = snapshots;
        this.threads = threads;
        this.before = before;
        this.known = known;
        this.samples = samples;
        setup = before.setup();
        exemplars = new ExemplarFiles(folder, setup);
        knownClasses = before.classes(before.current()).stream().collect(Collectors.toMap(KnownClass::name, c -> c));
        if (before.current() > 0) {
            files.addAll(before.entry(before.current()).snapshots());
        } else if (setup.pretrained().isPresent()) {
            files.add(Manifest.snapshotFile(0));
        }
        for (int label = 0; label < samples.classNames().size(); label++) {
            int[] indices = samples.of(label);
            if (indices.length > 0) {
                splits.put(label, Split.of(indices, setup.heldOut()));
            }
        }
        kind = asked.orElseGet(this::suitable);
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
        reason = asked.isPresent()
                ? "asked for"
                : kind == Lesson.Kind.TRAINED
                        ? "the model has " + files.size() + " of " + setup.snapshots() + " snapshots"
                        : obstacleToTraining().orElse("a class has fewer than " + FEWEST_IMAGES_TO_TRAIN + " images");
    }

    /** Few images are better measured by snapshots that there are than trained on. */
    private Lesson.Kind suitable() {
        boolean few = splits.values().stream().anyMatch(split -> split.learnt().length < FEWEST_IMAGES_TO_TRAIN);
        boolean train = obstacleToTraining().isEmpty() && !(few && canRegister());
        return train ? Lesson.Kind.TRAINED : Lesson.Kind.REGISTERED;
    }

    private boolean canRegister() {
        return !files.isEmpty() || setup.network() == Setup.Network.NONE;
    }

    /** Why no network can be trained. */
    private Optional<String> obstacleToTraining() {
        if (setup.network() == Setup.Network.NONE) {
            return Optional.of("features are computed elsewhere");
        }
        if (files.size() >= setup.snapshots()) {
            return Optional.of(
                    "the model has its " + (files.size() == 1 ? "one snapshot" : files.size() + " snapshots"));
        }
        Set<String> classes = new HashSet<>();
        splits.keySet().forEach(label -> classes.add(samples.classNames().get(label)));
        before.exemplars(before.current()).forEach(kept -> classes.add(kept.className()));
        return classes.size() < 2
                ? Optional.of("a network learns by telling classes apart, and the lesson has one class")
                : Optional.empty();
    }

    /**
     * Trains if need be, measures, and writes the files of the new version.
     *
     * @param progress receives the steps of training
     * @param cancellation looked at after every step and every class
     * @return what is to be published
     * @throws java.util.concurrent.CancellationException if it was cancelled
     */
    ContinualClassifier.Taught learn(Progress progress, Cancellation cancellation) throws IOException {
        Optional<Normalisation> pixels =
                before.pixels().or(() -> samples.images().map(Images::normalisation));
        if (kind == Lesson.Kind.TRAINED) {
            train(pixels.orElseThrow(), cancellation.checked(progress));
        }
        try {
            return measure(pixels, cancellation);
        } catch (IOException | RuntimeException e) {
            if (kind == Lesson.Kind.TRAINED) {
                snapshots.release(files.getLast());
            }
            throw e;
        }
    }

    private ContinualClassifier.Taught measure(Optional<Normalisation> pixels, Cancellation cancellation)
            throws IOException {
        Optional<Images> images = samples.images().map(all -> all.normalisedBy(pixels.orElseThrow()));
        Knowledge after = known;
        List<KnownClass> changed = new ArrayList<>();
        for (Map.Entry<Integer, Split> entry : splits.entrySet()) {
            cancellation.check();
            Split split = entry.getValue();
            KnownClass measured = measuredClass(entry.getKey(), split, changed.size());
            after = after.with(
                    measured,
                    features(images, split.learnt(), measured.snapshots()),
                    features(images, split.heldOut(), measured.snapshots()));
            KnownClass whole = after.known(measured.number());
            AtomicFile.write(folder.resolve(whole.file()), after.file(whole.number())::writeTo);
            changed.add(whole);
        }
        ExemplarFiles.Kept kept =
                images.isEmpty() ? ExemplarFiles.Kept.NOTHING : exemplars.keep(before, images.get(), learntByClass());
        return finish(after, pixels, changed, kept);
    }

    private Map<String, int[]> learntByClass() {
        Map<String, int[]> learnt = new TreeMap<>();
        splits.forEach((label, split) -> learnt.put(samples.classNames().get(label), split.learnt()));
        return learnt;
    }

    private void train(Normalisation pixels, Progress progress) throws IOException {
        String file = Manifest.snapshotFile(before.next());
        Images own = samples.images().orElseThrow();
        ExemplarFiles.Rehearsal rehearsal = exemplars.rehearsal(before, own, samples.classNames());
        rehearsed.addAll(rehearsal.rehearsed());
        SnapshotTraining.train(
                setup,
                rehearsal.classNames(),
                rehearsal.images(),
                pixels,
                IntStream.concat(
                                Arrays.stream(all(Split::learnt)),
                                IntStream.range(own.size(), rehearsal.images().size()))
                        .toArray(),
                all(Split::heldOut),
                files.isEmpty() ? Optional.empty() : Optional.of(folder.resolve(files.getLast())),
                threads,
                progress,
                folder.resolve(file));
        files.add(file);
    }

    private int[] all(Function<Split, int[]> part) {
        return splits.values().stream()
                .flatMapToInt(split -> Arrays.stream(part.apply(split)))
                .sorted()
                .toArray();
    }

    /** A class keeps the number and the snapshots that it came with. */
    private KnownClass measuredClass(int label, Split split, int newBefore) {
        String name = samples.classNames().get(label);
        KnownClass old = knownClasses.get(name);
        int classNumber = old == null ? before.nextClass() + newBefore : old.number();
        return new KnownClass(
                name,
                classNumber,
                "class-" + before.next() + "-" + classNumber + ".safetensors",
                old == null ? Math.max(1, files.size()) : old.snapshots(),
                split.learnt().length,
                split.heldOut().length);
    }

    private float[][][] features(Optional<Images> images, int[] indices, int count) {
        return images.map(all -> snapshots.features(all, indices, files.subList(0, count)))
                .orElseGet(() -> new float[][][] {samples.features(indices)});
    }

    private ContinualClassifier.Taught finish(
            Knowledge after, Optional<Normalisation> pixels, List<KnownClass> changed, ExemplarFiles.Kept kept) {
        Knowledge.Tested tested = after.tested();
        List<String> names = changed.stream().map(KnownClass::name).toList();
        Map<String, Double> accuracyBefore = before.current() == 0
                ? Map.of()
                : before.entry(before.current()).accuracy();
        Map<String, Double> accuracyAfter = new TreeMap<>();
        for (String name : accuracyBefore.keySet()) {
            // A class that came back has more held-out samples now; before and after are of the same ones.
            accuracyAfter.put(
                    name,
                    names.contains(name)
                            ? after.accuracy(known, name).orElseThrow()
                            : tested.accuracy().get(name));
        }
        List<String> fresh =
                names.stream().filter(name -> !knownClasses.containsKey(name)).toList();
        Map<String, Double> ofFresh = new LinkedHashMap<>(tested.accuracy());
        ofFresh.keySet().retainAll(fresh);
        List<String> warnings = new ArrayList<>();
        accuracyAfter.forEach((name, now) -> {
            double share = accuracyBefore.getOrDefault(name, now);
            if (share - now > NOTABLE_LOSS) {
                warnings.add(String.format(
                        Locale.ROOT,
                        "%s: %.1f %% of held-out samples were right before the lesson, %.1f %% are after it",
                        name,
                        100 * share,
                        100 * now));
            }
        });
        if (setup.exemplarMegabytes() > 0 && kept.added().size() < splits.size()) {
            warnings.add(String.format(
                    Locale.ROOT,
                    "%s MB hold no image of each class any more: none is kept of some of this lesson's",
                    setup.exemplarMegabytes()));
        }
        Lesson lesson = new Lesson(
                before.next(),
                before.current(),
                kind,
                reason,
                Instant.now(),
                (System.nanoTime() - began) * 1e-9,
                fresh,
                names.stream().filter(knownClasses::containsKey).toList(),
                List.of(),
                rehearsed,
                all(Split::learnt).length,
                all(Split::heldOut).length,
                Lesson.mean(accuracyBefore),
                Lesson.mean(accuracyAfter),
                Lesson.mean(ofFresh),
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
        return new ContinualClassifier.Taught(made, after, lesson);
    }

    /** A class's samples: every n-th is held out, so the parts do not depend on other classes. */
    private record Split(int[] learnt, int[] heldOut) {
        static Split of(int[] indices, double share) {
            int held = Math.min(Knowledge.MOST_HELD_OUT, (int) (share * indices.length));
            boolean[] out = new boolean[indices.length];
            for (int i = 0; i < held; i++) {
                out[(int) ((i + 0.5) * indices.length / held)] = true;
            }
            return new Split(
                    IntStream.range(0, indices.length)
                            .filter(i -> !out[i])
                            .map(i -> indices[i])
                            .toArray(),
                    IntStream.range(0, indices.length)
                            .filter(i -> out[i])
                            .map(i -> indices[i])
                            .toArray());
        }
    }
}

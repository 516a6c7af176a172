package dev.palimpsest;

import dev.palimpsest.checkpoint.AtomicFile;
import dev.palimpsest.data.Images;
import dev.palimpsest.data.Normalisation;
import dev.palimpsest.train.Progress;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A classifier that keeps learning. Classes come at any time, in any number; no image is kept; every earlier version
 * still classifies, bit for bit; and all of it lies in one folder.
 *
 * <pre>{@code
 * try (var model = ContinualClassifier.create(folder, Setup.images(3, 32, 32))) {
 *     model.learn(Samples.of(images, List.of("cat", "dog")));        // trains a network, then measures the classes
 *     model.learn(Samples.ofFolder(birds, model.setup()));           // further classes
 *     Prediction prediction = model.classify(picture);               // class, probability, or unknown
 *     model.version(1).classify(picture);                            // as it was after the first lesson
 *     model.rollBack(1);                                             // the second lesson was a mistake
 *     model.forget("dog");
 * }
 * }</pre>
 *
 * <p>The first lessons <em>train</em>: each leaves a snapshot of the network, three by default, that never changes
 * again. A class is a Gaussian over what the snapshots give for its samples, so a lesson without training
 * <em>registers</em> classes in about the time of classifying their samples, and leaves the statistics of all others
 * as they are (after FeCAM, arXiv 2309.14062, and SEED, arXiv 2401.10191; over several snapshots it is this library's
 * own).
 *
 * <p>A part of the samples of every lesson is held out ({@link Setup#heldOut}): of these the features are kept, not
 * the images, at most 50 per class, to measure accuracy and to calibrate probabilities after every later lesson.
 *
 * <p>Any number of threads may classify, also while a lesson is being learnt; lessons of different threads follow one
 * another. One process at a time may teach the model in a folder; others may have it open to classify, and see the
 * versions that there were when they opened it. A kill at any moment leaves the last whole version.
 */
public final class ContinualClassifier implements AutoCloseable {
    private static final String LOCK = "lock";
    /** Of RGB bytes, as torchvision's and timm's weights expect them. */
    private static final Normalisation IMAGE_NET =
            new Normalisation(new double[] {123.675, 116.28, 103.53}, new double[] {58.395, 57.12, 57.375});

    private static final int FEWEST_IMAGES_TO_TRAIN = 20;
    private static final int MOST_HELD_OUT = 50;
    /** A class that lost more, as a share of 1, is worth a warning. */
    private static final double NOTABLE_LOSS = 0.05;

    private final Path folder;
    private final int threads;
    private final SnapshotReader snapshots;
    private final ReentrantLock lessons = new ReentrantLock();
    private volatile Manifest manifest;
    /** Null while nothing has been learnt. */
    private volatile @Nullable Version current;

    private volatile boolean closed;

    private ContinualClassifier(Path folder, Manifest manifest) {
        this.folder = folder;
        this.manifest = manifest;
        threads = Runtime.getRuntime().availableProcessors();
        snapshots = new SnapshotReader(folder, manifest.setup(), threads);
        current = manifest.current() == 0 ? null : new Version(folder, snapshots, manifest, manifest.current(), null);
    }

    /**
     * A model that has learnt nothing.
     *
     * @param folder that does not exist yet, or is empty
     * @param setup what stays throughout the model's life
     * @return the model, to be closed
     * @throws IOException with a sentence, if the folder holds something, cannot be written, or pretrained weights
     *     cannot be read
     * @throws IllegalArgumentException with a sentence, if pretrained weights do not fit the network
     */
    public static ContinualClassifier create(Path folder, Setup setup) throws IOException {
        try {
            Files.createDirectories(folder);
            try (Stream<Path> inside = Files.list(folder)) {
                Optional<Path> found = inside.findAny();
                if (found.isPresent()) {
                    throw new IOException(folder + " is not empty, it holds "
                            + found.get().getFileName() + ": open the model there, or choose another folder");
                }
            }
        } catch (FileSystemException e) {
            throw AtomicFile.explained(folder, e);
        }
        Optional<Normalisation> pixels = Optional.empty();
        if (setup.pretrained().isPresent()) {
            pixels = Optional.of(IMAGE_NET);
            byte[] weights = Files.readAllBytes(setup.pretrained().get());
            SnapshotReader.requireFit(setup, setup.pretrained().get(), weights);
            AtomicFile.write(folder.resolve(snapshotFile(0)), channel -> channel.write(ByteBuffer.wrap(weights)));
        }
        Manifest manifest = new Manifest(setup, pixels, 0, List.of());
        manifest.write(folder);
        return new ContinualClassifier(folder, manifest);
    }

    /**
     * The model in a folder, at its current version.
     *
     * @param folder where it was created
     * @return the model, to be closed
     * @throws IOException with a sentence, if there is no model, or it is damaged
     */
    public static ContinualClassifier open(Path folder) throws IOException {
        return new ContinualClassifier(folder, Manifest.read(folder));
    }

    /**
     * What was decided when it was created.
     *
     * @return the setup
     */
    public Setup setup() {
        return manifest.setup();
    }

    /**
     * Learns new classes, or more of known ones, in the way that suits: it trains while there are fewer snapshots than
     * the setup has and the lesson has at least two classes of at least 20 images each, and registers otherwise.
     *
     * @param samples of the model's shape
     * @return what was done, and why in this way
     * @throws IOException with a sentence, if the folder cannot be written or another process teaches the model; the
     *     model stays as it was
     * @throws IllegalArgumentException with a sentence, if the samples do not fit the model or cannot be its first
     *     lesson
     */
    public Lesson learn(Samples samples) throws IOException {
        return learn(samples, Optional.empty(), Progress.silent());
    }

    /**
     * Learns in a given way.
     *
     * @param samples of the model's shape
     * @param kind trained or registered
     * @return what was done
     * @throws IOException with a sentence, if the folder cannot be written or another process teaches the model; the
     *     model stays as it was
     * @throws IllegalArgumentException with a sentence, if the samples do not fit the model or cannot be learnt in
     *     this way
     */
    public Lesson learn(Samples samples, Lesson.Kind kind) throws IOException {
        return learn(samples, Optional.of(kind), Progress.silent());
    }

    /**
     * Learns, and tells how far it is.
     *
     * @param samples of the model's shape
     * @param kind trained or registered; empty for what suits
     * @param progress receives the steps of training; a listener that throws ends the lesson, and the model stays as
     *     it was
     * @return what was done
     * @throws IOException with a sentence, if the folder cannot be written or another process teaches the model; the
     *     model stays as it was
     * @throws IllegalArgumentException with a sentence, if the samples do not fit the model or cannot be learnt in
     *     this way
     */
    public Lesson learn(Samples samples, Optional<Lesson.Kind> kind, Progress progress) throws IOException {
        if (!samples.shape().equals(setup().input())) {
            throw new IllegalArgumentException("the model learns from " + Samples.described(setup().input()) + ", got "
                    + Samples.described(samples.shape()));
        }
        return teach(() -> new LessonPlan(samples, kind).learn(progress));
    }

    /** Something that makes a version. */
    private interface Teaching {
        Lesson run() throws IOException;
    }

    private Lesson teach(Teaching teaching) throws IOException {
        lessons.lock();
        try (FileChannel channel =
                        FileChannel.open(folder.resolve(LOCK), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
                FileLock _ = locked(channel)) {
            requireOpen();
            Manifest now = Manifest.read(folder);
            if (!now.equals(manifest)) {
                publish(now, null);
            }
            removeUnread();
            return teaching.run();
        } finally {
            lessons.unlock();
        }
    }

    private FileLock locked(FileChannel channel) throws IOException {
        try {
            FileLock lock = channel.tryLock();
            if (lock != null) {
                return lock;
            }
        } catch (OverlappingFileLockException e) {
            // another model of this process
        }
        throw new IOException("the model in " + folder
                + " is being taught by another process or another open model: try again later");
    }

    /** What a killed lesson left, and what belonged to forgotten classes. */
    private void removeUnread() throws IOException {
        Set<String> read = manifest.files();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString();
                boolean ours = name.endsWith(AtomicFile.UNFINISHED) || name.endsWith(".safetensors");
                if (ours && !read.contains(name) && !name.equals(snapshotFile(0))) {
                    Files.delete(file);
                }
            }
        }
    }

    private void publish(Manifest now, @Nullable Knowledge knowledge) {
        manifest = now;
        current = now.current() == 0 ? null : new Version(folder, snapshots, now, now.current(), knowledge);
    }

    private static String snapshotFile(int version) {
        return "snapshot-" + version + ".safetensors";
    }

    /** One lesson on its way. */
    private final class LessonPlan {
        private final long began = System.nanoTime();
        private final Samples samples;
        private final Manifest before = manifest;
        private final int number = before.entries().size() + 1;
        private final Knowledge known =
                current == null ? Knowledge.EMPTY : current().knowledge();
        private final Map<String, Manifest.KnownClass> knownClasses =
                before.classes(before.current()).stream().collect(Collectors.toMap(Manifest.KnownClass::name, c -> c));
        /** For each class of the samples that has some. */
        private final Map<Integer, Split> splits = new LinkedHashMap<>();

        private final List<String> files = new ArrayList<>();
        private final Lesson.Kind kind;
        private final String reason;

        LessonPlan(Samples samples, Optional<Lesson.Kind> asked) {
            this.samples = samples;
            if (before.current() > 0) {
                files.addAll(before.entry(before.current()).snapshots());
            } else if (setup().pretrained().isPresent()) {
                files.add(snapshotFile(0));
            }
            for (int label = 0; label < samples.classNames().size(); label++) {
                int[] indices = samples.of(label);
                if (indices.length > 0) {
                    splits.put(label, Split.of(indices, setup().heldOut()));
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
                    throw new IllegalArgumentException(
                            "a lesson trains or registers; to forget a class call forget(…)");
            }
            reason = asked.isPresent()
                    ? "asked for"
                    : kind == Lesson.Kind.TRAINED
                            ? "the model has " + files.size() + " of " + setup().snapshots() + " snapshots"
                            : obstacleToTraining()
                                    .orElse("a class has fewer than " + FEWEST_IMAGES_TO_TRAIN + " images");
        }

        /** Few images are better measured by snapshots that there are than trained on. */
        private Lesson.Kind suitable() {
            boolean few = splits.values().stream().anyMatch(split -> split.learnt().length < FEWEST_IMAGES_TO_TRAIN);
            boolean train = obstacleToTraining().isEmpty() && !(few && canRegister());
            return train ? Lesson.Kind.TRAINED : Lesson.Kind.REGISTERED;
        }

        private boolean canRegister() {
            return !files.isEmpty() || setup().network() == Setup.Network.NONE;
        }

        /** Why no network can be trained. */
        private Optional<String> obstacleToTraining() {
            if (setup().network() == Setup.Network.NONE) {
                return Optional.of("features are computed elsewhere");
            }
            if (files.size() >= setup().snapshots()) {
                return Optional.of(
                        "the model has its " + (files.size() == 1 ? "one snapshot" : files.size() + " snapshots"));
            }
            return splits.size() < 2
                    ? Optional.of("a network learns by telling classes apart, and the lesson has one class")
                    : Optional.empty();
        }

        Lesson learn(Progress progress) throws IOException {
            Optional<Normalisation> pixels =
                    before.pixels().or(() -> samples.images().map(Images::normalisation));
            if (kind == Lesson.Kind.TRAINED) {
                String file = snapshotFile(number);
                SnapshotTraining.train(
                        setup(),
                        samples.classNames(),
                        samples.images().orElseThrow(),
                        pixels.orElseThrow(),
                        all(Split::learnt),
                        all(Split::heldOut),
                        files.isEmpty() ? Optional.empty() : Optional.of(folder.resolve(files.getLast())),
                        threads,
                        progress,
                        folder.resolve(file));
                files.add(file);
            }
            Knowledge after = known;
            List<Manifest.KnownClass> changed = new ArrayList<>();
            for (Map.Entry<Integer, Split> entry : splits.entrySet()) {
                Manifest.KnownClass measured = measuredClass(entry.getKey(), entry.getValue(), changed.size());
                after = after.with(
                        measured,
                        features(entry.getValue().learnt(), measured.snapshots(), pixels),
                        features(entry.getValue().heldOut(), measured.snapshots(), pixels));
                Manifest.KnownClass whole = after.known(measured.number());
                AtomicFile.write(folder.resolve(whole.file()), after.file(measured.number())::writeTo);
                changed.add(whole);
            }
            return finish(after, pixels, changed);
        }

        private int[] all(Function<Split, int[]> part) {
            return splits.values().stream()
                    .flatMapToInt(split -> Arrays.stream(part.apply(split)))
                    .sorted()
                    .toArray();
        }

        /** A class keeps the number and the snapshots that it came with. */
        private Manifest.KnownClass measuredClass(int label, Split split, int newBefore) {
            String name = samples.classNames().get(label);
            Manifest.KnownClass old = knownClasses.get(name);
            int classNumber = old == null ? nextNumber(newBefore) : old.number();
            return new Manifest.KnownClass(
                    name,
                    classNumber,
                    "class-" + number + "-" + classNumber + ".safetensors",
                    old == null ? Math.max(1, files.size()) : old.snapshots(),
                    split.learnt().length,
                    split.heldOut().length);
        }

        private int nextNumber(int newBefore) {
            return before.nextClass() + newBefore;
        }

        private float[][][] features(int[] indices, int count, Optional<Normalisation> pixels) {
            return samples.images()
                    .map(images -> snapshots.features(
                            images.normalisedBy(pixels.orElseThrow()), indices, files.subList(0, count)))
                    .orElseGet(() -> new float[][][] {samples.features(indices)});
        }

        private Lesson finish(Knowledge after, Optional<Normalisation> pixels, List<Manifest.KnownClass> changed)
                throws IOException {
            Manifest.Calibrated calibration = after.calibrated();
            Map<String, Double> accuracyBefore = known.accuracy(known);
            Map<String, Double> accuracyAfter = after.accuracy(known);
            Map<String, Double> accuracy = after.accuracy(after);
            List<String> names = changed.stream().map(Manifest.KnownClass::name).toList();
            List<String> fresh = names.stream()
                    .filter(name -> !knownClasses.containsKey(name))
                    .toList();
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
            Lesson lesson = new Lesson(
                    number,
                    before.current(),
                    kind,
                    reason,
                    Instant.now(),
                    (System.nanoTime() - began) * 1e-9,
                    fresh,
                    names.stream().filter(knownClasses::containsKey).toList(),
                    List.of(),
                    all(Split::learnt).length,
                    all(Split::heldOut).length,
                    mean(accuracyBefore, accuracyBefore.keySet()),
                    mean(accuracyAfter, accuracyBefore.keySet()),
                    mean(accuracy, Set.copyOf(fresh)),
                    warnings);
            Manifest made = before.with(
                    pixels, new Manifest.Entry(lesson, files, changed, calibration, new TreeMap<>(accuracy)));
            made.write(folder);
            publish(made, after);
            return lesson;
        }
    }

    private static OptionalDouble mean(Map<String, Double> shares, Set<String> names) {
        return shares.entrySet().stream()
                .filter(share -> names.contains(share.getKey()))
                .mapToDouble(Map.Entry::getValue)
                .average();
    }

    /** A class's samples: every n-th is held out, so the parts do not depend on other classes. */
    private record Split(int[] learnt, int[] heldOut) {
        static Split of(int[] indices, double share) {
            int held = Math.min(MOST_HELD_OUT, (int) (share * indices.length));
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

    /**
     * Forgets a class in this and every earlier version: its statistics and held-out features are deleted, and the
     * model is, to the bit, as if the class had never been registered. Where a snapshot was trained on its samples,
     * the weights keep what they learnt of them; a warning names the version to go back to.
     *
     * @param className of a class that the current version knows
     * @return what was done
     * @throws IOException with a sentence, if the folder cannot be written or another process teaches the model
     * @throws IllegalArgumentException if the current version does not know the class
     */
    public Lesson forget(String className) throws IOException {
        return teach(() -> {
            long began = System.nanoTime();
            Manifest before = manifest;
            Version version = current();
            version.samples(className); // refuses a class that is not known
            Manifest without = before.without(className);
            Knowledge known = version.knowledge();
            Knowledge after = known.without(className);
            List<String> warnings = before.entries().stream()
                    .map(Manifest.Entry::lesson)
                    .filter(lesson -> lesson.kind() == Lesson.Kind.TRAINED
                            && Stream.concat(lesson.newClasses().stream(), lesson.repeatedClasses().stream())
                                    .anyMatch(className::equals))
                    .map(lesson -> "the snapshot of version " + lesson.version() + " was trained on samples of "
                            + className + " and keeps what its weights learnt of them; "
                            + (lesson.before() == 0
                                    ? "a new model without them is the only way to be rid of that"
                                    : "roll back to version " + lesson.before() + " to be rid of that"))
                    .toList();
            Map<String, Double> accuracyBefore = known.accuracy(after);
            Map<String, Double> accuracy = after.accuracy(after);
            Lesson lesson = new Lesson(
                    before.entries().size() + 1,
                    before.current(),
                    Lesson.Kind.FORGOTTEN,
                    "asked for",
                    Instant.now(),
                    (System.nanoTime() - began) * 1e-9,
                    List.of(),
                    List.of(),
                    List.of(className),
                    0,
                    0,
                    mean(accuracyBefore, accuracyBefore.keySet()),
                    mean(accuracy, accuracy.keySet()),
                    OptionalDouble.empty(),
                    warnings);
            Manifest made = without.with(
                    before.pixels(),
                    new Manifest.Entry(
                            lesson,
                            before.entry(before.current()).snapshots(),
                            List.of(),
                            after.calibrated(),
                            new TreeMap<>(accuracy)));
            made.write(folder);
            publish(made, after);
            removeUnread();
            return lesson;
        });
    }

    /**
     * Makes an earlier version, or a later one after going back, the current one. No version is lost: the next lesson
     * goes on from this one and makes a version of its own.
     *
     * @param version from 1
     * @throws IOException with a sentence, if the folder cannot be written or another process teaches the model
     * @throws IllegalArgumentException if there is no such version
     */
    public void rollBack(int version) throws IOException {
        teach(() -> {
            Manifest back = manifest.at(version);
            back.write(folder);
            publish(back, null);
            return back.entry(version).lesson();
        });
    }

    /**
     * All versions.
     *
     * @return in the order in which they were made; empty for a model that has learnt nothing
     */
    public List<Version> versions() {
        Manifest now = manifest;
        return now.entries().stream()
                .map(entry -> new Version(folder, snapshots, now, entry.lesson().version(), null))
                .toList();
    }

    /**
     * One version.
     *
     * @param number from 1
     * @return the version
     * @throws IllegalArgumentException if there is no such version
     */
    public Version version(int number) {
        return new Version(folder, snapshots, manifest, number, null);
    }

    /**
     * The version that classifies.
     *
     * @return the latest, or the one that was rolled back to
     * @throws IllegalStateException if the model is closed or has learnt nothing
     */
    public Version current() {
        requireOpen();
        Version version = current;
        if (version == null) {
            throw new IllegalStateException("the model has learnt nothing yet: call learn(…) first");
        }
        return version;
    }

    /**
     * Classifies images with the current version.
     *
     * @param images of the model's size; labels are not looked at
     * @return a prediction for each
     * @throws IllegalArgumentException if images are of another size, or the model learns from features
     * @throws IllegalStateException if the model is closed or knows no class
     */
    public List<Prediction> classify(Images images) {
        return current().classify(images);
    }

    /**
     * Classifies a picture of any size with the current version.
     *
     * @param picture for a model of square RGB images
     * @return the prediction
     * @throws IllegalArgumentException if the model is not of square RGB images
     * @throws IllegalStateException if the model is closed or knows no class
     */
    public Prediction classify(BufferedImage picture) {
        return current().classify(picture);
    }

    /**
     * Classifies a feature vector with the current version.
     *
     * @param features as many finite values as the model's vectors have
     * @return the prediction
     * @throws IllegalArgumentException if the vector does not fit, or the model learns from images
     * @throws IllegalStateException if the model is closed or knows no class
     */
    public Prediction classifyFeatures(float[] features) {
        return current().classifyFeatures(features);
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("this model is closed: open it again");
        }
    }

    /** Ends after the lesson and the passes that are going on; what was learnt is in the folder already. */
    @Override
    public void close() {
        lessons.lock();
        try {
            if (!closed) {
                closed = true;
                snapshots.close();
            }
        } finally {
            lessons.unlock();
        }
    }
}

package dev.palimpsest;

import dev.palimpsest.checkpoint.AtomicFile;
import dev.palimpsest.checkpoint.FolderLock;
import dev.palimpsest.data.Images;
import dev.palimpsest.data.Normalisation;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CancellationException;
import java.util.concurrent.locks.ReentrantLock;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A classifier that keeps learning. Classes come at any time, in any number; no image is kept unless {@link
 * Setup#withExemplars} asks for it; every earlier version still classifies, bit for bit; and all of it lies in one
 * folder.
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
    /** Of RGB bytes, as torchvision's and timm's weights expect them. */
    private static final Normalisation IMAGE_NET =
            new Normalisation(new double[] {123.675, 116.28, 103.53}, new double[] {58.395, 57.12, 57.375});

    private final Path folder;
    private final int threads;
    private final SnapshotReader snapshots;
    private final ReentrantLock lessons = new ReentrantLock();
    private volatile Manifest manifest;
    /** Null while nothing has been learnt. */
    private volatile @Nullable Version current;

    /** Null while no lesson is being learnt. */
    private volatile @Nullable Cancellation learning;

    private volatile boolean closed;

    private ContinualClassifier(Path folder, Manifest manifest) {
        this.folder = folder;
        this.manifest = manifest;
        threads = Runtime.getRuntime().availableProcessors();
        // The present manifest knows every file but the one that a lesson is about to add.
        snapshots = new SnapshotReader(manifest.setup(), file -> this.manifest.read(folder, file), threads);
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
        } catch (FileSystemException e) {
            throw AtomicFile.explained(folder, e);
        }
        // Of several that create it at once, one does.
        try (FolderLock _ = locked(folder)) {
            requireEmpty(folder);
            return made(folder, setup);
        }
    }

    private static void requireEmpty(Path folder) throws IOException {
        try {
            Optional<Path> found = FolderLock.besideModel(folder);
            if (found.isPresent()) {
                throw new IOException(folder + " is not empty, it holds "
                        + found.get().getFileName() + ": open the model there, or choose another folder");
            }
        } catch (FileSystemException e) {
            throw AtomicFile.explained(folder, e);
        }
    }

    private static ContinualClassifier made(Path folder, Setup setup) throws IOException {
        Optional<Normalisation> pixels = Optional.empty();
        Path first = folder.resolve(Manifest.snapshotFile(0));
        boolean made = false;
        try {
            if (setup.pretrained().isPresent()) {
                pixels = Optional.of(IMAGE_NET);
                SafetensorsWriter weights = SnapshotReader.copy(
                        setup, Safetensors.read(setup.pretrained().get()));
                AtomicFile.write(first, weights::writeTo);
            }
            Manifest manifest = Manifest.of(setup, pixels).recorded(folder);
            ManifestFile.write(manifest, folder);
            made = true;
            return new ContinualClassifier(folder, manifest);
        } finally {
            if (!made) {
                Files.deleteIfExists(first); // the folder is empty again, so that the same call may succeed later
            }
        }
    }

    /**
     * The model in a folder, at its current version.
     *
     * @param folder where it was created
     * @return the model, to be closed
     * @throws IOException with a sentence, if there is no model, or it is damaged
     */
    public static ContinualClassifier open(Path folder) throws IOException {
        return new ContinualClassifier(folder, ManifestFile.read(folder));
    }

    /**
     * Whether a folder holds a model.
     *
     * @param folder any path
     * @return whether {@link #open} finds one there, unless it is damaged
     */
    public static boolean isIn(Path folder) {
        return Files.isRegularFile(folder.resolve(Manifest.FILE));
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
     * What the model takes on disk: snapshots, statistics and kept images of all versions.
     *
     * @return bytes of the folder's files
     * @throws IOException with a sentence, if the folder cannot be read
     */
    public long bytes() throws IOException {
        long bytes = 0;
        Set<String> read = new TreeSet<>(manifest.files());
        read.add(Manifest.FILE);
        for (String file : read) {
            try {
                bytes += Files.size(folder.resolve(file));
            } catch (FileSystemException e) {
                throw new IOException(
                        folder.resolve(file) + " is gone or cannot be read: open the model again, as another process"
                                + " may have taught it",
                        e);
            }
        }
        return bytes;
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
        return learn(samples, Lesson.Options.DEFAULT);
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
        return learn(samples, Lesson.Options.DEFAULT.withKind(kind));
    }

    /**
     * Learns as it is asked to.
     *
     * @param samples of the model's shape
     * @param options the kind of lesson, what is warned of, who listens
     * @return what was done
     * @throws IOException with a sentence, if the folder cannot be written or another process teaches the model; the
     *     model stays as it was
     * @throws IllegalArgumentException with a sentence, if the samples do not fit the model or cannot be learnt in
     *     this way
     * @throws CancellationException with a sentence, after {@link #cancelLesson}
     */
    public Lesson learn(Samples samples, Lesson.Options options) throws IOException {
        Samples.requireShape("learns from", setup().input(), samples.shape());
        return teach(() -> {
            Version version = current;
            Knowledge known = version == null ? Knowledge.empty(setup()) : version.knowledge();
            Cancellation cancellation = new Cancellation();
            learning = cancellation;
            try {
                Taught taught = new LessonPlan(folder, snapshots, threads, manifest, known, samples, options)
                        .learn(cancellation);
                cancellation.publish();
                return taught;
            } finally {
                learning = null;
            }
        });
    }

    /**
     * Cancels the lesson that is being learnt: its call of {@code learn} throws a
     * {@link CancellationException} after the present step of training or the present class, and
     * the model stays as it was. Any thread may call it, also a listener of the lesson.
     *
     * @return whether a lesson was cancelled; false where none is being learnt or its version is there already
     */
    public boolean cancelLesson() {
        Cancellation now = learning;
        return now != null && now.cancel();
    }

    /** Something that makes a version, or another one the current one; it writes new files only. */
    private interface Teaching {
        Taught run() throws IOException;
    }

    private Lesson teach(Teaching teaching) throws IOException {
        lessons.lock();
        try (FolderLock _ = locked(folder)) {
            requireOpen();
            Manifest now = ManifestFile.read(folder);
            if (!now.equals(manifest)) {
                publish(now, null);
            }
            Taught taught;
            try {
                taught = teaching.run();
            } catch (CancellationException e) {
                removeUnread();
                throw e;
            }
            Manifest made = taught.manifest().recorded(folder);
            ManifestFile.write(made, folder);
            publish(made, taught.knowledge());
            removeUnread();
            return taught.lesson();
        } finally {
            lessons.unlock();
        }
    }

    private static FolderLock locked(Path folder) throws IOException {
        return FolderLock.take(folder.resolve(FolderLock.MODEL))
                .orElseThrow(() -> new IOException("the model in " + folder
                        + " is being taught by another process or another open model: try again later"));
    }

    /** What killed and cancelled lessons left, and what belonged to forgotten classes. */
    private void removeUnread() throws IOException {
        Set<String> read = manifest.files();
        try (Stream<Path> files = Files.list(folder)) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString();
                boolean ours = name.endsWith(AtomicFile.UNFINISHED) || name.endsWith(".safetensors");
                if (ours && !read.contains(name)) {
                    Files.delete(file);
                }
            }
        }
    }

    private void publish(Manifest now, @Nullable Knowledge knowledge) {
        manifest = now;
        current = now.current() == 0 ? null : new Version(folder, snapshots, now, now.current(), knowledge);
    }

    /**
     * Forgets a class in this and every earlier version: its statistics, held-out features and kept images are deleted,
     * and the model classifies, to the bit, as if the class had never been registered. Where a snapshot was trained on
     * its samples, the weights keep what they learnt of them; a warning names the version to go back to.
     *
     * @param className of a class that the current version knows
     * @return what was done
     * @throws IOException with a sentence, if the folder cannot be written or another process teaches the model
     * @throws IllegalArgumentException if the current version does not know the class
     */
    public Lesson forget(String className) throws IOException {
        return teach(() -> Forgetting.of(className, manifest, current()));
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
            return new Taught(back, null, back.entry(version).lesson());
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

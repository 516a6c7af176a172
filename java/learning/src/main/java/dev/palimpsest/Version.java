package dev.palimpsest;

import dev.palimpsest.checkpoint.AtomicFile;
import dev.palimpsest.data.Images;
import dev.palimpsest.data.Preparation;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.OptionalDouble;
import java.util.SortedMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A model as one lesson left it: it classifies as it did then, bit for bit, however many lessons came later. What it
 * reads is loaded when it classifies first and stays in memory as long as the version does. Any number of threads may
 * classify at once, also while a lesson is being learnt; it works until its {@link ContinualClassifier} is closed.
 */
public final class Version {
    private final Path folder;
    private final SnapshotReader snapshots;
    private final Manifest manifest;
    private final Setup setup;
    private final Manifest.Entry entry;
    private final List<Manifest.KnownClass> classes;
    /** Null until it classifies. */
    private @Nullable Knowledge knowledge;

    /** @param knowledge null to be read when it is needed */
    Version(Path folder, SnapshotReader snapshots, Manifest manifest, int number, @Nullable Knowledge knowledge) {
        this.folder = folder;
        this.snapshots = snapshots;
        this.manifest = manifest;
        setup = manifest.setup();
        entry = manifest.entry(number);
        classes = manifest.classes(number);
        this.knowledge = knowledge;
    }

    /**
     * Its number.
     *
     * @return from 1
     */
    public int number() {
        return entry.lesson().version();
    }

    /**
     * What made it.
     *
     * @return the lesson
     */
    public Lesson lesson() {
        return entry.lesson();
    }

    /**
     * The classes that it tells apart.
     *
     * @return names in the order in which they came
     */
    public List<String> classNames() {
        return classes.stream().map(Manifest.KnownClass::name).toList();
    }

    /**
     * Samples that were measured.
     *
     * @param className of a class that it knows
     * @return how many, without those held out
     * @throws IllegalArgumentException if it does not know the class
     */
    public int samples(String className) {
        return known(className).samples();
    }

    private Manifest.KnownClass known(String className) {
        return classes.stream()
                .filter(known -> known.name().equals(className))
                .findFirst()
                .orElseThrow(() -> new IllegalArgumentException(
                        "version " + number() + " knows no class '" + className + "': it knows " + classNames()));
    }

    /**
     * Images that are kept, for lessons that train after this version.
     *
     * @param className of a class that it knows
     * @return how many; 0 for a model without a budget for them
     * @throws IllegalArgumentException if it does not know the class
     */
    public int exemplars(String className) {
        String name = known(className).name();
        return manifest.exemplars(number()).stream()
                .filter(kept -> kept.className().equals(name))
                .mapToInt(Manifest.Exemplars::images)
                .sum();
    }

    /**
     * Accuracy on the held-out samples of every class that has some.
     *
     * @return shares of 1 by class
     */
    public SortedMap<String, Double> accuracyByClass() {
        return manifest.accuracy(number());
    }

    /**
     * The mean of {@link #accuracyByClass}.
     *
     * @return share of 1; empty if nothing was held out
     */
    public OptionalDouble accuracy() {
        return Lesson.mean(accuracyByClass());
    }

    /**
     * How far probabilities were from the share of right answers on the held-out samples: the expected calibration
     * error over 15 bins (Guo et al. 2017).
     *
     * @return share of 1; empty if nothing was held out, and then probabilities are not calibrated
     */
    public OptionalDouble calibrationError() {
        return entry.calibration().error();
    }

    /**
     * Classifies images.
     *
     * @param images of the model's size; labels are not looked at
     * @return a prediction for each
     * @throws IllegalArgumentException if images are of another size, or the model learns from features
     * @throws IllegalStateException if the model is closed, or the version knows no class any more
     */
    public List<Prediction> classify(Images images) {
        requireShape(Shape.of(images.channels(), images.height(), images.width()));
        Images normalised = images.normalisedBy(manifest.pixels().orElseThrow());
        int[] all = IntStream.range(0, images.size()).toArray();
        return knowledge().predict(snapshots.features(normalised, all, entry.snapshots()), entry.calibration());
    }

    /**
     * Classifies a picture of any size: its central square, resampled.
     *
     * @param picture for a model of square RGB images
     * @return the prediction
     * @throws IllegalArgumentException if the model is not of square RGB images
     * @throws IllegalStateException if the model is closed, or the version knows no class any more
     */
    public Prediction classify(BufferedImage picture) {
        requireShape(Shape.of(3, setup.input().extent(-1), setup.input().extent(-1)));
        return classify(Images.ofPictures(
                        Collections.singletonList(picture), setup.input().extent(-1), new int[1]))
                .getFirst();
    }

    /**
     * Classifies an image file: its central square, resampled.
     *
     * @param file for a model of square RGB images, read as {@link Images#ofFiles} does
     * @return the prediction
     * @throws dev.palimpsest.data.DataException with a sentence, if the file cannot be read
     * @throws IllegalArgumentException if the model is not of square RGB images
     * @throws IllegalStateException if the model is closed, or the version knows no class any more
     */
    public Prediction classify(Path file) {
        requireShape(Shape.of(3, setup.input().extent(-1), setup.input().extent(-1)));
        return classify(Images.ofFiles(
                        Collections.singletonList(file), setup.input().extent(-1)))
                .getFirst();
    }

    /**
     * How files become the images that it classifies.
     *
     * @return the rule
     * @throws IllegalArgumentException with a sentence, if files cannot become such images
     */
    public Preparation preparation() {
        return manifest.pixels()
                .flatMap(_ -> ExportedVersion.preparation(setup.input()))
                .orElseThrow(() -> new IllegalArgumentException(
                        "the model classifies " + Samples.described(setup.input()) + ", which image files cannot be"));
    }

    /**
     * Classifies a feature vector.
     *
     * @param features as many values as the model's vectors have, finite
     * @return the prediction
     * @throws IllegalArgumentException if the vector is of another length or not finite, or the model learns from
     *     images
     * @throws IllegalStateException if the version knows no class any more
     */
    public Prediction classifyFeatures(float[] features) {
        requireShape(Shape.of(features.length));
        Samples.requireVector(features, features.length, "the vector");
        return knowledge()
                .predict(new float[][][] {{features}}, entry.calibration())
                .getFirst();
    }

    /**
     * Writes all that it classifies by as one safetensors file, for other programs: the snapshots' weights as
     * {@code snapshot.K.NAME}, with PyTorch's names; of class C (from 0, in the order of {@link #classNames})
     * {@code class.C.count}, and for each of the first snapshots k, from 0, that measured it {@code class.C.mean.k} and
     * {@code class.C.scatter.k}, the lower half of Σ(φ−μ)(φ−μ)ᵀ with its diagonal, row by row, over the pooled outputs
     * φ of all stages of snapshot.(k+1). The metadata name the classes and the network, and say how images are prepared
     * and distances become probabilities. {@link ExportedVersion} reads the file.
     *
     * @param file that is replaced if it is there
     * @throws IOException with a sentence, if the file cannot be written or the model's own cannot be read
     */
    public void export(Path file) throws IOException {
        SafetensorsWriter to = new SafetensorsWriter();
        ExportedVersion.describe(setup, classNames(), manifest.pixels(), entry.calibration(), to);
        for (int k = 0; k < entry.snapshots().size(); k++) {
            Safetensors weights = manifest.read(folder, entry.snapshots().get(k));
            for (String name : weights.names()) {
                Safetensors.Tensor tensor = weights.tensor(name);
                to.add(ExportedVersion.snapshotPrefix(k + 1) + name, tensor.type(), tensor.shape(), tensor.data());
            }
        }
        knowledge().export(to);
        AtomicFile.write(file, to::writeTo);
    }

    private void requireShape(Shape found) {
        Samples.requireShape("classifies", setup.input(), found);
    }

    /** Of all its classes. */
    synchronized Knowledge knowledge() {
        if (knowledge == null) {
            try {
                knowledge = Knowledge.read(folder, manifest, classes);
            } catch (IOException e) {
                throw new UncheckedIOException(e.getMessage(), e);
            }
        }
        return knowledge;
    }
}

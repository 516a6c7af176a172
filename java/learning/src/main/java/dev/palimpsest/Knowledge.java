package dev.palimpsest;

import dev.palimpsest.Manifest.KnownClass;
import dev.palimpsest.gaussian.Calibration;
import dev.palimpsest.gaussian.ClassStatistics;
import dev.palimpsest.gaussian.GaussianClasses;
import dev.palimpsest.gaussian.SharedScatter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * All that one version knows of its classes: their statistics and the features of held-out samples. Immutable; the
 * Gaussians are fitted when they are first asked for.
 */
final class Knowledge {
    /** Distances that calibration looks at together: 8 MB. */
    private static final long MOST_DISTANCES = 1_000_000;

    /** Share of the covariance that all classes share; 0.3 makes no difference. */
    static final double BETA = 0.5;

    /** That shape the shared covariance at least, where not all classes do. */
    static final int SAMPLES_PER_DIMENSION = 5;

    /** Of each class. */
    static final int MOST_HELD_OUT = 50;

    private static final String HELD_OUT = "held_out.";

    /**
     * One class.
     *
     * @param heldOut features, [snapshots][samples][dimensions]
     */
    private record Measured(KnownClass known, ClassStatistics statistics, float[][][] heldOut) {}

    private final List<Measured> classes;
    /** How many of the first classes shape the shared covariance. */
    private final int shared;
    /** Fitted to most of these classes already, perhaps; null once all are fitted. */
    private @Nullable GaussianClasses earlier;
    /** Null until somebody asks. */
    private @Nullable GaussianClasses gaussians;
    /** Of these classes, or else of most of them; null before any were made. */
    private @Nullable HeldOutScores scores;

    /** @param classes by their numbers, so that sums over classes do not depend on who came back when */
    private Knowledge(
            List<Measured> classes, int shared, @Nullable GaussianClasses earlier, @Nullable HeldOutScores scores) {
        this.classes = classes;
        this.shared = shared;
        this.earlier = earlier;
        this.scores = scores;
    }

    /** Of no class. */
    static Knowledge empty(Setup setup) {
        return read(setup, List.of());
    }

    private static Knowledge read(Setup setup, List<Measured> classes) {
        int shared = setup.sharedClasses() == 0 ? Integer.MAX_VALUE : setup.sharedClasses();
        return new Knowledge(classes, shared, null, null);
    }

    private synchronized GaussianClasses gaussians() {
        if (gaussians == null) {
            List<ClassStatistics> all =
                    classes.stream().map(Measured::statistics).toList();
            gaussians = new GaussianClasses(all, BETA, SharedScatter.of(all, shared, SAMPLES_PER_DIMENSION), earlier);
            earlier = null;
        }
        return gaussians;
    }

    private synchronized @Nullable GaussianClasses fitted() {
        return gaussians == null ? earlier : gaussians;
    }

    /** Other classes, to which what is computed already goes along. */
    private synchronized Knowledge changed(List<Measured> all) {
        return new Knowledge(List.copyOf(all), shared, fitted(), scores);
    }

    static Knowledge read(Path folder, Manifest manifest, List<KnownClass> known) throws IOException {
        List<Measured> classes = new ArrayList<>();
        for (KnownClass each : known) {
            Measured measured = read(each, manifest.read(folder, each.file()));
            if (!classes.isEmpty()) {
                requireSameFeatures(classes.getFirst(), measured);
            }
            classes.add(measured);
        }
        return read(manifest.setup(), List.copyOf(classes));
    }

    private static void requireSameFeatures(Measured one, Measured other) throws IOException {
        int both = Math.min(one.known.snapshots(), other.known.snapshots());
        for (int k = 0; k < both; k++) {
            int expected = one.statistics.dimensions(k);
            if (other.statistics.dimensions(k) != expected) {
                throw new IOException("the statistics of the class " + other.known.name() + " have "
                        + other.statistics.dimensions(k) + " dimensions, those of " + one.known.name() + " have "
                        + expected + ": restore the model's folder from a copy");
            }
        }
    }

    private static Measured read(KnownClass known, Safetensors file) throws IOException {
        ClassStatistics statistics = ClassStatistics.read(file, "");
        if (statistics.networks() != known.snapshots() || statistics.count() != known.samples()) {
            throw unfit(known, file);
        }
        float[][][] heldOut = new float[known.snapshots()][0][];
        for (int k = 0; k < heldOut.length && known.heldOut() != 0; k++) {
            String name = HELD_OUT + k;
            if (!file.contains(name) || !file.shape(name).equals(Shape.of(known.heldOut(), statistics.dimensions(k)))) {
                throw unfit(known, file);
            }
            heldOut[k] = rows(file, name);
        }
        return new Measured(known, statistics, heldOut);
    }

    private static float[][] rows(Safetensors file, String name) throws IOException {
        try {
            float[] values = file.weights(name);
            float[][] rows = new float[file.shape(name).extent(0)][];
            int dims = file.shape(name).extent(1);
            for (int i = 0; i < rows.length; i++) {
                rows[i] = Arrays.copyOfRange(values, i * dims, (i + 1) * dims);
            }
            return rows;
        } catch (IllegalArgumentException e) {
            throw new IOException(e.getMessage(), e);
        }
    }

    private static IOException unfit(KnownClass known, Safetensors file) {
        return new IOException(file.source() + " does not hold what " + Manifest.FILE + " says of the class "
                + known.name() + " (" + known.samples() + " samples and " + known.heldOut() + " held out under "
                + known.snapshots() + " snapshots): restore the file from a copy, or teach the class again");
    }

    /**
     * With a class, or more of one.
     *
     * @param lesson what the lesson has of the class
     * @param learnt its features, [snapshots][samples][dimensions], at least one sample
     * @param heldOut features that only measure
     */
    Knowledge with(KnownClass lesson, float[][][] learnt, float[][][] heldOut) {
        ClassStatistics statistics = ClassStatistics.of(learnt);
        Measured measured = new Measured(lesson, statistics, heldOut);
        List<Measured> all = new ArrayList<>();
        for (Measured old : classes) {
            if (old.known.number() == lesson.number()) {
                float[][][] both = new float[heldOut.length][][];
                for (int k = 0; k < both.length; k++) {
                    both[k] = Stream.concat(Arrays.stream(old.heldOut[k]), Arrays.stream(heldOut[k]))
                            .limit(MOST_HELD_OUT)
                            .toArray(float[][]::new);
                }
                ClassStatistics merged = old.statistics.merged(statistics);
                measured = new Measured(
                        new KnownClass(
                                lesson.name(),
                                lesson.number(),
                                lesson.file(),
                                lesson.snapshots(),
                                merged.count(),
                                both[0].length),
                        merged,
                        both);
            } else {
                all.add(old);
            }
        }
        all.add(measured);
        all.sort(Comparator.comparingInt(each -> each.known.number()));
        return changed(all);
    }

    Knowledge without(String name) {
        return changed(
                classes.stream().filter(each -> !each.known.name().equals(name)).toList());
    }

    KnownClass known(String name) {
        return classes.get(indexOf(name)).known;
    }

    private Measured measured(int number) {
        return classes.stream()
                .filter(each -> each.known.number() == number)
                .findFirst()
                .orElseThrow();
    }

    /** The content of a class's file. */
    SafetensorsWriter file(int number) {
        Measured measured = measured(number);
        SafetensorsWriter file = new SafetensorsWriter();
        file.metadata("class", measured.known.name());
        measured.statistics.write(file, "");
        for (int k = 0; k < measured.heldOut.length && measured.known.heldOut() > 0; k++) {
            int dims = measured.heldOut[k][0].length;
            float[] values = new float[measured.heldOut[k].length * dims];
            for (int i = 0; i < measured.heldOut[k].length; i++) {
                System.arraycopy(measured.heldOut[k][i], 0, values, i * dims, dims);
            }
            file.add(HELD_OUT + k, Shape.of(measured.heldOut[k].length, dims), values);
        }
        return file;
    }

    /** Adds the statistics of all classes, without what was held out. */
    void export(SafetensorsWriter file) {
        for (int c = 0; c < classes.size(); c++) {
            classes.get(c).statistics.write(file, "class." + c + ".");
        }
    }

    /**
     * What {@link #export} added.
     *
     * @throws IOException with a sentence, if statistics are missing or do not fit one another
     */
    static Knowledge exported(Setup setup, List<String> names, Safetensors file) throws IOException {
        List<Measured> classes = new ArrayList<>();
        for (int c = 0; c < names.size(); c++) {
            ClassStatistics statistics = ClassStatistics.read(file, "class." + c + ".");
            int networks = statistics.networks();
            KnownClass known = new KnownClass(names.get(c), c, "", networks, statistics.count(), 0);
            Measured measured = new Measured(known, statistics, new float[networks][0][]);
            if (!classes.isEmpty()) {
                requireSameFeatures(classes.getFirst(), measured);
            }
            classes.add(measured);
        }
        return read(setup, List.copyOf(classes));
    }

    /** How many models measured the class that most did. */
    int networks() {
        return classes.stream().mapToInt(each -> each.known.snapshots()).max().orElse(0);
    }

    /**
     * What the held-out samples say.
     *
     * @param calibration fitted to them
     * @param accuracy shares of 1 by class, of classes with held-out samples
     */
    record Tested(Manifest.Calibrated calibration, Map<String, Double> accuracy) {}

    /** Compares held-out samples with classes where that was not done for an earlier lesson. */
    Tested tested() {
        return tested(MOST_DISTANCES);
    }

    /** @param most distances to calibrate with: every n-th sample's, for which they are enough */
    synchronized Tested tested(long most) {
        HeldOutScores made =
                HeldOutScores.of(classes.stream().map(Measured::heldOut).toList(), gaussians(), most, scores);
        scores = made;
        Map<String, Double> accuracy = new LinkedHashMap<>();
        for (int c = 0; c < classes.size(); c++) {
            String name = classes.get(c).known.name();
            made.accuracy(c).ifPresent(share -> accuracy.put(name, share));
        }
        return new Tested(made.calibration(), accuracy);
    }

    /** How many of the samples are nearest to a class. */
    private static double shareOf(int label, double[][] distances) {
        return Arrays.stream(distances)
                .mapToDouble(row -> HeldOutScores.nearest(row) == label ? 1 : 0)
                .average()
                .orElseThrow();
    }

    /**
     * Accuracy on the held-out samples that somebody else has of a class.
     *
     * @param whose held-out samples
     * @param name of a class that both know
     * @return share of 1; empty without held-out samples
     */
    OptionalDouble accuracy(Knowledge whose, String name) {
        int own = whose.indexOf(name);
        float[][][] asked = whose.classes.get(own).heldOut;
        return asked[0].length == 0
                ? OptionalDouble.empty()
                : OptionalDouble.of(shareOf(indexOf(name), gaussians().distances(asked)));
    }

    boolean knows(String name) {
        return classes.stream().anyMatch(each -> each.known.name().equals(name));
    }

    private int indexOf(String name) {
        return IntStream.range(0, classes.size())
                .filter(c -> classes.get(c).known.name().equals(name))
                .findFirst()
                .orElseThrow();
    }

    /**
     * Predictions for samples.
     *
     * @param features [snapshots][samples][dimensions]
     * @throws IllegalStateException if no class is known
     */
    List<Prediction> predict(float[][][] features, Manifest.Calibrated calibrated) {
        if (classes.isEmpty()) {
            throw new IllegalStateException("the model knows no class any more: teach it some, or roll back");
        }
        Calibration calibration = new Calibration(calibrated.temperature(), calibrated.farthest());
        List<Prediction> predictions = new ArrayList<>();
        for (double[] distances : gaussians().distances(features)) {
            double[] probabilities = calibration.probabilities(distances);
            Map<String, Double> byClass = new LinkedHashMap<>();
            for (int c = 0; c < probabilities.length; c++) {
                byClass.put(classes.get(c).known.name(), probabilities[c]);
            }
            double nearest = distances[HeldOutScores.nearest(distances)];
            predictions.add(Prediction.of(byClass, nearest, calibrated.farthest()));
        }
        return predictions;
    }
}

package dev.palimpsest.classifier;

import dev.palimpsest.evaluation.Inference;
import dev.palimpsest.gaussian.ClassStatistics;
import dev.palimpsest.gaussian.GaussianClasses;
import dev.palimpsest.option.Check;
import dev.palimpsest.option.Option;
import dev.palimpsest.option.OptionGroup;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.SequencedMap;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Classes as Gaussians over what the run's first snapshots give for their training images, measured once, when a class
 * comes: snapshots never change, so nothing that is kept of a class drifts, and no image is kept. A class that returns
 * is merged. After FeCAM (Goswami et al., arXiv 2309.14062) and SEED (Rypeść et al., arXiv 2401.10191); several
 * snapshots for every class are this library's own. With one snapshot it is FeCAM with a covariance that leans on all
 * classes; with {@code gaussian-beta = 1} all classes share one covariance.
 *
 * @param settings what is read, and how much classes share
 */
public record GaussianOverSnapshots(Options settings) implements ClassifierType {
    static final String NAME = "gaussian";
    /** Scores have a place for every number below a class's. */
    private static final int MOST_CLASSES = 1 << 20;

    /**
     * What is read, and how much classes share.
     *
     * @param snapshots how many of the first snapshots are read; each costs a pass over every image
     * @param beta share of the covariance that all classes share
     */
    public record Options(int snapshots, double beta) {
        private static final Option<Options, Integer> SNAPSHOTS = Option.integer(
                "gaussian-snapshots",
                3,
                "First snapshots that measure classes; each costs a pass over every image.",
                Options::snapshots);
        private static final Option<Options, Double> BETA = Option.number(
                "gaussian-beta", 0.5, "Share of the covariance that all classes share, from 0 to 1.", Options::beta);
        /** Texts to values and back. */
        public static final OptionGroup<Options> GROUP = new OptionGroup<>(
                List.of(SNAPSHOTS, BETA), values -> new Options(values.get(SNAPSHOTS), values.get(BETA)));

        /**
         * Checks the ranges.
         *
         * @throws IllegalArgumentException with a sentence naming the option and what was expected
         */
        public Options {
            Check.atLeast("gaussian-snapshots", snapshots, 1);
            Check.that(beta >= 0 && beta <= 1, "gaussian-beta", beta, "from 0 to 1");
        }
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public SequencedMap<String, String> options() {
        return Options.GROUP.texts(settings);
    }

    @Override
    public int snapshots() {
        return settings.snapshots();
    }

    @Override
    public String howToRead() {
        return "classes are Gaussians over the pooled outputs of all stages of the networks snapshot.1, snapshot.2, …;"
                + " gaussian.C.N.mean.K and gaussian.C.N.scatter.K are those of class C under snapshot.(K+1), and only"
                + " palimpsest predict fits them";
    }

    @Override
    public Classifier fit(Fitting after) {
        SortedMap<Integer, Measured> classes = new TreeMap<>();
        after.previous().ifPresent(previous -> classes.putAll(((Fitted) previous).classes));
        after.imagesByClass().forEach((label, images) -> {
            if (images.length > 0) {
                Measured known = classes.get(label);
                int read =
                        known == null ? Math.min(after.snapshots(), settings.snapshots()) : known.statistics.networks();
                float[][][] features = new float[read][][];
                for (int k = 0; k < read; k++) {
                    features[k] = after.pooled(k + 1, images);
                }
                ClassStatistics statistics = ClassStatistics.of(features);
                classes.put(
                        label,
                        known == null
                                ? new Measured(statistics, 1)
                                : new Measured(known.statistics.merged(statistics), known.times + 1));
            }
        });
        return new Fitted(classes, settings.beta());
    }

    @Override
    public Classifier read(Safetensors file, String prefix) {
        SortedMap<Integer, Measured> classes = new TreeMap<>();
        int[] pairs = file.ints(prefix + NAME);
        if (pairs.length == 0 || !file.shape(prefix + NAME).equals(Shape.of(pairs.length / 2, 2))) {
            throw new IllegalArgumentException("its tensor " + prefix + NAME + " is " + file.shape(prefix + NAME)
                    + ", expected a pair for every class");
        }
        try {
            for (int i = 0; i < pairs.length; i += 2) {
                if (pairs[i] < 0 || pairs[i] >= MOST_CLASSES) {
                    throw new IllegalArgumentException(
                            "its tensor " + prefix + NAME + " has the class number " + pairs[i]);
                }
                ClassStatistics statistics = ClassStatistics.read(file, tensors(pairs[i], pairs[i + 1]));
                classes.put(pairs[i], new Measured(statistics, pairs[i + 1]));
            }
        } catch (IOException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
        return new Fitted(classes, settings.beta());
    }

    /** Names of a class's statistics as they were after so many lessons: all later classifiers share them. */
    private static String tensors(int label, int times) {
        return NAME + "." + label + "." + times + ".";
    }

    /** @param times lessons that measured the class */
    private record Measured(ClassStatistics statistics, int times) {}

    /** After one experience. */
    private static final class Fitted implements Classifier {
        private final SortedMap<Integer, Measured> classes;
        private final double beta;
        /** Null until it classifies. */
        private @Nullable GaussianClasses gaussians;

        Fitted(SortedMap<Integer, Measured> classes, double beta) {
            this.classes = classes;
            this.beta = beta;
        }

        /** Minus the distance: the nearest class wins. A class that was never measured cannot. */
        @Override
        public double[][] scores(Models models, Inference images, int[] indices) {
            if (gaussians == null) {
                gaussians = new GaussianClasses(
                        classes.values().stream().map(Measured::statistics).toList(), beta);
            }
            int read = classes.values().stream()
                    .mapToInt(measured -> measured.statistics.networks())
                    .max()
                    .orElseThrow();
            float[][][] features = new float[read][][];
            for (int k = 0; k < read; k++) {
                features[k] = images.pooled(models.snapshot(k + 1), indices);
            }
            double[][] distances = gaussians.distances(features);
            double[][] scores = new double[indices.length][classes.lastKey() + 1];
            for (int i = 0; i < indices.length; i++) {
                Arrays.fill(scores[i], Double.NEGATIVE_INFINITY);
                int c = 0;
                for (int label : classes.keySet()) {
                    scores[i][label] = -distances[i][c++];
                }
            }
            return scores;
        }

        @Override
        public void write(SafetensorsWriter file, String prefix) {
            int[] pairs = new int[2 * classes.size()];
            int at = 0;
            for (var entry : classes.entrySet()) {
                pairs[at++] = entry.getKey();
                pairs[at++] = entry.getValue().times;
                String names = tensors(entry.getKey(), entry.getValue().times);
                if (!file.contains(names + "count")) {
                    entry.getValue().statistics.write(file, names);
                }
            }
            file.add(prefix + NAME, Shape.of(classes.size(), 2), pairs);
        }

        @Override
        public long bytes() {
            return classes.values().stream()
                    .mapToLong(measured -> measured.statistics.bytes())
                    .sum();
        }
    }
}

package dev.palimpsest.classifier;

import dev.palimpsest.classifier.Classifier.Models;
import dev.palimpsest.classifier.ClassifierType.Fitting;
import dev.palimpsest.evaluation.Inference;
import dev.palimpsest.gaussian.ClassStatistics;
import dev.palimpsest.gaussian.GaussianClasses;
import dev.palimpsest.gaussian.SharedScatter;
import dev.palimpsest.gaussian.Storage;
import dev.palimpsest.option.Check;
import dev.palimpsest.option.Option;
import dev.palimpsest.option.OptionGroup;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.SequencedMap;
import java.util.SortedMap;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * Classes as Gaussians over what the run's first snapshots give for their training images, measured once, when a class
 * comes: snapshots never change, so nothing that is kept of a class drifts, and no image is kept. A class that returns
 * is merged. After FeCAM (Goswami et al., arXiv 2309.14062) and SEED (Rypeść et al., arXiv 2401.10191); several
 * snapshots for every class are this library's own, and so is pooling the first stage over a grid. With one snapshot it
 * is FeCAM over all stages, with a covariance that leans on all classes; with {@code gaussian-covariance = pooled} all
 * classes share one covariance, and one alone is kept. Where less is kept of a class ({@code gaussian-rank},
 * {@code gaussian-bits}), the shared covariance is kept beside it.
 *
 * @param settings what is read, and how much classes share
 */
record GaussianOverSnapshots(Options settings) implements ClassifierType {
    static final String NAME = "gaussian";
    /** Scores have a place for every number below a class's. */
    private static final int MOST_CLASSES = 1 << 20;

    /** Along a side: what is kept of a class grows with its fourth power. */
    private static final int MOST_PARTS = 4;

    private static final String SHARED = NAME + "_shared.";

    /** Whose covariance measures the distance to a class. */
    enum Covariance {
        /** Every class has its own, which leans on the one that all share. */
        OWN,
        /** One for all classes. */
        POOLED
    }

    /** Which snapshots a class is measured under. */
    enum Read {
        /** The first ones that there are when it comes. */
        FIRST,
        /** That of the experience that it comes with, alone. */
        OWN
    }

    /**
     * What is read, how much classes share, and how much is kept of each.
     *
     * @param read which snapshots
     * @param snapshots how many of the first snapshots are read; each costs a pass over every image
     * @param grid parts along each side over which the first stage is pooled
     * @param covariance own or pooled
     * @param beta share of the covariance that all classes share
     * @param rank columns kept of the factor of a class's own covariance; 0: all
     * @param bits of each value that is kept: 64 or 8
     */
    record Options(Read read, int snapshots, int grid, Covariance covariance, double beta, int rank, int bits) {
        private static final Option<Options, Read> READ = Option.choice(
                "gaussian-read",
                Read.class,
                Read.FIRST,
                "Snapshots that measure a class: the first ones, or that of its own experience alone.",
                Options::read);
        private static final Option<Options, Integer> SNAPSHOTS = Option.<Options>integer(
                        "gaussian-snapshots",
                        3,
                        "First snapshots that measure classes; each costs a pass over every image.",
                        Options::snapshots)
                .when(options -> options.read == Read.FIRST, "gaussian-read = first");
        private static final Option<Options, Integer> GRID = Option.integer(
                "gaussian-grid",
                2,
                "The first stage is pooled over the N×N parts of a grid, so that a class keeps where its edges are; 1:"
                        + " over whole images, for half the bytes.",
                Options::grid);
        private static final Option<Options, Covariance> COVARIANCE = Option.choice(
                "gaussian-covariance",
                Covariance.class,
                Covariance.OWN,
                "Every class has its own covariance, or all have one.",
                Options::covariance);
        private static final Option<Options, Double> BETA = Option.<Options>number(
                        "gaussian-beta",
                        0.5,
                        "Share of the covariance that all classes share, from 0 to 1.",
                        Options::beta)
                .when(options -> options.covariance == Covariance.OWN, "gaussian-covariance = own");
        private static final Option<Options, Integer> RANK = Option.<Options>integer(
                        "gaussian-rank",
                        0,
                        "Columns kept of a class's covariance, with its diagonal; 0: all of it.",
                        Options::rank)
                .when(options -> options.covariance == Covariance.OWN, "gaussian-covariance = own");
        private static final Option<Options, Integer> BITS =
                Option.integer("gaussian-bits", 64, "Bits of each value kept of a class, 64 or 8.", Options::bits);
        /** Texts to values and back. */
        static final OptionGroup<Options> GROUP = new OptionGroup<>(
                List.of(READ, SNAPSHOTS, GRID, COVARIANCE, BETA, RANK, BITS),
                values -> new Options(
                        values.get(READ),
                        values.get(SNAPSHOTS),
                        values.get(GRID),
                        values.get(COVARIANCE),
                        values.get(BETA),
                        values.get(RANK),
                        values.get(BITS)));

        /**
         * Checks the ranges.
         *
         * @throws IllegalArgumentException with a sentence naming the option and what was expected
         */
        public Options {
            Check.atLeast("gaussian-snapshots", snapshots, 1);
            Check.that(grid >= 1 && grid <= MOST_PARTS, "gaussian-grid", grid, "from 1 to " + MOST_PARTS);
            Check.that(beta >= 0 && beta <= 1, "gaussian-beta", beta, "from 0 to 1");
            Check.atLeast("gaussian-rank", rank, 0);
            Check.that(bits == 64 || bits == Byte.SIZE, "gaussian-bits", bits, "64 or 8");
        }

        private Storage storage() {
            return new Storage(covariance == Covariance.POOLED ? 0 : rank == 0 ? Storage.FULL : rank, bits);
        }

        private double share() {
            return covariance == Covariance.POOLED ? 1 : beta;
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
        return settings.read == Read.OWN ? Integer.MAX_VALUE : settings.snapshots();
    }

    @Override
    public String howToRead() {
        return "classes are Gaussians over the pooled outputs of all stages of the networks snapshot.1, snapshot.2, …"
                + (settings.grid == 1
                        ? ""
                        : ", the first stage over a grid of " + settings.grid + "×" + settings.grid + " parts")
                + "; gaussian.C.N.mean.K and gaussian.C.N.scatter.K are those of class C under snapshot.(K+1), and only"
                + " palimpsest predict fits them";
    }

    @Override
    public Classifier fit(Fitting after) {
        SortedMap<Integer, Measured> classes = new TreeMap<>();
        SharedScatter shared = SharedScatter.of(List.of());
        if (after.previous().isPresent()) {
            Fitted previous = (Fitted) after.previous().get();
            classes.putAll(previous.classes);
            shared = previous.shared;
        }
        for (Map.Entry<Integer, int[]> entry : after.imagesByClass().entrySet()) {
            if (entry.getValue().length > 0) {
                Measured known = classes.get(entry.getKey());
                ClassStatistics statistics = measure(after, entry.getValue(), known);
                ClassStatistics whole = known == null ? statistics : known.statistics.merged(statistics);
                shared = shared.with(known == null ? null : known.statistics, whole);
                classes.put(
                        entry.getKey(),
                        new Measured(whole.stored(settings.storage()), known == null ? 1 : known.times + 1));
            }
        }
        return new Fitted(classes, shared);
    }

    /** Of images of a class; one that comes back keeps the snapshots that it came with. */
    private ClassStatistics measure(Fitting after, int[] images, @Nullable Measured known) {
        int first = settings.read == Read.OWN ? after.snapshots() - 1 : 0;
        int end = Math.min(after.snapshots(), snapshots());
        if (known != null) {
            first = known.statistics.first();
            end = known.statistics.networks();
        }
        float[][][] features = new float[end - first][][];
        for (int k = first; k < end; k++) {
            features[k - first] = after.pooled(k + 1, images, settings.grid);
        }
        return ClassStatistics.of(first, features);
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
                ClassStatistics statistics =
                        ClassStatistics.read(file, tensors(pairs[i], pairs[i + 1]), settings.storage());
                classes.put(pairs[i], new Measured(statistics, pairs[i + 1]));
            }
        } catch (IOException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
        return new Fitted(
                classes,
                keepsShared() ? SharedScatter.read(file, prefix + SHARED) : SharedScatter.of(statistics(classes)));
    }

    /** What exact scatters add up to need not be kept. */
    private boolean keepsShared() {
        return !settings.storage().equals(Storage.EXACT);
    }

    private static List<ClassStatistics> statistics(SortedMap<Integer, Measured> classes) {
        return classes.values().stream().map(Measured::statistics).toList();
    }

    /** Names of a class's statistics as they were after so many lessons: all later classifiers share them. */
    private static String tensors(int label, int times) {
        return NAME + "." + label + "." + times + ".";
    }

    /** @param times lessons that measured the class */
    private record Measured(ClassStatistics statistics, int times) {}

    /** After one experience. */
    private final class Fitted implements Classifier {
        private final SortedMap<Integer, Measured> classes;
        /** Of what is kept exactly, this is the sum over classes in the order of their numbers. */
        private final SharedScatter shared;
        /** Null until it classifies. */
        private @Nullable GaussianClasses gaussians;

        Fitted(SortedMap<Integer, Measured> classes, SharedScatter shared) {
            this.classes = classes;
            this.shared = keepsShared() ? shared : SharedScatter.of(statistics(classes));
        }

        /** Minus the distance: the nearest class wins. A class that was never measured cannot. */
        @Override
        public double[][] scores(Models models, Inference images, int[] indices) {
            List<ClassStatistics> all = statistics(classes);
            if (gaussians == null) {
                gaussians = new GaussianClasses(all, settings.share(), shared, null);
            }
            float[][][] features = new float
                    [all.stream().mapToInt(ClassStatistics::networks).max().orElseThrow()][0][];
            for (int k = 0; k < features.length; k++) {
                int network = k;
                if (all.stream().anyMatch(own -> own.under(network))) {
                    features[k] = images.pooled(models.snapshot(k + 1), indices, settings.grid);
                }
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
            if (keepsShared()) {
                shared.write(file, prefix + SHARED);
            }
        }

        @Override
        public long bytes() {
            return classes.values().stream()
                            .mapToLong(measured -> measured.statistics.bytes())
                            .sum()
                    + (keepsShared() ? shared.bytes() : 0);
        }
    }
}

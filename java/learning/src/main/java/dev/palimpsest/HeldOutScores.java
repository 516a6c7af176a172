package dev.palimpsest;

import dev.palimpsest.gaussian.Calibration;
import dev.palimpsest.gaussian.GaussianClasses;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Objects;
import java.util.OptionalDouble;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * How far the held-out samples of all classes are from all classes. Where distances to a class are those of earlier
 * scores, to the bit, they are taken from there: so a lesson that leaves the other classes as they are compares their
 * samples with its own classes alone. Immutable.
 */
final class HeldOutScores {
    /** Samples that are compared at a time. */
    private static final int CHUNK = 1024;

    private static final int[] NONE = {};

    private final GaussianClasses gaussians;
    private final List<OfClass> classes;
    /** Of so many samples one calibrates. */
    private final int every;

    /**
     * The samples of one class.
     *
     * @param samples features, [snapshots][samples][dimensions]
     * @param least distance of each sample to the nearest class
     * @param nearest index of that class, the first of several
     * @param rows distances to all classes of samples that calibrate; null for others
     */
    private record OfClass(float[][][] samples, double[] least, int[] nearest, double[] @Nullable [] rows) {
        private static OfClass unscored(float[][][] samples) {
            int count = samples[0].length;
            return new OfClass(samples, new double[count], new int[count], new double[count][]);
        }
    }

    /** A sample of a class. */
    private record Sample(int label, int index) {}

    private HeldOutScores(GaussianClasses gaussians, List<OfClass> classes, int every) {
        this.gaussians = gaussians;
        this.classes = classes;
        this.every = every;
    }

    /**
     * @param samples held out of each class, [snapshots][samples][dimensions]; there may be none
     * @param gaussians of the same classes
     * @param most distances to calibrate with: those of every n-th sample, for which they are about enough
     * @param earlier of other classes, or before some of them changed; null: there are none
     */
    static HeldOutScores of(
            List<float[][][]> samples, GaussianClasses gaussians, long most, @Nullable HeldOutScores earlier) {
        HeldOutScores scores = new HeldOutScores(
                gaussians, samples.stream().map(OfClass::unscored).toList(), every(samples, most));
        scores.fill(earlier);
        return scores;
    }

    /** A power of two, so that samples that calibrate among more classes calibrated among fewer. */
    private static int every(List<float[][][]> samples, long most) {
        long distances = (long) samples.size()
                * samples.stream().mapToLong(own -> own[0].length).sum();
        int every = 1;
        while (distances > every * most) {
            every *= 2;
        }
        return every;
    }

    private boolean calibrates(int label, int index) {
        return (label + index) % every == 0;
    }

    private void fill(@Nullable HeldOutScores earlier) {
        int[] before = new int[classes.size()];
        Arrays.fill(before, -1);
        int[] since = NONE;
        IdentityHashMap<float[][][], OfClass> scored = new IdentityHashMap<>();
        if (earlier != null) {
            before = gaussians.unchangedSince(earlier.gaussians);
            since = inverse(before, earlier.classes.size());
            earlier.classes.forEach(own -> scored.put(own.samples, own));
        }
        int[] kept = before;
        int[] fresh = IntStream.range(0, kept.length).filter(c -> kept[c] < 0).toArray();
        int[] all = IntStream.range(0, kept.length).toArray();
        List<Sample> afresh = new ArrayList<>();
        List<Sample> further = new ArrayList<>();
        for (int c = 0; c < classes.size(); c++) {
            OfClass old = scored.get(classes.get(c).samples);
            for (int i = 0; i < classes.get(c).least.length; i++) {
                // What was nearest may be gone, and then any may be nearest.
                boolean usable =
                        old != null && since[old.nearest[i]] >= 0 && (!calibrates(c, i) || old.rows[i] != null);
                (usable ? further : afresh).add(new Sample(c, i));
            }
        }
        score(afresh, all, this::set);
        int[] now = since;
        score(further, fresh, (sample, row) -> {
            OfClass old = Objects.requireNonNull(scored.get(classes.get(sample.label).samples));
            carry(sample, old, row, kept, fresh, now[old.nearest[sample.index]]);
        });
    }

    private static int[] inverse(int[] before, int count) {
        int[] since = new int[count];
        Arrays.fill(since, -1);
        for (int c = 0; c < before.length; c++) {
            if (before[c] >= 0) {
                since[before[c]] = c;
            }
        }
        return since;
    }

    /** Takes a sample's distances to the classes that were asked for. */
    private interface Taker {
        void take(Sample sample, double[] distances);
    }

    /** Chunk by chunk; samples of a chunk were measured by as many networks. */
    private void score(List<Sample> samples, int[] of, Taker taker) {
        for (int begin = 0, end; begin < samples.size(); begin = end) {
            int networks = features(samples.get(begin)).length;
            end = begin + 1;
            while (end < samples.size() && end - begin < CHUNK && features(samples.get(end)).length == networks) {
                end++;
            }
            float[][][] chunk = new float[networks][end - begin][];
            for (int k = 0; k < networks; k++) {
                for (int i = begin; i < end; i++) {
                    chunk[k][i - begin] = features(samples.get(i))[k][samples.get(i).index];
                }
            }
            double[][] distances = of.length == 0 ? new double[end - begin][0] : gaussians.distances(chunk, of);
            for (int i = begin; i < end; i++) {
                taker.take(samples.get(i), distances[i - begin]);
            }
        }
    }

    private float[][][] features(Sample sample) {
        return classes.get(sample.label).samples;
    }

    private void set(Sample sample, double[] row) {
        OfClass own = classes.get(sample.label);
        int nearest = nearest(row);
        own.nearest[sample.index] = nearest;
        own.least[sample.index] = row[nearest];
        own.rows[sample.index] = calibrates(sample.label, sample.index) ? row : null;
    }

    /**
     * @param old scores of the same samples
     * @param further distances to the fresh classes
     * @param before index of each class in the old rows
     * @param nearest what was nearest, by its present index
     */
    private void carry(Sample sample, OfClass old, double[] further, int[] before, int[] fresh, int nearest) {
        OfClass own = classes.get(sample.label);
        int i = sample.index;
        double least = old.least[i];
        int first = nearest;
        for (int f = 0; f < fresh.length; f++) {
            if (further[f] < least || (further[f] == least && fresh[f] < first)) {
                least = further[f];
                first = fresh[f];
            }
        }
        own.least[i] = least;
        own.nearest[i] = first;
        double[] distances = old.rows[i];
        if (calibrates(sample.label, i) && distances != null) {
            double[] row = new double[before.length];
            for (int c = 0; c < row.length; c++) {
                row[c] = before[c] < 0 ? 0 : distances[before[c]];
            }
            for (int f = 0; f < fresh.length; f++) {
                row[fresh[f]] = further[f];
            }
            own.rows[i] = row;
        }
    }

    static int nearest(double[] distances) {
        int nearest = 0;
        for (int c = 1; c < distances.length; c++) {
            nearest = distances[c] < distances[nearest] ? c : nearest;
        }
        return nearest;
    }

    /**
     * How many of a class's samples are nearest to it.
     *
     * @return share of 1; empty without samples
     */
    OptionalDouble accuracy(int label) {
        return Arrays.stream(classes.get(label).nearest)
                .mapToDouble(nearest -> nearest == label ? 1 : 0)
                .average();
    }

    /** By the samples that calibrate; {@link Calibration#NONE} where nothing is held out. */
    Manifest.Calibrated calibration() {
        List<double[]> distances = new ArrayList<>();
        List<Integer> labels = new ArrayList<>();
        for (int c = 0; c < classes.size(); c++) {
            for (double[] row : classes.get(c).rows) {
                if (row != null) {
                    distances.add(row);
                    labels.add(c);
                }
            }
        }
        if (distances.isEmpty()) {
            return new Manifest.Calibrated(
                    Calibration.NONE.temperature(), Calibration.NONE.farthest(), OptionalDouble.empty());
        }
        double[][] rows = distances.toArray(double[][]::new);
        int[] own = labels.stream().mapToInt(Integer::intValue).toArray();
        Calibration fit = Calibration.of(rows, own);
        return new Manifest.Calibrated(
                fit.temperature(), fit.farthest(), OptionalDouble.of(fit.expectedError(rows, own)));
    }
}

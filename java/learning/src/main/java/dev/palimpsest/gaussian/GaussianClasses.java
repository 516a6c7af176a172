package dev.palimpsest.gaussian;

import java.util.Arrays;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Classes as Gaussians under several networks k, each class under the first networks that there were when it came.
 * After FeCAM (Goswami et al., arXiv 2309.14062) and SEED (Rypeść et al., arXiv 2401.10191); several networks for
 * every class, and what follows from them, are this library's own.
 *
 * <pre>
 *   σ_k   root of the pooled within-class variance of each dimension; everything below in φ/σ_k
 *   Σ_k   = OAS( pooled within-class covariance of all classes known under k )
 *   Σ_kc  = β_c Σ_k + (1−β_c) OAS( S_kc / n_c ), shrunk in the space whitened by Σ_k;  β_c = 1 − (1−β)·n_c/(n_c+10)
 *   D_k(x,c) = (φ_k−μ_kc)ᵀ Σ_kc⁻¹ (φ_k−μ_kc) / (1 + 1/n_c)
 *   distance(x,c) = Σ_k w_k D_k(x,c) / Σ_k w_k,  w_k = number of classes known under k, of those that shape Σ_k
 * </pre>
 *
 * <p>OAS is the shrinkage of Chen, Wiesel, Eldar and Hero (2010). The factor 1 + 1/n_c is there because the mean of few
 * samples is uncertain; log-determinants are left out, they cost accuracy. Immutable; any number of threads may ask.
 * Distances of a sample do not depend on which others are asked for with it.
 */
public final class GaussianClasses {
    /** With as many samples a class's own covariance weighs half of what it weighs with many. */
    private static final double HALF_TRUST = 10;

    /** Samples that are compared with a class together: their deviations from its mean are 115 kB of 112 dimensions. */
    private static final int BLOCK = 128;
    /** Of fewer, each is compared alone. */
    private static final int FEWEST_TOGETHER = 8;

    private final List<ClassStatistics> classes;
    private final double beta;
    private final SharedScatter shared;
    /** Null where a network measured nobody. */
    private final @Nullable Network[] networks;

    /** One network's part; the class's entries are null where the network did not measure it. */
    private record Network(
            double[] deviation,
            double[][] whitening,
            double[] @Nullable [] means,
            double[] @Nullable [] inverses,
            double[] factors,
            int weight) {}

    /**
     * Fits all classes; in parallel, with the same bits for any number of threads.
     *
     * @param classes in the order in which they came: sums over classes are in this order
     * @param beta share of the covariance that all classes share, from 0 to 1; 1: one covariance for all
     * @throws IllegalArgumentException if classes have other dimensions under the same network
     */
    public GaussianClasses(List<ClassStatistics> classes, double beta) {
        this(classes, beta, SharedScatter.of(classes), null);
    }

    /**
     * Fits what earlier Gaussians do not have: under each network whose shared covariance is the same to the bit, only
     * classes whose statistics are other objects. The bits are those of fitting all.
     *
     * @param classes in the order in which they came
     * @param beta share of the covariance that all classes share, from 0 to 1; 1: one covariance for all
     * @param shared under at least as many networks as measured some class
     * @param earlier null: nothing is fitted yet
     */
    public GaussianClasses(
            List<ClassStatistics> classes, double beta, SharedScatter shared, @Nullable GaussianClasses earlier) {
        this.classes = List.copyOf(classes);
        this.beta = beta;
        this.shared = shared;
        networks = new Network[shared.networks()];
        IdentityHashMap<ClassStatistics, Integer> fitted = indices(earlier == null ? List.of() : earlier.classes);
        for (int k = 0; k < networks.length; k++) {
            if (shared.samples(k) == 0) {
                continue;
            }
            boolean same = earlier != null && earlier.beta == beta && shared.equals(earlier.shared, k);
            networks[k] = network(k, earlier != null && same ? earlier.networks[k] : null, fitted);
        }
    }

    private Network network(int k, @Nullable Network earlier, IdentityHashMap<ClassStatistics, Integer> fitted) {
        double[] deviation = earlier == null ? deviation(k) : earlier.deviation;
        double[][] whitening = earlier == null
                ? Triangle.cholesky(
                        Shrinkage.oas(covariance(shared.scatter(k), shared.samples(k), deviation), shared.samples(k)))
                : earlier.whitening;
        double[] identity = Triangle.identityColumns(beta == 1 ? deviation.length : 0);
        double[][] means = new double[classes.size()][];
        double[][] inverses = new double[classes.size()][];
        double[] factors = new double[classes.size()];
        try {
            IntStream.range(0, classes.size()).parallel().forEach(c -> {
                ClassStatistics own = classes.get(c);
                Integer before = earlier == null ? null : fitted.get(own);
                if (earlier != null && before != null) {
                    means[c] = earlier.means[before];
                    inverses[c] = earlier.inverses[before];
                    factors[c] = earlier.factors[before];
                } else if (own.under(k)) {
                    means[c] = whitened(own.mean(k), deviation, whitening);
                    inverses[c] = beta == 1
                            ? identity
                            : Triangle.inverseColumns(Triangle.cholesky(mixed(own, k, deviation, whitening)));
                    factors[c] = 1 / (1 + 1.0 / own.count());
                }
            });
        } catch (IllegalArgumentException e) { // the sentence of the thread that threw it, not a stream's word for it
            throw e.getCause() instanceof IllegalArgumentException own ? own : e;
        }
        int known = (int) classes.stream().filter(c -> c.under(k)).count();
        return new Network(deviation, whitening, means, inverses, factors, shared.classes(k, known));
    }

    /**
     * Which classes are as far from every sample as they were, to the bit.
     *
     * @param earlier Gaussians that these were fitted after
     * @return for each of these classes its index among the earlier ones; -1: it is new, or distances to it changed
     */
    @SuppressWarnings("ReferenceEquality") // the arrays are handed on where nothing changed
    public int[] unchangedSince(GaussianClasses earlier) {
        boolean same = true;
        for (int k = 0; k < Math.min(networks.length, earlier.networks.length); k++) {
            Network now = networks[k];
            Network before = earlier.networks[k];
            // A network of which there was or is nothing says nothing of a class that is in both.
            same &= now == null || before == null || (now.whitening == before.whitening && now.weight == before.weight);
        }
        int[] indices = new int[classes.size()];
        Arrays.fill(indices, -1);
        IdentityHashMap<ClassStatistics, Integer> known = same ? indices(earlier.classes) : new IdentityHashMap<>();
        for (int c = 0; c < indices.length; c++) {
            indices[c] = known.getOrDefault(classes.get(c), -1);
        }
        return indices;
    }

    private static IdentityHashMap<ClassStatistics, Integer> indices(List<ClassStatistics> classes) {
        IdentityHashMap<ClassStatistics, Integer> indices = new IdentityHashMap<>();
        for (int c = 0; c < classes.size(); c++) {
            indices.put(classes.get(c), c);
        }
        return indices;
    }

    private double[] deviation(int k) {
        double[] scatter = shared.scatter(k);
        double[] deviation = new double[dimensions(scatter)];
        for (int d = 0; d < deviation.length; d++) {
            double variance = scatter[d * (d + 1) / 2 + d] / shared.samples(k);
            deviation[d] = variance > 0 ? Math.sqrt(variance) : 1; // a dimension that never varied is left as it is
        }
        return deviation;
    }

    /** d of d(d+1)/2 values. */
    private static int dimensions(double[] scatter) {
        return (int) Math.sqrt(2.0 * scatter.length);
    }

    /** [d][d] of the packed scatter over a number of samples, in units of the deviations. */
    private static double[][] covariance(double[] scatter, long samples, double[] deviation) {
        int dims = deviation.length;
        double[][] covariance = new double[dims][dims];
        for (int i = 0, at = 0; i < dims; i++) {
            for (int j = 0; j <= i; j++, at++) {
                covariance[i][j] = scatter[at] / samples / (deviation[i] * deviation[j]);
                covariance[j][i] = covariance[i][j];
            }
        }
        return covariance;
    }

    /** β I + (1−β) OAS(L⁻¹ S L⁻ᵀ): the class's covariance where the shared one is the identity. */
    private double[][] mixed(ClassStatistics own, int k, double[] deviation, double[][] whitening) {
        double[][] half = Triangle.solve(whitening, covariance(own.scatter(k, shared), own.count(), deviation));
        double[][] mixed = Triangle.solve(whitening, Triangle.transposed(half));
        Shrinkage.shrink(mixed, own.count());
        double trust = (1 - beta) * own.count() / (own.count() + HALF_TRUST);
        for (int i = 0; i < mixed.length; i++) {
            for (int j = 0; j < mixed.length; j++) {
                mixed[i][j] = trust * mixed[i][j] + (i == j ? 1 - trust : 0);
            }
        }
        return mixed;
    }

    private static double[] whitened(double[] feature, double[] deviation, double[][] whitening) {
        double[] scaled = new double[feature.length];
        for (int i = 0; i < scaled.length; i++) {
            double value = feature[i] / deviation[i];
            for (int j = 0; j < i; j++) {
                value -= whitening[i][j] * scaled[j];
            }
            scaled[i] = value / whitening[i][i];
        }
        return scaled;
    }

    /**
     * How many classes there are.
     *
     * @return those it was made of
     */
    public int classes() {
        return classes.size();
    }

    /**
     * Distances of samples to all classes.
     *
     * @param features [networks][samples][dimensions], under the first so many networks: under fewer than measured a
     *     class, only those are compared; nothing is read of networks that measured no class
     * @return [samples][classes], at least 0
     * @throws IllegalArgumentException if samples have other dimensions than classes
     */
    public double[][] distances(float[][][] features) {
        return distances(features, IntStream.range(0, classes.size()).toArray());
    }

    /**
     * Distances of samples to some of the classes.
     *
     * @param features as for {@link #distances(float[][][])}
     * @param of indices of classes
     * @return [samples][of.length], at least 0
     * @throws IllegalArgumentException if samples have other dimensions than classes
     */
    public double[][] distances(float[][][] features, int[] of) {
        int samples = features[features.length - 1].length;
        int block = samples < FEWEST_TOGETHER ? 1 : BLOCK;
        // Networks that measured nobody say nothing, and nothing is asked of them.
        double[][][][] white = new double[Math.min(features.length, networks.length)][][][];
        for (int k = 0; k < white.length; k++) {
            Network network = networks[k];
            white[k] = network == null ? new double[0][][] : whitened(features[k], network, block);
        }
        double[][] distances = new double[samples][of.length];
        IntStream all = IntStream.range(0, of.length);
        // A few samples are sooner done than handed round.
        (samples * of.length > 1000 ? all.parallel() : all).forEach(at -> distances(white, of[at], at, distances));
        return distances;
    }

    /** [blocks][dimensions][samples of the block] */
    private static double[][][] whitened(float[][] features, Network network, int block) {
        int dims = network.deviation.length;
        double[][][] white = new double[Math.ceilDiv(features.length, block)][][];
        for (int b = 0; b < white.length; b++) {
            int count = Math.min(block, features.length - b * block);
            double[][] scaled = new double[dims][count];
            for (int i = 0; i < count; i++) {
                float[] feature = features[b * block + i];
                if (feature.length != dims) {
                    throw new IllegalArgumentException("samples have " + feature.length
                            + " dimensions under a network where classes have " + dims);
                }
                for (int d = 0; d < dims; d++) {
                    scaled[d][i] = feature[d] / network.deviation[d];
                }
            }
            white[b] = Triangle.solve(network.whitening, scaled);
        }
        return white;
    }

    private void distances(double[][][][] white, int c, int at, double[][] distances) {
        double weights = 0;
        for (int k = 0; k < white.length; k++) {
            Network network = networks[k];
            double[] mean = network == null ? null : network.means[c];
            double[] inverse = network == null ? null : network.inverses[c];
            if (network == null || mean == null || inverse == null) {
                continue;
            }
            weights += network.weight;
            double scale = network.weight * network.factors[c];
            int sample = 0;
            for (double[][] block : white[k]) {
                for (double length : squaredLengths(inverse, block, mean)) {
                    distances[sample++][at] += scale * length;
                }
            }
        }
        for (double[] row : distances) {
            row[at] /= weights;
        }
    }

    /** ‖L⁻¹·(column − mean)‖² of each column of a block. */
    private static double[] squaredLengths(double[] inverse, double[][] block, double[] mean) {
        int dims = mean.length;
        double[] lengths = new double[block[0].length];
        if (lengths.length == 1) {
            double[] off = new double[dims];
            for (int d = 0; d < dims; d++) {
                off[d] = block[d][0] - mean[d];
            }
            lengths[0] = Triangle.squaredLength(inverse, off, new double[dims]);
            return lengths;
        }
        double[][] off = new double[dims][lengths.length];
        for (int d = 0; d < dims; d++) {
            for (int i = 0; i < lengths.length; i++) {
                off[d][i] = block[d][i] - mean[d];
            }
        }
        Triangle.squaredLengths(inverse, off, lengths);
        return lengths;
    }
}

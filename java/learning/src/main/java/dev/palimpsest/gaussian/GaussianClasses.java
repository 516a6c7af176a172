package dev.palimpsest.gaussian;

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
 *   distance(x,c) = Σ_k w_k D_k(x,c) / Σ_k w_k,  w_k = number of classes known under k
 * </pre>
 *
 * <p>OAS is the shrinkage of Chen, Wiesel, Eldar and Hero (2010). The factor 1 + 1/n_c is there because the mean of few
 * samples is uncertain; log-determinants are left out, they cost accuracy. Immutable; any number of threads may ask.
 * Distances of a sample do not depend on which others are asked for with it.
 */
public final class GaussianClasses {
    /** With as many samples a class's own covariance weighs half of what it weighs with many. */
    private static final double HALF_TRUST = 10;

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
            int known) {}

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
        IdentityHashMap<ClassStatistics, Integer> fitted = new IdentityHashMap<>();
        for (int c = 0; earlier != null && c < earlier.classes.size(); c++) {
            fitted.put(earlier.classes.get(c), c);
        }
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
        int known = (int) classes.stream().filter(c -> c.under(k)).count();
        return new Network(deviation, whitening, means, inverses, factors, known);
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
        int samples = features[features.length - 1].length;
        // Networks that measured nobody say nothing, and nothing is asked of them.
        double[][][] white = new double[Math.min(features.length, networks.length)][samples][];
        for (int k = 0; k < white.length; k++) {
            Network network = networks[k];
            for (int i = 0; network != null && i < samples; i++) {
                if (features[k][i].length != network.deviation.length) {
                    throw new IllegalArgumentException("samples have " + features[k][i].length
                            + " dimensions under a network where classes have " + network.deviation.length);
                }
                white[k][i] = whitened(ClassStatistics.widened(features[k][i]), network.deviation, network.whitening);
            }
        }
        double[][] distances = new double[samples][classes.size()];
        IntStream all = IntStream.range(0, classes.size());
        // A few samples are sooner done than handed round.
        (samples * classes.size() > 1000 ? all.parallel() : all).forEach(c -> distances(white, c, distances));
        return distances;
    }

    private void distances(double[][][] white, int c, double[][] distances) {
        double weights = 0;
        for (int k = 0; k < white.length; k++) {
            Network network = networks[k];
            double[] mean = network == null ? null : network.means[c];
            double[] inverse = network == null ? null : network.inverses[c];
            if (network == null || mean == null || inverse == null) {
                continue;
            }
            weights += network.known;
            double[] off = new double[mean.length];
            double[] work = new double[mean.length];
            for (int i = 0; i < distances.length; i++) {
                for (int d = 0; d < off.length; d++) {
                    off[d] = white[k][i][d] - mean[d];
                }
                distances[i][c] += network.known * network.factors[c] * Triangle.squaredLength(inverse, off, work);
            }
        }
        for (double[] row : distances) {
            row[c] /= weights;
        }
    }
}

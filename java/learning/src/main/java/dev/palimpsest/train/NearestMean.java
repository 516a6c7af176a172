package dev.palimpsest.train;

/** Classifies by the nearest class mean of features of length 1 (iCaRL, Rebuffi 2017, Algorithm 1). */
final class NearestMean implements Scorer {
    private final double[][] means;

    /** @param features of each class's exemplars, [class][exemplar][dimension] */
    NearestMean(float[][][] features) {
        means = new double[features.length][];
        for (int c = 0; c < features.length; c++) {
            means[c] = mean(normalised(features[c]));
            normalise(means[c]);
        }
    }

    private NearestMean(double[][] means) {
        this.means = means;
    }

    /** @param means of each class, of length 1 */
    static NearestMean of(double[][] means) {
        return new NearestMean(means);
    }

    @Override
    public double[][] matrix() {
        return means;
    }

    /** Minus the squared distance to every class mean: the highest score is the nearest. */
    @Override
    public double[] scores(float[] feature) {
        double[] unit = normalised(new float[][] {feature})[0];
        double[] scores = new double[means.length];
        for (int c = 0; c < means.length; c++) {
            for (int d = 0; d < unit.length; d++) {
                double difference = unit[d] - means[c][d];
                scores[c] -= difference * difference;
            }
        }
        return scores;
    }

    static double[][] normalised(float[][] features) {
        double[][] unit = new double[features.length][];
        for (int i = 0; i < features.length; i++) {
            unit[i] = new double[features[i].length];
            for (int d = 0; d < unit[i].length; d++) {
                unit[i][d] = features[i][d];
            }
            normalise(unit[i]);
        }
        return unit;
    }

    static double[] mean(double[][] vectors) {
        double[] mean = new double[vectors[0].length];
        for (double[] vector : vectors) {
            for (int d = 0; d < mean.length; d++) {
                mean[d] += vector[d] / vectors.length;
            }
        }
        return mean;
    }

    /** To length 1; a zero vector stays. */
    private static void normalise(double[] vector) {
        double squares = 0;
        for (double x : vector) {
            squares += x * x;
        }
        for (int d = 0; squares > 0 && d < vector.length; d++) {
            vector[d] /= Math.sqrt(squares);
        }
    }
}

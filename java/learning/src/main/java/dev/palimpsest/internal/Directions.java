package dev.palimpsest.internal;

/** Features as vectors of length 1 in double precision, as iCaRL compares them. */
public final class Directions {
    private Directions() {}

    /**
     * Features brought to length 1.
     *
     * @param features [images][dimensions]
     * @return [images][dimensions]; a zero vector stays
     */
    public static double[][] of(float[][] features) {
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

    /**
     * The mean of vectors.
     *
     * @param vectors [vectors][dimensions], at least one
     * @return [dimensions]
     */
    public static double[] mean(double[][] vectors) {
        double[] mean = new double[vectors[0].length];
        for (double[] vector : vectors) {
            for (int d = 0; d < mean.length; d++) {
                mean[d] += vector[d] / vectors.length;
            }
        }
        return mean;
    }

    /**
     * Brings a vector to length 1, in place; a zero vector stays.
     *
     * @param vector to be changed
     */
    public static void normalise(double[] vector) {
        double squares = 0;
        for (double x : vector) {
            squares += x * x;
        }
        for (int d = 0; squares > 0 && d < vector.length; d++) {
            vector[d] /= Math.sqrt(squares);
        }
    }
}

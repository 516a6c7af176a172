package dev.palimpsest.classifier;

import dev.palimpsest.classifier.ClassifierType.Fitting;
import dev.palimpsest.internal.Directions;
import dev.palimpsest.tensor.Safetensors;

/** Classifies by the nearest class mean of features of length 1 (iCaRL, Rebuffi 2017, Algorithm 1). */
record NearestMean() implements ClassifierType {
    static final String NAME = "nearest-mean";
    private static final String TENSOR = "class_means";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public boolean needsExemplars() {
        return true;
    }

    @Override
    public String howToRead() {
        return "the class is the row of class_means that has the largest product with the feature, which is what enters"
                + " fc; rows have length 1";
    }

    @Override
    public Classifier fit(Fitting after) {
        return Means.of(after.exemplarFeatures());
    }

    @Override
    public Classifier read(Safetensors file, String prefix) {
        return new Means(FeatureClassifier.matrix(file, prefix + TENSOR));
    }

    /**
     * The means of all classes.
     *
     * @param matrix [classes][dimensions], rows of length 1
     */
    record Means(double[][] matrix) implements FeatureClassifier {
        /** @param features of each class's exemplars, [class][exemplar][dimension] */
        static Means of(float[][][] features) {
            double[][] means = new double[features.length][];
            for (int c = 0; c < features.length; c++) {
                means[c] = Directions.mean(Directions.of(features[c]));
                Directions.normalise(means[c]);
            }
            return new Means(means);
        }

        @Override
        public String tensor() {
            return TENSOR;
        }

        @Override
        public int dimensions() {
            return matrix[0].length;
        }

        /** Minus the squared distance to every class mean: the highest score is the nearest. */
        @Override
        public double[] scores(float[] feature) {
            double[] unit = Directions.of(new float[][] {feature})[0];
            double[] scores = new double[matrix.length];
            for (int c = 0; c < matrix.length; c++) {
                for (int d = 0; d < unit.length; d++) {
                    double difference = unit[d] - matrix[c][d];
                    scores[c] -= difference * difference;
                }
            }
            return scores;
        }
    }
}

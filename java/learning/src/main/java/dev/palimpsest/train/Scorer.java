package dev.palimpsest.train;

/** Scores the feature of an image, one score a class; the highest wins. */
sealed interface Scorer permits NearestMean, LinearHead {
    double[] scores(float[] feature);

    /** All that it knows, from which {@link Classifier#read} makes it again. */
    double[][] matrix();
}

package dev.palimpsest.train;

/** Scores the feature of an image, one score a class; the highest wins. */
@FunctionalInterface
interface Scorer {
    double[] scores(float[] feature);
}

package dev.palimpsest.classifier;

import dev.palimpsest.classifier.Classifier.Models;
import dev.palimpsest.evaluation.Inference;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.util.Arrays;

/** A classifier that is one float64 matrix over the latest model's feature. */
interface FeatureClassifier extends Classifier {
    /** Scores of one image, one for each class; the highest wins. */
    double[] scores(float[] feature);

    /** How many values of a feature it reads. */
    int dimensions();

    /** All that it knows, from which it can be made again. */
    double[][] matrix();

    /** Name of the matrix in a file, after the prefix. */
    String tensor();

    @Override
    default double[][] scores(Models models, Inference images, int[] indices) {
        float[][] features = images.features(models.latest(), indices);
        for (float[] feature : features) {
            if (feature.length != dimensions()) {
                throw new IllegalArgumentException("its classifier is of features of " + dimensions()
                        + " values, the network's have " + feature.length);
            }
        }
        return Arrays.stream(features).map(this::scores).toArray(double[][]::new);
    }

    @Override
    default void write(SafetensorsWriter file, String prefix) {
        double[][] matrix = matrix();
        file.add(
                prefix + tensor(),
                Shape.of(matrix.length, matrix[0].length),
                Arrays.stream(matrix).flatMapToDouble(Arrays::stream).toArray());
    }

    @Override
    default long bytes() {
        return (long) matrix().length * matrix()[0].length * Double.BYTES;
    }

    /**
     * A matrix that {@link #write} added.
     *
     * @throws IllegalArgumentException if the file has none of that name, or it is empty or not finite
     */
    static double[][] matrix(Safetensors file, String name) {
        Shape shape = file.shape(name);
        double[] values = file.doubles(name);
        if (shape.rank() != 2 || values.length == 0 || !Arrays.stream(values).allMatch(Double::isFinite)) {
            throw new IllegalArgumentException(
                    "its tensor " + name + " of " + shape + " is no matrix of finite values");
        }
        double[][] matrix = new double[shape.extent(0)][shape.extent(1)];
        for (int i = 0; i < values.length; i++) {
            matrix[i / matrix[0].length][i % matrix[0].length] = values[i];
        }
        return matrix;
    }
}

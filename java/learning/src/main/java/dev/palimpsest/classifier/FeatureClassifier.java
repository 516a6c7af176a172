package dev.palimpsest.classifier;

import dev.palimpsest.evaluation.Inference;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.util.Arrays;

/** A classifier that is one float64 matrix over the latest model's feature. */
interface FeatureClassifier extends Classifier {
    /** Scores of one image, one for each class; the highest wins. */
    double[] scores(float[] feature);

    /** All that it knows, from which it can be made again. */
    double[][] matrix();

    /** Name of the matrix in a file, after the prefix. */
    String tensor();

    @Override
    default double[][] scores(Models models, Inference images, int[] indices) {
        return Arrays.stream(images.features(models.latest(), indices))
                .map(this::scores)
                .toArray(double[][]::new);
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

    /** A matrix that {@link #write} added. */
    static double[][] matrix(Safetensors file, String name) {
        double[] values = file.doubles(name);
        double[][] matrix =
                new double[file.shape(name).extent(0)][file.shape(name).extent(1)];
        for (int i = 0; i < values.length; i++) {
            matrix[i / matrix[0].length][i % matrix[0].length] = values[i];
        }
        return matrix;
    }
}

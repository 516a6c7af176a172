package dev.palimpsest.classifier;

import dev.palimpsest.model.Network.Head;
import dev.palimpsest.tensor.Safetensors;
import java.util.Arrays;
import java.util.Optional;

/**
 * A copy of the network's head, changed for evaluation alone: the network goes on with its own one, and so do its
 * teachers.
 *
 * @param matrix [dimensions + 1][classes]: a row of weights for every dimension of the feature, then the biases; loops
 *     over classes are long and free of reductions, so the JIT compiler vectorises them
 */
record LinearHead(double[][] matrix) implements FeatureClassifier {
    private static final String TENSOR = "linear_head";

    static LinearHead of(Head head) {
        return of(head.weight().toArray(), head.bias().toArray());
    }

    /** @param weight [classes, dimensions] */
    static LinearHead of(float[] weight, float[] bias) {
        int dims = weight.length / bias.length;
        double[][] rows = new double[dims + 1][bias.length];
        for (int c = 0; c < bias.length; c++) {
            for (int d = 0; d < dims; d++) {
                rows[d][c] = weight[c * dims + d];
            }
            rows[dims][c] = bias[c];
        }
        return new LinearHead(rows);
    }

    /** What {@link #write} added. */
    static LinearHead read(Safetensors file, String prefix) {
        return new LinearHead(FeatureClassifier.matrix(file, prefix + TENSOR));
    }

    @Override
    public String tensor() {
        return TENSOR;
    }

    @Override
    public Optional<double[][]> linearHead() {
        return Optional.of(matrix);
    }

    int classes() {
        return matrix[0].length;
    }

    @Override
    public int dimensions() {
        return matrix.length - 1;
    }

    @Override
    public double[] scores(float[] feature) {
        double[] scores = matrix[matrix.length - 1].clone();
        for (int d = 0; d < feature.length; d++) {
            add(scores, feature[d], matrix[d]);
        }
        return scores;
    }

    /** A copy of the matrix. */
    double[][] copy() {
        return Arrays.stream(matrix).map(double[]::clone).toArray(double[][]::new);
    }

    static void add(double[] target, double factor, double[] source) {
        for (int c = 0; c < target.length; c++) {
            target[c] += factor * source[c];
        }
    }
}

package dev.palimpsest.train;

import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.model.Head;
import dev.palimpsest.optim.Schedule;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.stream.SplitMix64;
import java.util.Arrays;

/**
 * A copy of the network's head, changed for evaluation alone: the network goes on with its own one, and so do its
 * teachers.
 *
 * @param rows [dimensions + 1][classes]: a row of weights for every dimension of the feature, then the biases; loops
 *     over classes are long and free of reductions, so the JIT compiler vectorises them
 */
record LinearHead(double[][] rows) implements Scorer {
    private static final long PURPOSE = 102;

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

    @Override
    public double[][] matrix() {
        return rows;
    }

    int classes() {
        return rows[0].length;
    }

    private double[] biases() {
        return rows[rows.length - 1];
    }

    @Override
    public double[] scores(float[] feature) {
        double[] scores = biases().clone();
        for (int d = 0; d < feature.length; d++) {
            add(scores, feature[d], rows[d]);
        }
        return scores;
    }

    /**
     * Weight alignment, WA (Zhao et al., CVPR 2020): the weights of the newest classes times the mean length of the
     * older classes' weights over that of their own. There the aligned head also trains on and teaches; here it
     * classifies alone, since a head that is shortened after every experience hurt what came next. Biases stay.
     */
    LinearHead aligned(ClassRange newest) {
        if (newest.begin() == 0) {
            return this;
        }
        double older = meanLength(0, newest.begin());
        double factor = older / meanLength(newest.begin(), newest.end());
        double[][] aligned = copy(rows);
        for (int d = 0; d < rows.length - 1; d++) {
            for (int c = newest.begin(); c < newest.end(); c++) {
                aligned[d][c] *= factor;
            }
        }
        return new LinearHead(aligned);
    }

    private double meanLength(int begin, int end) {
        double sum = 0;
        for (int c = begin; c < end; c++) {
            double squares = 0;
            for (int d = 0; d < rows.length - 1; d++) {
                squares += rows[d][c] * rows[d][c];
            }
            sum += Math.sqrt(squares);
        }
        return sum / (end - begin);
    }

    /**
     * Trained further on features that stay as they are: softmax cross-entropy over all classes, each with as many
     * rows, by SGD with the recipe's batch, momentum and weight decay and a cosine schedule. One thread, double
     * precision, an order drawn by the recipe's seed.
     *
     * @param features [class][exemplar][dimension]; those of a class with fewer come again until it has as many as the
     *     largest
     */
    LinearHead refitted(float[][][] features, Recipe recipe) {
        int perClass = Arrays.stream(features).mapToInt(own -> own.length).max().orElseThrow();
        int[] order = new int[perClass * features.length];
        Arrays.setAll(order, i -> i);
        SplitMix64 random = SplitMix64.of(recipe.seed(), PURPOSE, classes());
        int batch = Math.min(recipe.optimiser().batch(), order.length);
        int epochs = recipe.exemplars().refitEpochs();
        long steps = (long) epochs * ((order.length + batch - 1) / batch);
        Schedule schedule = new Schedule.Cosine();
        double[][] weights = copy(rows);
        double[][] velocity = new double[rows.length][classes()];
        long step = 0;
        for (int epoch = 0; epoch < epochs; epoch++) {
            random.shuffle(order);
            for (int begin = 0; begin < order.length; begin += batch) {
                double[][] gradient = new double[rows.length][classes()];
                int end = Math.min(begin + batch, order.length);
                for (int i = begin; i < end; i++) {
                    int label = order[i] / perClass;
                    float[] feature = features[label][order[i] % perClass % features[label].length];
                    addGradient(gradient, new LinearHead(weights).scores(feature), feature, label, end - begin);
                }
                move(
                        weights,
                        velocity,
                        gradient,
                        recipe.exemplars().refitLearningRate() * schedule.factor(step++, steps),
                        recipe);
            }
        }
        return new LinearHead(weights);
    }

    /** Of −log softmax(scores)[label] / rows. */
    private static void addGradient(double[][] gradient, double[] scores, float[] feature, int label, int rows) {
        double max = Arrays.stream(scores).max().orElseThrow();
        double sum = 0;
        for (int c = 0; c < scores.length; c++) {
            scores[c] = Math.exp(scores[c] - max);
            sum += scores[c];
        }
        for (int c = 0; c < scores.length; c++) {
            scores[c] = (scores[c] / sum - (c == label ? 1 : 0)) / rows;
        }
        for (int d = 0; d < feature.length; d++) {
            add(gradient[d], feature[d], scores);
        }
        add(gradient[feature.length], 1, scores);
    }

    private static void move(double[][] weights, double[][] velocity, double[][] gradient, double rate, Recipe recipe) {
        double decay = recipe.optimiser().weightDecay();
        double momentum = recipe.optimiser().momentum();
        for (int d = 0; d < weights.length; d++) {
            for (int c = 0; c < weights[d].length; c++) {
                velocity[d][c] = momentum * velocity[d][c] + gradient[d][c] + decay * weights[d][c];
                weights[d][c] -= rate * velocity[d][c];
            }
        }
    }

    private static void add(double[] target, double factor, double[] source) {
        for (int c = 0; c < target.length; c++) {
            target[c] += factor * source[c];
        }
    }

    private static double[][] copy(double[][] rows) {
        return Arrays.stream(rows).map(double[]::clone).toArray(double[][]::new);
    }
}

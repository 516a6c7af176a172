package dev.palimpsest.train;

import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import java.util.function.IntUnaryOperator;

/** Scores images for all classes seen: by the network's logits, or by something else on its features. */
final class Classifier implements AutoCloseable {
    private static final String NEAREST_MEAN = "nearest_mean";
    private static final String LINEAR_HEAD = "linear_head";

    private final FrozenNetwork network;
    private final List<FrozenNetwork> companions;
    /** Null where the head classifies. */
    private final Scorer scorer;

    /** @param scorer of the network's features; null: the highest logit. Takes the network over. */
    Classifier(FrozenNetwork network, Scorer scorer) {
        this(network, List.of(), scorer);
    }

    private Classifier(FrozenNetwork network, List<FrozenNetwork> companions, Scorer scorer) {
        this.network = network;
        this.companions = companions;
        this.scorer = scorer;
    }

    /** By the highest logit, on average over the network and its companions. Takes them all over. */
    static Classifier head(FrozenNetwork network, List<FrozenNetwork> companions) {
        return new Classifier(network, companions, null);
    }

    /** By what the function makes for the network's features. Takes the network over. */
    static Classifier onFeatures(FrozenNetwork network, Function<FrozenNetwork, Scorer> scorer) {
        try {
            return new Classifier(network, List.of(), scorer.apply(network));
        } catch (RuntimeException e) {
            network.close();
            throw e;
        }
    }

    /** Null where the head classifies. */
    Scorer scorer() {
        return scorer;
    }

    /** Adds a scorer to a file, as one float64 matrix. Null, the head, adds nothing. */
    static void write(SafetensorsWriter file, String prefix, Scorer scorer) {
        if (scorer != null) {
            double[][] matrix = scorer.matrix();
            file.add(
                    prefix
                            + switch (scorer) {
                                case NearestMean mean -> NEAREST_MEAN;
                                case LinearHead head -> LINEAR_HEAD;
                            },
                    Shape.of(matrix.length, matrix[0].length),
                    Arrays.stream(matrix).flatMapToDouble(Arrays::stream).toArray());
        }
    }

    /**
     * What {@link #write} added.
     *
     * @return null where the head classifies
     */
    static Scorer read(Safetensors file, String prefix) {
        return file.contains(prefix + NEAREST_MEAN)
                ? NearestMean.of(matrix(file, prefix + NEAREST_MEAN))
                : file.contains(prefix + LINEAR_HEAD) ? new LinearHead(matrix(file, prefix + LINEAR_HEAD)) : null;
    }

    private static double[][] matrix(Safetensors file, String name) {
        double[] values = file.doubles(name);
        double[][] matrix =
                new double[file.shape(name).extent(0)][file.shape(name).extent(1)];
        for (int i = 0; i < values.length; i++) {
            matrix[i / matrix[0].length][i % matrix[0].length] = values[i];
        }
        return matrix;
    }

    /** Right answers: single-head, and with the image's own experience given. */
    record Right(int single, int within) {}

    /**
     * Counts right answers on images of one experience's classes.
     *
     * @param relabel from the data set's labels to the stream's numbering
     * @param seen all classes seen by now
     * @param own the experience's
     */
    Right right(Inference images, int[] indices, IntUnaryOperator relabel, ClassRange seen, ClassRange own) {
        // An experience without new classes has no images, and a plan has no batch for none.
        double[][] scores = indices.length == 0 ? new double[0][] : scores(images, indices);
        int single = 0;
        int within = 0;
        for (int i = 0; i < scores.length; i++) {
            int label = relabel.applyAsInt(images.images().label(indices[i]));
            single += best(scores[i], seen) == label ? 1 : 0;
            within += best(scores[i], own) == label ? 1 : 0;
        }
        return new Right(single, within);
    }

    private static int best(double[] scores, ClassRange candidates) {
        int best = candidates.begin();
        for (int c = best + 1; c < candidates.end(); c++) {
            best = scores[c] > scores[best] ? c : best;
        }
        return best;
    }

    /** One row an index, one score a class; the highest wins. */
    double[][] scores(Inference images, int[] indices) {
        return scorer == null
                ? logits(images, indices)
                : Arrays.stream(images.features(network, indices))
                        .map(scorer::scores)
                        .toArray(double[][]::new);
    }

    /** Their sum, which ranks as the mean does. */
    private double[][] logits(Inference images, int[] indices) {
        double[][] sum = Arrays.stream(images.logits(network, indices))
                .map(Classifier::widened)
                .toArray(double[][]::new);
        for (FrozenNetwork companion : companions) {
            float[][] logits = images.logits(companion, indices);
            for (int i = 0; i < sum.length; i++) {
                for (int c = 0; c < sum[i].length; c++) {
                    sum[i][c] += logits[i][c];
                }
            }
        }
        return sum;
    }

    private static double[] widened(float[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }

    @Override
    public void close() {
        network.close();
        companions.forEach(FrozenNetwork::close);
    }
}

package dev.palimpsest.train;

import dev.palimpsest.model.FrozenNetwork;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/** Scores images for all classes seen: by the network's logits, or by something else on its features. */
final class Classifier implements AutoCloseable {
    private final FrozenNetwork network;
    private final List<FrozenNetwork> companions;
    /** Null where the head classifies. */
    private final Scorer scorer;

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

    /** One row an index, one score a class; the highest wins. */
    double[][] scores(Inference images, int[] indices) {
        return scorer == null ? logits(images, indices)
                : Arrays.stream(images.features(network, indices)).map(scorer::scores).toArray(double[][]::new);
    }

    /** Their sum, which ranks as the mean does. */
    private double[][] logits(Inference images, int[] indices) {
        double[][] sum = Arrays.stream(images.logits(network, indices)).map(Classifier::widened).toArray(double[][]::new);
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

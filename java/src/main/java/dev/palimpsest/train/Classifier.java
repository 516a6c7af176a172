package dev.palimpsest.train;

import dev.palimpsest.model.FrozenNetwork;
import java.util.Arrays;
import java.util.function.Function;

/** Scores images for all classes seen: by the network's logits, or by something else on its features. */
final class Classifier implements AutoCloseable {
    private final FrozenNetwork network;
    /** Null where the head classifies. */
    private final Scorer scorer;

    private Classifier(FrozenNetwork network, Scorer scorer) {
        this.network = network;
        this.scorer = scorer;
    }

    /** By the highest logit. Takes the network over. */
    static Classifier head(FrozenNetwork network) {
        return new Classifier(network, null);
    }

    /** By what the function makes for the network's features. Takes the network over. */
    static Classifier onFeatures(FrozenNetwork network, Function<FrozenNetwork, Scorer> scorer) {
        try {
            return new Classifier(network, scorer.apply(network));
        } catch (RuntimeException e) {
            network.close();
            throw e;
        }
    }

    /** One row an index, one score a class; the highest wins. */
    double[][] scores(Inference images, int[] indices) {
        return scorer == null ? Arrays.stream(images.logits(network, indices)).map(Classifier::widened).toArray(double[][]::new)
                : Arrays.stream(images.features(network, indices)).map(scorer::scores).toArray(double[][]::new);
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
    }
}

package dev.palimpsest.train;

import dev.palimpsest.model.FrozenNetwork;
import java.util.Arrays;
import java.util.List;

/** Scores images for all classes seen: logits, or minus the squared distance to the class means of exemplars. */
final class Classifier implements AutoCloseable {
    private final FrozenNetwork network;
    /** Null where the head classifies. */
    private final NearestMean nearest;

    private Classifier(FrozenNetwork network, NearestMean nearest) {
        this.network = network;
        this.nearest = nearest;
    }

    /** By the highest logit. Takes the network over. */
    static Classifier head(FrozenNetwork network) {
        return new Classifier(network, null);
    }

    /** By the nearest mean of each class's exemplars, indices into the given images. Takes the network over. */
    static Classifier nearestMean(FrozenNetwork network, List<int[]> exemplars, Inference images) {
        return new Classifier(network,
                new NearestMean(exemplars.stream().map(own -> images.features(network, own)).toArray(float[][][]::new)));
    }

    /** One row an index, one score a class; the highest wins. */
    double[][] scores(Inference images, int[] indices) {
        return nearest == null ? Arrays.stream(images.logits(network, indices)).map(Classifier::widened).toArray(double[][]::new)
                : Arrays.stream(images.features(network, indices)).map(nearest::scores).toArray(double[][]::new);
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

package dev.palimpsest.classifier;

import dev.palimpsest.classifier.Classifier.Models;
import dev.palimpsest.classifier.ClassifierType.Fitting;
import dev.palimpsest.evaluation.Inference;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import java.util.Arrays;

/** The network's own head: the highest logit, on average over the network and its companions. Keeps nothing. */
record HighestLogit() implements ClassifierType, Classifier {
    static final String NAME = "head";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public Classifier fit(Fitting after) {
        return this;
    }

    @Override
    public Classifier read(Safetensors file, String prefix) {
        return this;
    }

    /** The sum over all networks, which ranks as the mean does. */
    @Override
    public double[][] scores(Models models, Inference images, int[] indices) {
        double[][] sum = Arrays.stream(images.logits(models.latest(), indices))
                .map(HighestLogit::widened)
                .toArray(double[][]::new);
        for (FrozenNetwork companion : models.companions()) {
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
    public void write(SafetensorsWriter file, String prefix) {
        // The head is the network's, which is written with it.
    }

    @Override
    public long bytes() {
        return 0;
    }
}

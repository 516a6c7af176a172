package dev.palimpsest.train;

import dev.palimpsest.evaluation.Inference;
import dev.palimpsest.internal.Directions;
import dev.palimpsest.internal.SplitMix64;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.stream.Stream.Experience;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Training images of earlier classes that are kept: m per class, by herding (iCaRL, Rebuffi 2017, Algorithm 4) or at
 * random. With a budget m shrinks as classes come, and the images chosen last are dropped (Algorithm 5).
 */
final class Exemplars {
    private static final long PURPOSE = 101;

    private final ExemplarOptions options;
    private final long seed;
    /** Indices by class, in the stream's numbering, in the order of choice. */
    private final List<int[]> byClass = new ArrayList<>();

    Exemplars(ExemplarOptions options, long seed) {
        this.options = options;
        this.seed = seed;
    }

    /** All of them, class by class. */
    int[] indices() {
        return byClass.stream().flatMapToInt(Arrays::stream).toArray();
    }

    List<int[]> byClass() {
        return byClass;
    }

    /**
     * Takes those that a checkpoint has.
     *
     * @param images that there are to train on
     * @throws IllegalArgumentException with a sentence, if one is none of these
     */
    void restore(List<int[]> kept, int images) {
        kept.stream()
                .flatMapToInt(Arrays::stream)
                .filter(i -> i < 0 || i >= images)
                .findFirst()
                .ifPresent(i -> {
                    throw new IllegalArgumentException(
                            "its exemplars have image " + i + ", expected 0 to " + (images - 1));
                });
        byClass.clear();
        byClass.addAll(kept);
    }

    /** Chooses those of an experience's classes, with the features of the network as it is now. */
    void add(Stream stream, Experience experience, FrozenNetwork network, Inference inference) {
        int perClass = options.shareOf(experience.classes().end());
        byClass.replaceAll(own -> Arrays.copyOf(own, Math.min(perClass, own.length)));
        for (int c = experience.classes().begin();
                perClass > 0 && c < experience.classes().end();
                c++) {
            int label = c;
            int[] own = Arrays.stream(experience.train())
                    .filter(i -> stream.relabel(inference.images().label(i)) == label)
                    .toArray();
            int count = Math.min(perClass, own.length);
            byClass.add(
                    switch (options.selection()) {
                        case HERDING -> herd(own, inference.features(network, own), count);
                        case RANDOM -> random(own, count, label);
                    });
        }
    }

    private int[] random(int[] own, int count, int label) {
        SplitMix64.of(seed, PURPOSE, label).shuffle(own);
        return Arrays.copyOf(own, count);
    }

    /** Each next one brings the mean of those chosen nearest to the mean of all; features have length 1. */
    static int[] herd(int[] own, float[][] features, int count) {
        double[][] unit = Directions.of(features);
        double[] target = Directions.mean(unit);
        double[] sum = new double[target.length];
        boolean[] taken = new boolean[own.length];
        int[] chosen = new int[count];
        for (int k = 0; k < count; k++) {
            int best = -1;
            double bestDistance = Double.POSITIVE_INFINITY;
            for (int i = 0; i < own.length; i++) {
                double distance = taken[i] ? Double.POSITIVE_INFINITY : distance(target, sum, unit[i], k + 1);
                if (distance < bestDistance) {
                    best = i;
                    bestDistance = distance;
                }
            }
            if (best < 0) {
                throw new TrainingException(
                        "exemplars cannot be chosen: the features of the class are NaN, so training diverged; "
                                + "lower learning-rate");
            }
            taken[best] = true;
            chosen[k] = own[best];
            for (int d = 0; d < sum.length; d++) {
                sum[d] += unit[best][d];
            }
        }
        return chosen;
    }

    private static double distance(double[] target, double[] sum, double[] candidate, int count) {
        double distance = 0;
        for (int d = 0; d < target.length; d++) {
            double difference = target[d] - (sum[d] + candidate[d]) / count;
            distance += difference * difference;
        }
        return distance;
    }
}

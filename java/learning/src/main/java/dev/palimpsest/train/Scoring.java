package dev.palimpsest.train;

import dev.palimpsest.checkpoint.AccuracyRecorder;
import dev.palimpsest.classifier.Classifier;
import dev.palimpsest.classifier.Classifier.Models;
import dev.palimpsest.evaluation.Inference;
import dev.palimpsest.gaussian.Calibration;
import dev.palimpsest.kernel.ClassRange;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalDouble;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/** One classifier at work: right answers, what an image costs, and what the probabilities are worth. */
final class Scoring {
    private static final int FIRST = 128;

    private final Classifier classifier;
    private final Models models;
    private final IntUnaryOperator relabel;
    private final ClassRange seen;
    private final Inference images;
    private final List<Scored> scored = new ArrayList<>();
    private long nanos;
    private long passes;

    /**
     * One image.
     *
     * @param distances minus the scores of the classes seen
     */
    private record Scored(double[] distances, int label) {
        /** The highest score's probability says nothing of an image whose class has no score. */
        boolean comparable() {
            return distances[label] < Double.POSITIVE_INFINITY;
        }
    }

    /** @param images that accuracies are of */
    Scoring(Classifier classifier, Models models, IntUnaryOperator relabel, ClassRange seen, Inference images) {
        this.classifier = classifier;
        this.models = models;
        this.relabel = relabel;
        this.seen = seen;
        this.images = images;
    }

    /** Scores some of the images, so that networks are compiled before the time is taken. */
    void warmUp(int[] indices) {
        classifier.scores(models, images, Arrays.copyOf(indices, Math.min(FIRST, indices.length)));
    }

    private int[] labels(Inference from, int[] indices) {
        return Arrays.stream(indices)
                .map(i -> relabel.applyAsInt(from.images().label(i)))
                .toArray();
    }

    /** Counts right answers among all classes seen and among those of the images' own experience. */
    AccuracyRecorder.Right right(int[] indices, ClassRange own) {
        long before = images.passes();
        long began = System.nanoTime();
        double[][] scores = classifier.scores(models, images, indices);
        nanos += System.nanoTime() - began;
        passes += images.passes() - before;
        int[] labels = labels(images, indices);
        scored.addAll(scored(scores, labels));
        return AccuracyRecorder.Right.count(scores, labels, seen, own);
    }

    private List<Scored> scored(double[][] scores, int[] labels) {
        return IntStream.range(0, labels.length)
                .mapToObj(i -> new Scored(
                        Arrays.stream(scores[i], 0, seen.end())
                                .map(score -> -score)
                                .toArray(),
                        labels[i]))
                .toList();
    }

    /** Of all images counted so far, with probabilities calibrated on others. */
    Result.Classification classification(Inference heldOut, int[] indices) {
        return classification(scored(classifier.scores(models, heldOut, indices), labels(heldOut, indices)), scored);
    }

    /** The same where those counted are all that is held out: every other one calibrates, the rest is measured. */
    Result.Classification classification() {
        return classification(everyOther(0), everyOther(1));
    }

    private List<Scored> everyOther(int first) {
        return IntStream.range(0, scored.size())
                .filter(i -> i % 2 == first)
                .mapToObj(scored::get)
                .toList();
    }

    private Result.Classification classification(List<Scored> fitted, List<Scored> measured) {
        double count = scored.size();
        List<Scored> comparable = fitted.stream().filter(Scored::comparable).toList();
        if (comparable.isEmpty() || measured.isEmpty()) {
            return new Result.Classification(
                    passes / count, nanos * 1e-6 / count, OptionalDouble.empty(), OptionalDouble.empty());
        }
        Calibration calibration = Calibration.of(distances(comparable), labels(comparable));
        return new Result.Classification(
                passes / count,
                nanos * 1e-6 / count,
                OptionalDouble.of(calibration.temperature()),
                OptionalDouble.of(calibration.expectedError(distances(measured), labels(measured))));
    }

    private static double[][] distances(List<Scored> images) {
        return images.stream().map(Scored::distances).toArray(double[][]::new);
    }

    private static int[] labels(List<Scored> images) {
        return images.stream().mapToInt(Scored::label).toArray();
    }
}

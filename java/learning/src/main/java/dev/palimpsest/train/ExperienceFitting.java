package dev.palimpsest.train;

import dev.palimpsest.classifier.Classifier;
import dev.palimpsest.classifier.Classifier.Models;
import dev.palimpsest.classifier.ClassifierType.Fitting;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.model.Network;
import dev.palimpsest.snapshot.Snapshots;
import dev.palimpsest.stream.Stream.Experience;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What a classifier is made of after an experience of a run. For the thread that trains.
 *
 * @param models as they are now
 * @param kept earlier models
 * @param before the classifier after the experience before; null after the first
 */
record ExperienceFitting(
        Run run,
        Experience experience,
        Models models,
        Exemplars exemplars,
        Optional<Snapshots> kept,
        @Nullable Classifier before)
        implements Fitting {
    @Override
    public Network network() {
        return run.network();
    }

    @Override
    public ClassRange newest() {
        return experience.classes();
    }

    @Override
    public float[][][] exemplarFeatures() {
        return exemplars.byClass().stream()
                .map(own -> run.trainingImages().features(models.latest(), own))
                .toArray(float[][][]::new);
    }

    @Override
    public Optional<Classifier> previous() {
        return Optional.ofNullable(before);
    }

    @Override
    public SortedMap<Integer, int[]> imagesByClass() {
        SortedMap<Integer, int[]> images = new TreeMap<>();
        for (int label : experience.present()) {
            images.put(
                    label,
                    IntStream.of(experience.train())
                            .filter(i -> run.stream().relabel(run.images().label(i)) == label)
                            .toArray());
        }
        return images;
    }

    @Override
    public int snapshots() {
        return kept.map(Snapshots::count).orElse(0);
    }

    @Override
    public float[][] pooled(int snapshot, int[] images, int grid) {
        return run.trainingImages().pooled(models.snapshot(snapshot), images, grid);
    }

    @Override
    public long seed() {
        return run.seed();
    }

    @Override
    public HeadTraining training() {
        TrainingOptions options = run.settings().training();
        return new HeadTraining(options.batch(), options.momentum(), options.weightDecay());
    }
}

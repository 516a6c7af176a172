package dev.palimpsest;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SequencedMap;

/**
 * What a model says of one sample. Immutable.
 *
 * @param className the class that fits best, even if none fits
 * @param probability of that class, calibrated where the version says so
 * @param unknown whether the sample lies further from the best class than nineteen of twenty held-out samples of known
 *     classes do from theirs, and is probably of a class that was never learnt
 * @param distance to the best class: the mean over the models that measured the class of the squared Mahalanobis
 *     distance
 * @param score the distance as a share of the largest that is not unknown, so that the sample is unknown above 1; 0
 *     where nothing was held out to know that distance by
 * @param probabilities of all classes, the most probable first
 */
public record Prediction(
        String className,
        double probability,
        boolean unknown,
        double distance,
        double score,
        SequencedMap<String, Double> probabilities) {
    /** Copies what could be changed from outside. */
    public Prediction {
        probabilities = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(probabilities));
    }

    /**
     * @param byClass probabilities in any order, at least one
     * @param farthest distance that is not unknown; infinite where it is not known
     */
    static Prediction of(Map<String, Double> byClass, double distance, double farthest) {
        SequencedMap<String, Double> sorted = new LinkedHashMap<>();
        byClass.entrySet().stream()
                .sorted(Map.Entry.<String, Double>comparingByValue().reversed())
                .forEach(entry -> sorted.put(entry.getKey(), entry.getValue()));
        Map.Entry<String, Double> best = sorted.firstEntry();
        double score = distance == 0 ? 0 : distance / farthest;
        return new Prediction(best.getKey(), best.getValue(), distance > farthest, distance, score, sorted);
    }
}

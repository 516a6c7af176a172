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
 * @param probabilities of all classes, the most probable first
 */
public record Prediction(
        String className,
        double probability,
        boolean unknown,
        double distance,
        SequencedMap<String, Double> probabilities) {
    /** Copies what could be changed from outside. */
    public Prediction {
        probabilities = Collections.unmodifiableSequencedMap(new LinkedHashMap<>(probabilities));
    }

    /** @param byClass probabilities in any order, at least one */
    static Prediction of(Map<String, Double> byClass, double distance, boolean unknown) {
        SequencedMap<String, Double> sorted = new LinkedHashMap<>();
        byClass.entrySet().stream()
                .sorted(Map.Entry.<String, Double>comparingByValue().reversed())
                .forEach(entry -> sorted.put(entry.getKey(), entry.getValue()));
        Map.Entry<String, Double> best = sorted.firstEntry();
        return new Prediction(best.getKey(), best.getValue(), unknown, distance, sorted);
    }
}

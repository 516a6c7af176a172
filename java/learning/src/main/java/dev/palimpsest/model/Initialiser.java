package dev.palimpsest.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.tensor.Parameter;
import java.util.random.RandomGenerator;

/** Starting values of weights. */
final class Initialiser {
    private Initialiser() {}

    /** Uniform in ±bound from the given element on. */
    static void uniform(Parameter parameter, long from, float bound, RandomGenerator random) {
        for (long i = from; i < parameter.size(); i++) {
            parameter.value().setAtIndex(JAVA_FLOAT, i, (2 * random.nextFloat() - 1) * bound);
        }
        parameter.changed();
    }

    /** Normal around 0. */
    static void normal(Parameter weight, double deviation, RandomGenerator random) {
        for (long i = 0; i < weight.size(); i++) {
            weight.value().setAtIndex(JAVA_FLOAT, i, (float) (deviation * random.nextGaussian()));
        }
        weight.changed();
    }

    static void fill(Parameter parameter, float value) {
        for (long i = 0; i < parameter.size(); i++) {
            parameter.value().setAtIndex(JAVA_FLOAT, i, value);
        }
        parameter.changed();
    }
}

package dev.palimpsest.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.tensor.Parameter;
import java.lang.foreign.MemorySegment;
import java.util.random.RandomGenerator;

/** Starting values of weights. */
final class Initialiser {
    private Initialiser() {}

    /** Uniform in ±bound from the given element on. */
    static void uniform(Parameter parameter, long from, float bound, RandomGenerator random) {
        MemorySegment values = parameter.update();
        for (long i = from; i < parameter.size(); i++) {
            values.setAtIndex(JAVA_FLOAT, i, (2 * random.nextFloat() - 1) * bound);
        }
    }

    /** He et al. 2015 for layers before a ReLU: normal with variance 2 / (outputs · kernel²). */
    static void he(Parameter weight, RandomGenerator random) {
        int fanOut = weight.size() / weight.shape().extent(1);
        double deviation = Math.sqrt(2.0 / fanOut);
        MemorySegment values = weight.update();
        for (long i = 0; i < weight.size(); i++) {
            values.setAtIndex(JAVA_FLOAT, i, (float) (deviation * random.nextGaussian()));
        }
    }

    static void fill(Parameter parameter, float value) {
        MemorySegment values = parameter.update();
        for (long i = 0; i < parameter.size(); i++) {
            values.setAtIndex(JAVA_FLOAT, i, value);
        }
    }
}

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

    /** Normal around 0. */
    static void normal(Parameter weight, double deviation, RandomGenerator random) {
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

package dev.palimpsest.model;

import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.Arena;
import java.util.SplittableRandom;
import java.util.random.RandomGenerator;

/** A classifier on features, whose outputs grow with the classes seen. */
public final class Head {
    private final String name;
    private final int inputs;
    private final Arena arena;
    private Parameter weight;
    private Parameter bias;

    Head(String name, int inputs, int outputs, Arena arena) {
        this.name = name;
        this.inputs = inputs;
        this.arena = arena;
        weight = new Parameter(name + ".weight", Parameter.Role.HEAD, Shape.of(outputs, inputs), arena);
        bias = new Parameter(name + ".bias", Parameter.Role.HEAD, Shape.of(outputs), arena);
    }

    /** What its parameters' names begin with. */
    String name() {
        return name;
    }

    /**
     * A head in addition to a network's own, which starts as those do.
     *
     * @param name what its parameters' names begin with
     * @param inputs features
     * @param outputs logits
     * @param arena holds its parameters
     * @param seed of the starting values
     * @return the head
     */
    public static Head of(String name, int inputs, int outputs, Arena arena, long seed) {
        Head head = new Head(name, inputs, 0, arena);
        head.grow(outputs, new SplittableRandom(seed));
        return head;
    }

    /**
     * The weight as it is now; another object after {@link #grow}.
     *
     * @return [outputs, inputs]
     */
    public Parameter weight() {
        return weight;
    }

    /**
     * The bias as it is now; another object after {@link #grow}.
     *
     * @return [outputs]
     */
    public Parameter bias() {
        return bias;
    }

    /**
     * How many logits it gives.
     *
     * @return classes that it distinguishes
     */
    public int outputs() {
        return bias.size();
    }

    /** Trained values with so many outputs. */
    long weights(int outputs) {
        return (inputs + 1L) * outputs;
    }

    /**
     * Adds outputs up to the given number; the old ones keep their weights, the new ones start as PyTorch's, uniform
     * in ±1/√inputs.
     */
    void grow(int outputs, RandomGenerator random) {
        if (outputs < outputs()) {
            throw new IllegalArgumentException(name + " has " + outputs() + " outputs and cannot shrink to " + outputs);
        }
        int old = outputs();
        Parameter oldWeight = weight;
        Parameter oldBias = bias;
        weight = new Parameter(name + ".weight", Parameter.Role.HEAD, Shape.of(outputs, inputs), arena);
        bias = new Parameter(name + ".bias", Parameter.Role.HEAD, Shape.of(outputs), arena);
        weight.update().asSlice(0, oldWeight.shape().bytes()).copyFrom(oldWeight.read());
        bias.update().asSlice(0, oldBias.shape().bytes()).copyFrom(oldBias.read());
        oldWeight.forget();
        oldBias.forget();
        float bound = (float) (1 / Math.sqrt(inputs));
        Initialiser.uniform(weight, (long) old * inputs, bound, random);
        Initialiser.uniform(bias, old, bound, random);
    }
}

package dev.palimpsest.train;

import dev.palimpsest.tensor.Parameter;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.function.Function;

/**
 * Moves parameters along their gradients, in float32 and with PyTorch's semantics. Where a mask forbids it, neither a
 * weight nor its state (momentum) moves by a bit, whatever weight decay and old momentum would do. A step allocates
 * nothing. Not thread-safe.
 */
public abstract sealed class Optimiser permits Sgd, Adam {
    private final Function<Parameter, byte[]> trainable;
    private final int statesPerParameter;
    private final UpdateBlock block;
    private List<Tracked> tracked = List.of();

    /** A parameter with its state: one array a kind of state, and the steps it took part in. */
    static final class Tracked {
        final Parameter parameter;
        final float[][] states;
        final MemorySegment[] stateViews;
        long steps;

        private Tracked(Parameter parameter, int states) {
            this.parameter = parameter;
            this.states = new float[states][parameter.size()];
            this.stateViews =
                    Arrays.stream(this.states).map(MemorySegment::ofArray).toArray(MemorySegment[]::new);
        }
    }

    Optimiser(List<Parameter> parameters, Function<Parameter, byte[]> trainable, int statesPerParameter) {
        this.trainable = Objects.requireNonNull(trainable, "a mask source is needed: p -> null lets everything move");
        this.statesPerParameter = statesPerParameter;
        this.block = new UpdateBlock(statesPerParameter);
        track(parameters);
    }

    /**
     * Makes these the parameters to move. State follows the name: a parameter known by name keeps its state, one that
     * grew by rows (a head that learned new classes) keeps it for the old rows and starts at zero for the new ones,
     * one not listed any more is forgotten.
     *
     * @throws IllegalArgumentException if two share a name, or one came back with fewer rows or with rows of another
     *     size
     */
    public final void track(List<Parameter> parameters) {
        Map<String, Tracked> known = new LinkedHashMap<>();
        tracked.forEach(t -> known.put(t.parameter.name(), t));
        Map<String, Tracked> next = new LinkedHashMap<>();
        for (Parameter parameter : parameters) {
            Tracked old = known.get(parameter.name());
            Tracked now = old != null && old.parameter == parameter ? old : successor(old, parameter);
            if (next.put(parameter.name(), now) != null) {
                throw new IllegalArgumentException(
                        "two parameters are named " + parameter.name() + ": names must differ, state follows them");
            }
        }
        tracked = new ArrayList<>(next.values());
    }

    private Tracked successor(Tracked old, Parameter parameter) {
        Tracked now = new Tracked(parameter, statesPerParameter);
        if (old != null) {
            requireGrownByRows(old.parameter, parameter);
            for (int s = 0; s < statesPerParameter; s++) {
                System.arraycopy(old.states[s], 0, now.states[s], 0, old.states[s].length);
            }
            now.steps = old.steps;
        }
        return now;
    }

    private static void requireGrownByRows(Parameter old, Parameter grown) {
        int[] before = old.shape().extents();
        int[] after = grown.shape().extents();
        boolean grew = before.length == after.length && before.length > 0 && after[0] >= before[0];
        for (int axis = 1; grew && axis < before.length; axis++) {
            grew = before[axis] == after[axis];
        }
        if (!grew) {
            throw new IllegalArgumentException(old.name() + " was " + old.shape() + " and is " + grown.shape()
                    + ": only rows can be added; start a new optimiser for another shape");
        }
    }

    /**
     * Reads every gradient, writes every value and says {@link Parameter#changed()}.
     *
     * @throws IllegalArgumentException if the learning rate is negative or not finite, or a mask's length is not its
     *     parameter's size
     */
    public final void step(double learningRate) {
        if (!(learningRate >= 0 && learningRate < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(
                    "learning rate " + learningRate + ": expected a finite number of at least 0");
        }
        for (int p = 0; p < tracked.size(); p++) {
            Tracked t = tracked.get(p);
            t.steps++;
            prepare(learningRate, t.steps);
            block.update(this, t, mask(t.parameter));
            t.parameter.changed();
        }
    }

    /**
     * Zeroes the state of every weight that its mask does not let move now. To be called after weights were released:
     * when a later step claims them they start without momentum.
     */
    public final void forgetMasked() {
        for (Tracked t : tracked) {
            byte[] mask = mask(t.parameter);
            if (mask == null) {
                continue;
            }
            for (float[] state : t.states) {
                for (int i = 0; i < mask.length; i++) {
                    if (mask[i] == 0) {
                        state[i] = 0;
                    }
                }
            }
        }
    }

    /** Zeroes all state, as if no step had been made. */
    public final void reset() {
        for (Tracked t : tracked) {
            for (float[] state : t.states) {
                Arrays.fill(state, 0);
            }
            t.steps = 0;
        }
    }

    private byte[] mask(Parameter parameter) {
        byte[] mask = trainable.apply(parameter);
        if (mask != null && mask.length != parameter.size()) {
            throw new IllegalArgumentException("mask of " + parameter.name() + " has " + mask.length
                    + " entries, the parameter is " + parameter.shape() + " (" + parameter.size() + " values)");
        }
        return mask;
    }

    /**
     * Called before a parameter's blocks: works out the factors that hold for all its weights. {@code steps} counts
     * this one, from 1.
     */
    abstract void prepare(double learningRate, long steps);

    /** Updates {@code value} and {@code states}, one array a kind, in place for the first {@code count} entries. */
    abstract void update(float[] value, float[] gradient, float[][] states, int count);

    static double requireFraction(String what, double value) {
        if (!(value >= 0 && value < 1)) {
            throw new IllegalArgumentException(what + " " + value + ": expected a number in [0, 1)");
        }
        return value;
    }

    static double requireNotNegative(String what, double value) {
        if (!(value >= 0 && value < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(what + " " + value + ": expected a finite number of at least 0");
        }
        return value;
    }
}

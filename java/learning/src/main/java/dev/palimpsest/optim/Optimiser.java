package dev.palimpsest.optim;

import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Moves parameters along their gradients by one {@link UpdateRule}, in float32, wherever an engine has them. Where a
 * mask forbids it, neither a weight nor its state (momentum and the like) moves by a bit, whatever weight decay and
 * old momentum would do. A step allocates nothing. Not thread-safe; on a device it belongs to the engine's thread.
 */
public final class Optimiser implements AutoCloseable {
    private static final String STEPS = "steps";

    private final OptimiserLoops loops;
    private List<Tracked> tracked = List.of();

    private static final class Tracked {
        final Parameter parameter;
        /** Of our own, since masks are compared with those before; null: all of it moves. */
        byte @Nullable [] mask;

        long steps;

        Tracked(Parameter parameter) {
            this.parameter = parameter;
        }
    }

    /**
     * An optimiser of no parameters: see {@link #track}. Engines make them, for their users.
     *
     * @param loops of the backend; {@link #close} closes them
     */
    public Optimiser(OptimiserLoops loops) {
        this.loops = loops;
    }

    /**
     * Makes these the parameters to move. State follows the name: a parameter known by name keeps state and mask, one
     * that grew by rows (a head that learned new classes) keeps them for the old rows, and the new ones move and start
     * at zero, one not listed any more is forgotten.
     *
     * @param parameters in the order in which gradients are summed for clipping
     * @throws IllegalArgumentException if two share a name, or one came back with fewer rows or with rows of another
     *     size
     */
    public void track(List<Parameter> parameters) {
        Map<String, Integer> known = new LinkedHashMap<>();
        for (int i = 0; i < tracked.size(); i++) {
            known.put(tracked.get(i).parameter.name(), i);
        }
        Map<String, Tracked> next = new LinkedHashMap<>();
        List<OptimiserLoops.Entry> entries = new ArrayList<>();
        boolean maskGrew = false;
        for (Parameter parameter : parameters) {
            Tracked now = new Tracked(parameter);
            if (next.put(parameter.name(), now) != null) {
                throw new IllegalArgumentException(
                        "two parameters are named " + parameter.name() + ": names must differ, state follows them");
            }
            int from = known.getOrDefault(parameter.name(), -1);
            if (from >= 0) {
                Tracked old = tracked.get(from);
                requireGrownByRows(old.parameter, parameter);
                now.steps = old.steps;
                now.mask = grown(old.mask, parameter.size());
                maskGrew |= old.mask != null && old.mask.length != parameter.size();
            }
            entries.add(new OptimiserLoops.Entry(parameter, from, now.steps));
        }
        loops.track(entries);
        tracked = new ArrayList<>(next.values());
        if (maskGrew) {
            loops.masks(tracked.stream().map(t -> t.mask).toArray(byte[][]::new), new byte[tracked.size()][]);
        }
    }

    /**
     * Adds the state of all parameters to a file. Masks are the caller's to keep.
     *
     * @param to file to be written
     * @param prefix that the names of all tensors begin with
     */
    public void save(SafetensorsWriter to, String prefix) {
        to.add(
                prefix + STEPS,
                Shape.of(tracked.size()),
                tracked.stream().mapToLong(t -> t.steps).toArray());
        for (int i = 0; i < tracked.size(); i++) {
            Parameter parameter = tracked.get(i).parameter;
            float[][] state = loops.state(i);
            for (int s = 0; s < state.length; s++) {
                to.add(name(prefix, s, parameter), parameter.shape(), state[s]);
            }
        }
    }

    private static String name(String prefix, int state, Parameter parameter) {
        return prefix + state + "." + parameter.name();
    }

    /**
     * In place of {@link #track}: makes these the parameters to move, with the state that {@link #save} added to a
     * file. No weight is masked until {@link #masks} says so.
     *
     * @param parameters those that were saved, in the same order
     * @param from the file
     * @param prefix that the names of all tensors begin with
     * @throws IllegalArgumentException with a sentence, if a tensor is missing or does not fit
     */
    public void restore(List<Parameter> parameters, Safetensors from, String prefix) {
        long[] steps = from.longs(prefix + STEPS);
        if (steps.length != parameters.size()) {
            throw new IllegalArgumentException("its tensor " + prefix + STEPS + " is of " + steps.length
                    + " parameters, expected " + parameters.size());
        }
        List<Tracked> next = new ArrayList<>();
        List<OptimiserLoops.Entry> entries = new ArrayList<>();
        for (int i = 0; i < steps.length; i++) {
            Tracked now = new Tracked(parameters.get(i));
            now.steps = steps[i];
            next.add(now);
            entries.add(new OptimiserLoops.Entry(now.parameter, -1, now.steps));
        }
        loops.track(entries);
        tracked = next;
        for (int i = 0; i < steps.length; i++) {
            Parameter parameter = parameters.get(i);
            float[][] state = loops.state(i);
            for (int s = 0; s < state.length; s++) {
                String name = name(prefix, s, parameter);
                if (!from.shape(name).equals(parameter.shape())) {
                    throw new IllegalArgumentException(
                            "its tensor " + name + " is " + from.shape(name) + ", expected " + parameter.shape());
                }
                state[s] = from.floats(name);
            }
            loops.state(i, state);
        }
    }

    private static byte @Nullable [] grown(byte @Nullable [] mask, int size) {
        if (mask == null || mask.length == size) {
            return mask;
        }
        byte[] grown = Arrays.copyOf(mask, size);
        Arrays.fill(grown, mask.length, size, (byte) 1);
        return grown;
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
     * Says which weights may move from now on. To be called whenever weights were claimed or released: every weight
     * that is masked now, and every one that was masked and is not any more, loses its state, so that a weight always
     * starts without the momentum of its earlier life.
     *
     * @param trainable the mask of a parameter, a byte for each weight, 0 where it must not move; null lets all of it
     *     move. Asked once for each parameter; the arrays are copied
     * @throws IllegalArgumentException if a mask's length is not its parameter's size; then no mask has changed
     */
    public void masks(Function<Parameter, byte[]> trainable) {
        byte[][] masks = new byte[tracked.size()][];
        byte[][] kept = new byte[tracked.size()][];
        boolean changed = false;
        for (int i = 0; i < masks.length; i++) {
            Tracked t = tracked.get(i);
            byte[] mask = trainable.apply(t.parameter);
            requireLength(t.parameter, mask);
            boolean same = Arrays.equals(mask, t.mask);
            changed |= !same;
            masks[i] = same ? t.mask : mask == null ? null : mask.clone();
            // What is claimed now has lost its state when it was masked.
            kept[i] = same || t.steps == 0 ? null : masks[i];
        }
        if (changed) {
            loops.masks(masks, kept);
            for (int i = 0; i < masks.length; i++) {
                tracked.get(i).mask = masks[i];
            }
        }
    }

    private static void requireLength(Parameter parameter, byte @Nullable [] mask) {
        if (mask != null && mask.length != parameter.size()) {
            throw new IllegalArgumentException("mask of " + parameter.name() + " has " + mask.length
                    + " entries, the parameter is " + parameter.shape() + " (" + parameter.size() + " values)");
        }
    }

    /**
     * Scales all gradients down together when their Euclidean norm passes a limit, as
     * {@code torch.nn.utils.clip_grad_norm_}: the next {@link #step} sees them so, {@link Parameter#readGradient} does
     * not. Gradients of weights that a mask keeps from moving do not count. A norm of NaN makes every weight that
     * moves NaN, an infinite one those whose gradient is infinite: the next loss shows it.
     *
     * @param maxNorm the limit
     * @throws IllegalArgumentException if it is not above 0
     */
    public void clip(double maxNorm) {
        if (!(maxNorm > 0)) {
            throw new IllegalArgumentException("clipping norm " + maxNorm + ": expected a number above 0");
        }
        loops.clip(maxNorm);
    }

    /**
     * Reads every gradient and moves every weight that its mask lets move.
     *
     * @param learningRate of this step
     * @throws IllegalArgumentException if it is negative or not finite
     */
    public void step(double learningRate) {
        if (!(learningRate >= 0 && learningRate < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException(
                    "learning rate " + learningRate + ": expected a finite number of at least 0");
        }
        loops.step(learningRate);
        for (int i = 0; i < tracked.size(); i++) {
            tracked.get(i).steps++;
        }
    }

    /** Frees the state. */
    @Override
    public void close() {
        loops.close();
    }
}

package dev.palimpsest.snapshot;

import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Which step each weight belongs to: 0 is free, otherwise the step, from 1, that trained it. A step
 * {@linkplain #claim claims} all free weights, trains them ({@link #trainable} is the optimisers' mask),
 * {@linkplain #release releases} the smallest and trains the survivors again. methods.md, "Mask-based pruning"; the
 * mechanism of PackNet (Mallya and Lazebnik 2018). Only WEIGHT parameters have owners. Not thread-safe.
 */
public final class Owners {
    /** Name of the tensor that says whether the present step has released. */
    private static final String RELEASED = "released";

    /** An owner is kept in one byte while training. */
    static final int MOST_STEPS = 255;

    /** One parameter's owners, and the mask of the present step. */
    private static final class Held {
        private final Parameter parameter;
        private final byte[] codes;
        private final byte[] mask;
        /** How many weights the present step got. */
        private int claimed;

        Held(Parameter parameter) {
            this.parameter = parameter;
            codes = new byte[parameter.size()];
            mask = new byte[parameter.size()];
        }

        int bits(int index) {
            return parameter.read().getAtIndex(ValueLayout.JAVA_INT, index);
        }

        float magnitude(int index) {
            return Math.abs(Float.intBitsToFloat(bits(index)));
        }
    }

    private final Map<Parameter, Held> held = new LinkedHashMap<>();
    /** The smallest tensors: every snapshot has a copy of its own, so that all steps train all of them. */
    private final Set<Parameter> copied = new HashSet<>();

    private int step;
    private boolean released = true;
    /** {@link #hash} of what earlier steps own, as the present step found it. */
    private long earlier = 1;

    /**
     * All weights start free, and have owners in every tensor.
     *
     * @param parameters the model's; those of other roles than WEIGHT are left out
     */
    public Owners(List<Parameter> parameters) {
        this(parameters, 0);
    }

    /**
     * All weights start free. The smallest tensors have no owners: of the few weights of a stem or a shortcut every
     * step needs all, and a copy for each snapshot costs little.
     *
     * @param parameters the model's; those of other roles than WEIGHT are left out
     * @param copiedShare share of all weights that the smallest tensors may have together to be copied, from 0 to 1
     */
    public Owners(List<Parameter> parameters, double copiedShare) {
        List<Parameter> weights = parameters.stream()
                .filter(parameter -> parameter.role() == Parameter.Role.WEIGHT)
                .toList();
        long all = weights.stream().mapToLong(Parameter::size).sum();
        long together = 0;
        for (Parameter parameter : weights.stream()
                .sorted(Comparator.comparingInt(Parameter::size))
                .toList()) {
            together += parameter.size();
            if (together > copiedShare * all) {
                break;
            }
            copied.add(parameter);
        }
        for (Parameter parameter : weights) {
            if (!copied.contains(parameter)) {
                held.put(parameter, new Held(parameter));
            }
        }
    }

    /**
     * Owners as they are when a step has released.
     *
     * @param hasOwners of the parameters of the role WEIGHT; snapshots have copies of the others
     * @param codes of a parameter, unsigned bytes in its order, 0 to {@code step}
     */
    static Owners after(
            int step, List<Parameter> parameters, Predicate<Parameter> hasOwners, Function<Parameter, byte[]> codes) {
        Owners owners = new Owners(parameters.stream().filter(hasOwners).toList());
        parameters.stream()
                .filter(parameter -> parameter.role() == Parameter.Role.WEIGHT && !hasOwners.test(parameter))
                .forEach(owners.copied::add);
        owners.held.forEach(
                (parameter, held) -> System.arraycopy(codes.apply(parameter), 0, held.codes, 0, held.codes.length));
        owners.step = step;
        owners.renewMasks();
        return owners;
    }

    /**
     * The parameters that have owners.
     *
     * @return in the order given, unmodifiable
     */
    public List<Parameter> weights() {
        return Collections.unmodifiableList(new ArrayList<>(held.keySet()));
    }

    /**
     * The step that trains now or trained last.
     *
     * @return from 1; 0 before the first claim
     */
    public int step() {
        return step;
    }

    /**
     * A parameter's owners.
     *
     * @param parameter one of {@link #weights()}
     * @return a copy, one unsigned byte for each weight, in its order
     * @throws IllegalArgumentException if the parameter has no owners
     */
    public byte[] codes(Parameter parameter) {
        return held(parameter).codes.clone();
    }

    /**
     * How many weights a step owns.
     *
     * @param owner the step, or 0 for free weights
     * @return weights of all parameters together
     */
    public long count(int owner) {
        long count = 0;
        for (Held h : held.values()) {
            for (byte code : h.codes) {
                count += code == (byte) owner ? 1 : 0;
            }
        }
        return count;
    }

    /**
     * Gives all free weights to the next step.
     *
     * @param next its number, from 1
     * @throws IllegalStateException if steps come out of order, the step before has not released, or no weight is free
     */
    public void claim(int next) {
        if (next != step + 1 || next > MOST_STEPS) {
            throw new IllegalStateException("step " + next + " cannot claim after step " + step
                    + ": steps follow one another from 1 to " + MOST_STEPS);
        }
        if (!released) {
            throw new IllegalStateException(
                    "step " + next + " cannot claim: step " + step + " has not released its weights yet");
        }
        if (!held.isEmpty() && count(0) == 0) {
            throw new IllegalStateException(
                    "step " + next + " finds no free weight: steps own " + shares() + "; release a larger fraction");
        }
        earlier = hash(step);
        step = next;
        released = false;
        held.values().forEach(h -> {
            h.claimed = 0;
            for (int i = 0; i < h.codes.length; i++) {
                if (h.codes[i] == 0) {
                    h.codes[i] = (byte) next;
                    h.claimed++;
                }
            }
        });
        renewMasks();
    }

    private List<Long> shares() {
        List<Long> shares = new ArrayList<>();
        for (int s = 1; s <= step; s++) {
            shares.add(count(s));
        }
        return shares;
    }

    /**
     * Releases the smallest of the present step's weights: in each tensor those whose magnitude is at most the k-th
     * smallest become free and +0, so that k = fraction·(weights that the step claimed), rounded half to even, are
     * free. Equal magnitudes at the threshold all go. To be called at least once per step, also with a fraction of 0,
     * and again with a larger one to release in rounds; the optimiser's masks are then to be renewed, as after
     * {@link #claim}.
     *
     * @param ending the step that claimed last
     * @param fraction of what it claimed that is free afterwards, in [0, 1)
     * @throws IllegalArgumentException if the fraction is not in [0, 1)
     * @throws IllegalStateException if this is not the step that claimed last, or a weight is NaN
     */
    public void release(int ending, double fraction) {
        if (!(fraction >= 0 && fraction < 1)) {
            throw new IllegalArgumentException("pruning fraction " + fraction + ": expected a number in [0, 1)");
        }
        if (ending != step) {
            throw new IllegalStateException("step " + ending + " cannot release: step " + step + " trains now");
        }
        // All thresholds before the first change: a NaN leaves everything as it was.
        Map<Held, Float> thresholds = new LinkedHashMap<>();
        for (Held h : held.values()) {
            thresholds.put(h, threshold(h, fraction));
        }
        thresholds.forEach(this::releaseUpTo);
        released = true;
        renewMasks();
    }

    /** The largest magnitude to release, below zero for none. */
    private float threshold(Held h, double fraction) {
        float[] magnitudes = new float[h.codes.length];
        int count = 0;
        for (int i = 0; i < h.codes.length; i++) {
            if (h.codes[i] == (byte) step) {
                magnitudes[count++] = h.magnitude(i);
            }
        }
        Arrays.sort(magnitudes, 0, count);
        if (count > 0 && Float.isNaN(magnitudes[count - 1])) {
            throw new IllegalStateException(
                    h.parameter.name() + " has weights that are NaN: training diverged, lower the learning rate");
        }
        int k = released(h.claimed, fraction) - (h.claimed - count);
        return k <= 0 ? -1 : magnitudes[k - 1];
    }

    /** Half to even, as the order statistic of the rule is defined. */
    static int released(int count, double fraction) {
        return (int) Math.rint(fraction * count);
    }

    private void releaseUpTo(Held h, float threshold) {
        MemorySegment values = h.parameter.update();
        for (int i = 0; i < h.codes.length; i++) {
            if (h.codes[i] == (byte) step && h.magnitude(i) <= threshold) {
                h.codes[i] = 0;
                values.setAtIndex(ValueLayout.JAVA_FLOAT, i, 0f);
            }
        }
    }

    private void renewMasks() {
        for (Held h : held.values()) {
            for (int i = 0; i < h.codes.length; i++) {
                h.mask[i] = (byte) (step > 0 && h.codes[i] == (byte) step ? 1 : 0);
            }
        }
    }

    /**
     * Adds the owners in the midst of a step to a file.
     *
     * @param to file to be written, before anything is released again
     * @param prefix that the names of all tensors begin with
     */
    public void save(SafetensorsWriter to, String prefix) {
        to.add(prefix + RELEASED, Shape.of(1), new int[] {released ? 1 : 0});
        held.forEach((parameter, h) -> to.add(
                prefix + parameter.name(),
                Safetensors.Type.U8,
                Shape.of(h.codes.length),
                MemorySegment.ofArray(h.codes.clone())));
    }

    /**
     * Takes over what {@link #save} added, after the same step has claimed: releases what it had released. The weights
     * are the caller's to set before.
     *
     * @param from the file
     * @param prefix that the names of all tensors begin with
     * @throws IllegalArgumentException with a sentence, if a tensor is missing or does not fit the others or
     *     the weights
     */
    public void restore(Safetensors from, String prefix) {
        for (Held h : held.values()) {
            String name = prefix + h.parameter.name();
            byte[] codes = from.bytes(name);
            boolean fits = codes.length == h.codes.length;
            for (int i = 0; fits && i < codes.length; i++) {
                fits = codes[i] == h.codes[i] || (codes[i] == 0 && h.codes[i] == (byte) step);
            }
            if (!fits) {
                throw new IllegalArgumentException("its tensor " + name + " does not have the owners that step " + step
                        + " found and those that it released");
            }
            System.arraycopy(codes, 0, h.codes, 0, codes.length);
        }
        if (hash(step - 1) != earlier) {
            throw new IllegalArgumentException("its weights of earlier snapshots are not those that step " + step
                    + " found, which no training moves");
        }
        released = from.ints(prefix + RELEASED)[0] != 0;
        renewMasks();
        freeWeightThatIsNotZero().ifPresent(found -> {
            throw new IllegalArgumentException("its " + found);
        });
    }

    /**
     * The optimiser's mask of a parameter.
     *
     * @param parameter one of the model's
     * @return a byte for each weight, 1 where the present step owns it, else 0; null, everything moves, for parameters
     *     of other roles and those of which snapshots have copies. The same array at every call, kept up to date; not
     *     to be written to
     * @throws IllegalArgumentException if a WEIGHT parameter is not one of {@link #weights()}
     */
    public byte @Nullable [] trainable(Parameter parameter) {
        return isCopied(parameter) ? null : held(parameter).mask;
    }

    /** Whether every snapshot has the parameter's values as a copy of its own. */
    boolean isCopied(Parameter parameter) {
        return parameter.role() != Parameter.Role.WEIGHT || copied.contains(parameter);
    }

    private Held held(Parameter parameter) {
        Held h = held.get(parameter);
        if (h == null) {
            throw new IllegalArgumentException(
                    parameter.name() + " (" + parameter.role() + ") has no owners: expected one of "
                            + held.keySet().stream().map(Parameter::name).toList());
        }
        return h;
    }

    /** A free weight that is not +0, as a clause: the model would not be what its owners rebuild. */
    Optional<String> freeWeightThatIsNotZero() {
        for (Held h : held.values()) {
            for (int i = 0; i < h.codes.length; i++) {
                if (h.codes[i] == 0 && h.bits(i) != 0) {
                    return Optional.of("weight " + i + " of " + h.parameter.name() + " was released and is "
                            + Float.intBitsToFloat(h.bits(i)) + ", expected +0");
                }
            }
        }
        return Optional.empty();
    }

    /** A hash of the bits of all weights that steps 1 to {@code last} own. */
    long hash(int last) {
        long hash = 1;
        for (Held h : held.values()) {
            for (int i = 0; i < h.codes.length; i++) {
                int owner = Byte.toUnsignedInt(h.codes[i]);
                hash = owner > 0 && owner <= last ? 31 * hash + h.bits(i) : hash;
            }
        }
        return hash;
    }

    /** Codes themselves, not to be written to. */
    byte[] codesOf(Parameter parameter) {
        return held(parameter).codes;
    }

    boolean hasReleased() {
        return released && step > 0;
    }
}

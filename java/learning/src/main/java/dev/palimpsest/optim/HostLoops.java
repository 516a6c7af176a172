package dev.palimpsest.optim;

import dev.palimpsest.tensor.Parameter;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** State in plain arrays, and loops that feed it through blocks in the first-level cache. */
final class HostLoops implements OptimiserLoops {
    private final int statesPerWeight;
    private final WeightLoop loop;
    private final UpdateBlock block;
    private List<Held> held = List.of();
    /** Of all gradients in the next step. */
    private float factor = 1;

    /** A parameter with its state: one array for each kind of state, and the steps it took part in. */
    static final class Held {
        final Parameter parameter;
        final float[][] states;
        final MemorySegment[] stateViews;
        byte @Nullable [] mask;
        long steps;

        private Held(Parameter parameter, float[][] states, long steps) {
            this.parameter = parameter;
            this.states = states;
            this.stateViews = Arrays.stream(states).map(MemorySegment::ofArray).toArray(MemorySegment[]::new);
            this.steps = steps;
        }
    }

    HostLoops(UpdateRule rule) {
        statesPerWeight = rule.states();
        loop = WeightLoop.of(rule);
        block = new UpdateBlock(statesPerWeight);
    }

    @Override
    public void track(List<Entry> entries) {
        List<Held> next = new ArrayList<>();
        for (Entry entry : entries) {
            next.add(entry.from() < 0 ? fresh(entry) : successor(held.get(entry.from()), entry));
        }
        held = next;
    }

    private Held fresh(Entry entry) {
        return new Held(
                entry.parameter(), new float[statesPerWeight][entry.parameter().size()], entry.steps());
    }

    private static Held successor(Held old, Entry entry) {
        int size = entry.parameter().size();
        if (size == old.parameter.size()) {
            Held same = new Held(entry.parameter(), old.states, entry.steps());
            same.mask = old.mask;
            return same;
        }
        float[][] grown = Arrays.stream(old.states)
                .map(state -> Arrays.copyOf(state, size))
                .toArray(float[][]::new);
        return new Held(entry.parameter(), grown, entry.steps());
    }

    @Override
    public void masks(byte[][] masks, byte[][] kept) {
        for (int p = 0; p < masks.length; p++) {
            Held h = held.get(p);
            h.mask = masks[p];
            for (int i = 0; kept[p] != null && i < kept[p].length; i++) {
                if (kept[p][i] == 0) {
                    for (float[] state : h.states) {
                        state[i] = 0;
                    }
                }
            }
        }
    }

    @Override
    public void clip(double maxNorm) {
        double sum = 0;
        for (int p = 0; p < held.size(); p++) {
            sum += GradientNorm.sumOfSquares(held.get(p).parameter, held.get(p).mask);
        }
        // PyTorch's 1e-6 keeps its results; it also keeps a norm of exactly the limit from being rounded above it.
        double by = maxNorm / (Math.sqrt(sum) + 1e-6);
        factor = by > 1 ? 1 : (float) by;
    }

    @Override
    public void step(double learningRate) {
        for (int p = 0; p < held.size(); p++) {
            Held h = held.get(p);
            h.steps++;
            loop.prepare(learningRate, h.steps);
            block.update(loop, h, factor);
        }
        factor = 1;
    }

    @Override
    public float[][] state(int parameter) {
        return Arrays.stream(held.get(parameter).states).map(float[]::clone).toArray(float[][]::new);
    }

    @Override
    public void state(int parameter, float[][] values) {
        float[][] states = held.get(parameter).states;
        for (int s = 0; s < states.length; s++) {
            System.arraycopy(values[s], 0, states[s], 0, states[s].length);
        }
    }

    /** Arrays are freed by the garbage collector. */
    @Override
    public void close() {}
}

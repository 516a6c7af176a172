package dev.palimpsest.train;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.stream.Collectors;

/** The weighted terms of one batch's loss, by name. */
public final class Terms {
    private final List<String> names = new ArrayList<>();
    private final List<Scalar> scalars = new ArrayList<>();
    private final List<Double> weights = new ArrayList<>();

    /** A loss without terms. */
    public Terms() {}

    /**
     * Adds weight · term; terms of one name are reported as their sum.
     *
     * @param name under which the term is reported
     * @param weight its factor in the loss
     * @param term a scalar on the step's tape
     */
    public void add(String name, double weight, Scalar term) {
        names.add(name);
        scalars.add(term);
        weights.add(weight);
    }

    /**
     * Each name's contribution to the loss. Waits for the device that computes them.
     *
     * @return weighted terms by name, in the order in which they were first added
     */
    public SequencedMap<String, Double> values() {
        SequencedMap<String, Double> values = new LinkedHashMap<>();
        for (int i = 0; i < scalars.size(); i++) {
            values.merge(names.get(i), weights.get(i) * scalars.get(i).value(), Double::sum);
        }
        return values;
    }

    /**
     * The loss: the weighted sum of all terms.
     *
     * @param tape that the terms are on
     * @return a scalar on that tape
     */
    public Scalar sum(Tape tape) {
        return tape.weightedSum(
                scalars, weights.stream().mapToDouble(Double::doubleValue).toArray());
    }

    @Override
    public String toString() {
        return values().entrySet().stream()
                .map(term -> term.getKey() + " " + term.getValue())
                .collect(Collectors.joining(", "));
    }
}

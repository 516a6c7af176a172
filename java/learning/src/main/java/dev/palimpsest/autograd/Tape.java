package dev.palimpsest.autograd;

import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Loss;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Reverse-mode differentiation: every operation computes its result at once and records the step that turns the
 * result's gradient into its inputs'. {@link #backward} plays the steps from last to first; {@link #clear} forgets a
 * tape that is not played. Both hand all memory back.
 *
 * <p>Operations appear on the tape in an order in which inputs come before results, so no graph has to be searched.
 */
public final class Tape {
    /** How one operation is differentiated; {@code result} is null for scalars. */
    private record Step(@Nullable Variable result, Runnable backward, List<Tensor> saved) {}

    /** What is recorded between two ends of the tape: variables and losses of one do not fit into another. */
    static final class Play {}

    private final Engine engine;
    private final boolean recording;
    private Play play = new Play();
    private final List<Step> steps = new ArrayList<>();
    private final List<Variable> inputs = new ArrayList<>();

    /**
     * An empty tape that records. It belongs to the engine's thread.
     *
     * @param engine computes operations and gradients
     */
    public Tape(Engine engine) {
        this(engine, true);
    }

    private Tape(Engine engine, boolean recording) {
        this.engine = Objects.requireNonNull(engine);
        this.recording = recording;
    }

    /**
     * A tape that records nothing: its operations compute, and keep neither inputs nor what a gradient would need.
     * Results are the caller's to release.
     *
     * @param engine computes
     * @return a tape for any number of forward passes, without losses
     */
    public static Tape detached(Engine engine) {
        return new Tape(engine, false);
    }

    /**
     * Images or features from outside, by which no gradient is wanted. The tape takes one hold of the tensor over,
     * unless it is detached.
     *
     * @param value of any shape
     * @return the variable of that value
     */
    public Variable input(Tensor value) {
        return input(new Variable(play, Objects.requireNonNull(value), false));
    }

    /** An input whose gradient stays with the variable after {@link #backward}, for whoever asked to release. */
    Variable watched(Tensor value) {
        return input(new Variable(play, value, true));
    }

    private Variable input(Variable input) {
        if (recording) {
            inputs.add(input);
        }
        return input;
    }

    /**
     * What computes; a layer asks it for its output and its gradients.
     *
     * @return the tape's engine
     */
    public Engine engine() {
        return engine;
    }

    /**
     * Records an operation that was just computed, as every layer does it.
     *
     * @param output of the operation; the tape takes it over, a detached tape gives it to the caller
     * @param saved what the gradient needs besides inputs and output; the tape releases it
     * @param backward gets the gradient by the output, which stays the tape's. It adds to the gradients of parameters
     *     and hands each input its share by {@link #accumulate}. It does not run if no loss depends on the output
     * @return the output as a variable
     */
    public Variable record(Tensor output, List<Tensor> saved, Consumer<Tensor> backward) {
        Variable result = new Variable(play, output, true);
        if (!recording) {
            saved.forEach(engine::release);
            return result;
        }
        Runnable step = () -> {
            if (result.gradient != null) {
                backward.accept(result.gradient);
            }
        };
        steps.add(new Step(result, step, saved));
        return result;
    }

    /**
     * Whether a gradient by this variable is wanted: {@link #accumulate} lets go of one that is not, so it need not be
     * computed.
     *
     * @param variable of this tape
     * @return false for inputs from outside
     */
    public boolean wantsGradient(Variable variable) {
        return variable.differentiated;
    }

    /**
     * Adds a contribution to the gradient by a variable, for the backward pass of {@link #record}.
     *
     * @param variable an operation's input
     * @param contribution of the variable's shape and layout; the tape takes it over
     */
    public void accumulate(Variable variable, Tensor contribution) {
        requirePresent(variable.play);
        // A gradient that two branches share is not written in place: the other one has yet to read it. Where both are
        // shared, as when a variable is added to itself, the sum is made elsewhere.
        if (!variable.differentiated) {
            engine.release(contribution);
        } else if (variable.gradient == null) {
            variable.gradient = contribution;
        } else if (!variable.gradient.shared()) {
            engine.addScaled(variable.gradient, 1, contribution);
            engine.release(contribution);
        } else if (!contribution.shared()) {
            engine.addScaled(contribution, 1, variable.gradient);
            engine.release(variable.gradient);
            variable.gradient = contribution;
        } else {
            Tensor sum = engine.add(variable.gradient, contribution);
            engine.release(variable.gradient);
            engine.release(contribution);
            variable.gradient = sum;
        }
    }

    /**
     * The gradient by a variable so far, for a backward pass that can add its contribution in place and then calls
     * {@link #accumulate} no more.
     *
     * @param variable an operation's input
     * @return its gradient; null where there is none yet, or others read it too
     */
    public @Nullable Tensor ownGradient(Variable variable) {
        return variable.gradient == null || variable.gradient.shared() ? null : variable.gradient;
    }

    /**
     * input·weightᵀ + bias. The backward pass adds to the gradients of weight and bias.
     *
     * @param input [N, in]
     * @param weight [out, in]
     * @param bias [out]
     * @return [N, out]
     * @throws IllegalArgumentException if a shape does not fit, or the input is of another tape or of one that was
     *     played or cleared
     */
    public Variable linear(Variable input, Parameter weight, Parameter bias) {
        requirePresent(input.play);
        return record(
                engine.linear(input.value(), weight, bias),
                List.of(),
                gradient -> accumulate(input, engine.linearGradient(gradient, input.value(), weight, bias)));
    }

    /**
     * A loss that was computed together with its gradient by {@code input}, as the fused kernels do.
     *
     * @param input what the loss was computed from
     * @param value of the loss
     * @param gradient of the input's shape; the tape takes it over
     * @return the loss as a term
     * @throws IllegalStateException if the tape is detached
     */
    public Scalar fused(Variable input, double value, Tensor gradient) {
        return fused(input, new Loss(() -> value, gradient));
    }

    /**
     * A loss that the engine computed together with its gradient by {@code input}.
     *
     * @param input what the loss was computed from
     * @param loss its value, and its gradient of the input's shape, which the tape takes over
     * @return the loss as a term
     * @throws IllegalStateException if the tape is detached
     * @throws IllegalArgumentException if the gradient is not of the input's shape, or the input is of another tape or
     *     of one that was played or cleared
     */
    public Scalar fused(Variable input, Loss loss) {
        if (!recording) {
            throw new IllegalStateException("a detached tape has no losses: make a tape with new Tape(engine)");
        }
        requirePresent(input.play);
        if (!loss.gradient().shape().equals(input.value().shape())) {
            throw new IllegalArgumentException(
                    "a gradient of " + loss.gradient().shape() + " by an input of "
                            + input.value().shape() + ": expected the same shape");
        }
        Scalar result = new Scalar(play, loss.value());
        steps.add(new Step(
                null,
                () -> {
                    if (result.gradient != 0) {
                        accumulate(input, engine.scaled((float) result.gradient, loss.gradient()));
                    }
                },
                List.of(loss.gradient())));
        return result;
    }

    /**
     * Σ weights[i] · terms[i].
     *
     * @param terms of this tape
     * @param weights as many as terms
     * @return the sum as a term
     * @throws IllegalArgumentException if there are not as many weights as terms, or a term is of another tape or of
     *     one that was played or cleared
     */
    public Scalar weightedSum(List<Scalar> terms, double[] weights) {
        if (weights.length != terms.size()) {
            throw new IllegalArgumentException(
                    terms.size() + " terms and " + weights.length + " weights: expected a weight for each");
        }
        terms.forEach(term -> requirePresent(term.play));
        Scalar result = new Scalar(play, () -> {
            double sum = 0;
            for (int i = 0; i < weights.length; i++) {
                sum += weights[i] * terms.get(i).value();
            }
            return sum;
        });
        steps.add(new Step(
                null,
                () -> {
                    for (int i = 0; i < weights.length; i++) {
                        terms.get(i).gradient += result.gradient * weights[i];
                    }
                },
                List.of()));
        return result;
    }

    /**
     * Adds the loss's gradients to those of all parameters on the tape, then clears it.
     *
     * @param loss of this tape
     * @throws IllegalArgumentException if it is of another tape, or of one that was played or cleared
     */
    public void backward(Scalar loss) {
        requirePresent(loss.play);
        loss.gradient = 1;
        for (int i = steps.size() - 1; i >= 0; i--) {
            Step step = steps.get(i);
            step.backward.run();
            release(step);
        }
        steps.clear();
        clear();
    }

    /** Gives back the memory of everything on the tape. */
    public void clear() {
        steps.forEach(this::release);
        steps.clear();
        inputs.forEach(input -> engine.release(input.value()));
        inputs.clear();
        play = new Play();
    }

    private void requirePresent(Play other) {
        if (other != play) {
            throw new IllegalArgumentException("a variable or loss of another tape, or of one that was played or"
                    + " cleared: make it anew with this one");
        }
    }

    private void release(Step step) {
        step.saved.forEach(engine::release);
        if (step.result != null) {
            engine.release(step.result.value());
            if (step.result.gradient != null) {
                engine.release(step.result.gradient);
                step.result.gradient = null;
            }
        }
    }
}

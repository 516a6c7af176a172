package dev.palimpsest.autograd;

import dev.palimpsest.engine.BatchNorm;
import dev.palimpsest.engine.Convolution;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Loss;
import dev.palimpsest.engine.MaxPooling;
import dev.palimpsest.engine.Normalised;
import dev.palimpsest.engine.Pooled;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Reverse-mode differentiation: every operation computes its result at once and records the step that turns the
 * result's gradient into its inputs'. {@link #backward} plays the steps from last to first; {@link #clear} forgets a
 * tape that is not played. Both hand all memory back.
 *
 * <p>Operations appear on the tape in an order in which inputs come before results, so no graph has to be searched.
 */
public final class Tape {
    /** How one operation's result is differentiated; {@code result} is null for scalars. */
    private record Step(Variable result, Runnable backward, List<Tensor> saved) {}

    private final Engine engine;
    private final boolean recording;
    private final List<Step> steps = new ArrayList<>();
    private final List<Variable> inputs = new ArrayList<>();

    public Tape(Engine engine) {
        this(engine, true);
    }

    private Tape(Engine engine, boolean recording) {
        this.engine = engine;
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
     * Images or features from outside, which nothing is learnt about: gradients by them are let go. The tape takes one
     * hold of the tensor over, unless it is detached.
     */
    public Variable input(Tensor value) {
        return input(new Variable(value, false));
    }

    /** An input whose gradient stays with the variable after {@link #backward}, for whoever asked to release. */
    Variable watched(Tensor value) {
        return input(new Variable(value, true));
    }

    private Variable input(Variable input) {
        if (recording) {
            inputs.add(input);
        }
        return input;
    }

    public Variable convolution(Variable images, Parameter weight, Convolution geometry) {
        Variable result = new Variable(engine.convolution(images.value(), weight, geometry), true);
        return record(result, () -> {
            engine.convolutionWeightGradient(images.value(), result.gradient, weight, geometry);
            if (images.differentiated) {
                accumulate(
                        images,
                        engine.convolutionInputGradient(
                                result.gradient,
                                weight,
                                geometry,
                                images.value().shape()));
            }
        });
    }

    /** @param frozen normalise with the running statistics and leave them as they are */
    public Variable batchNorm(Variable images, BatchNorm norm, boolean relu, boolean frozen) {
        Normalised forward = engine.batchNorm(images.value(), norm, relu, frozen);
        Variable result = new Variable(forward.output(), true);
        return record(
                result,
                () -> accumulate(images, engine.batchNormGradient(result.gradient, images.value(), forward)),
                forward.saved());
    }

    /** max(a + b, 0): the end of a residual block. */
    public Variable addRelu(Variable a, Variable b) {
        Variable result = new Variable(engine.addRelu(a.value(), b.value()), true);
        return record(result, () -> {
            Tensor gradient = engine.reluGradient(result.gradient, result.value());
            accumulate(a, gradient.retain());
            accumulate(b, gradient);
        });
    }

    /** a + b, of activations or of matrices of one shape. */
    public Variable add(Variable a, Variable b) {
        Variable result = new Variable(engine.add(a.value(), b.value()), true);
        return record(result, () -> {
            accumulate(a, result.gradient.retain());
            accumulate(b, result.gradient.retain());
        });
    }

    /** max(x, 0), of activations or of a matrix. */
    public Variable relu(Variable x) {
        Variable result = new Variable(engine.relu(x.value()), true);
        return record(result, () -> accumulate(x, engine.reluGradient(result.gradient, result.value())));
    }

    /** Images [N, C, H, W] as rows of a matrix [N, C·H·W]. */
    public Variable flatten(Variable images) {
        Variable result = new Variable(engine.flatten(images.value()), true);
        return record(result, () -> {
            if (images.differentiated) {
                accumulate(
                        images, engine.unflatten(result.gradient, images.value().shape()));
            }
        });
    }

    /** Mean over height and width: [N, C, H, W] to [N, C]. */
    public Variable averagePool(Variable images) {
        Variable result = new Variable(engine.averagePool(images.value()), true);
        return record(
                result,
                () -> accumulate(
                        images,
                        engine.averagePoolGradient(
                                result.gradient, images.value().shape())));
    }

    /** The maximum of every window. */
    public Variable maxPool(Variable images, MaxPooling geometry) {
        Pooled forward = engine.maxPool(images.value(), geometry);
        Variable result = new Variable(forward.output(), true);
        return record(
                result,
                () -> accumulate(images, engine.maxPoolGradient(result.gradient, images.value(), forward)),
                forward.saved());
    }

    /** input·weightᵀ + bias. */
    public Variable linear(Variable input, Parameter weight, Parameter bias) {
        Variable result = new Variable(engine.linear(input.value(), weight, bias), true);
        return record(
                result, () -> accumulate(input, engine.linearGradient(result.gradient, input.value(), weight, bias)));
    }

    /**
     * A loss that was computed together with its gradient by {@code input}, as the fused kernels do.
     *
     * @param gradient of the input's shape; the tape takes it over
     */
    public Scalar fused(Variable input, double value, Tensor gradient) {
        return fused(input, new Loss(() -> value, gradient));
    }

    /** The same for a loss that the engine computed. The tape takes its gradient over. */
    public Scalar fused(Variable input, Loss loss) {
        if (!recording) {
            throw new IllegalStateException("a detached tape has no losses: make a tape with new Tape(engine)");
        }
        Scalar result = new Scalar(loss.value());
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

    /** Σ weights[i] · terms[i]. */
    public Scalar weightedSum(List<Scalar> terms, double[] weights) {
        Scalar result = new Scalar(() -> {
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

    /** Adds the loss's gradients to those of all parameters on the tape, then clears it. */
    public void backward(Scalar loss) {
        loss.gradient = 1;
        for (int i = steps.size() - 1; i >= 0; i--) {
            Step step = steps.get(i);
            // A result that no loss depends on has no gradient to pass on.
            if (step.result == null || step.result.gradient != null) {
                step.backward.run();
            }
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
    }

    private Variable record(Variable result, Runnable backward) {
        return record(result, backward, List.of());
    }

    private Variable record(Variable result, Runnable backward, List<Tensor> saved) {
        if (!recording) {
            saved.forEach(engine::release);
            return result;
        }
        steps.add(new Step(result, backward, saved));
        return result;
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

    /**
     * Takes the contribution over. A gradient that two branches share is not written in place: the other one has yet
     * to read it. Where both are shared, as when a variable is added to itself, the sum is made elsewhere.
     */
    private void accumulate(Variable variable, Tensor contribution) {
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
}

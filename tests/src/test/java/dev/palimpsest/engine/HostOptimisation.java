package dev.palimpsest.engine;

import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.train.Adam;
import dev.palimpsest.train.GradientClipping;
import dev.palimpsest.train.Optimiser;
import dev.palimpsest.train.Sgd;
import java.util.List;
import java.util.function.Function;

/** The host's optimisers in the form of an engine's, so that a test writes its steps once. */
public final class HostOptimisation implements Optimisation {
    private final List<Parameter> parameters;
    private final Function<Parameter, byte[]> trainable;
    private Optimiser optimiser;

    public HostOptimisation(List<Parameter> parameters, Function<Parameter, byte[]> trainable) {
        this.parameters = parameters;
        this.trainable = trainable;
    }

    @Override
    public void clip(double maxNorm) {
        new GradientClipping(maxNorm).apply(parameters, trainable);
    }

    @Override
    public void step(Update update) {
        if (optimiser == null) {
            optimiser = switch (update) {
                case Update.Sgd(double rate, double momentum, boolean nesterov, double decay) ->
                    new Sgd(parameters, trainable, momentum, nesterov, decay);
                case Update.Adam(double rate, long step, double beta1, double beta2, double epsilon, double decay) ->
                    new Adam(parameters, trainable, beta1, beta2, epsilon, decay);
            };
        }
        optimiser.step(update.learningRate());
    }

    @Override
    public void close() {}
}

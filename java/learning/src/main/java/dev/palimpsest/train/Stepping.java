package dev.palimpsest.train;

import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Optimisation;
import dev.palimpsest.engine.Update;
import dev.palimpsest.recipe.OptimiserOptions;
import dev.palimpsest.tensor.Parameter;
import java.util.List;
import java.util.function.Function;

/** A recipe's optimiser and clipping, started afresh, where the engine has the parameters. */
sealed interface Stepping extends AutoCloseable {
    /** Clips the gradients, if the recipe says so, and moves the parameters. */
    void step(double learningRate);

    /** Makes these the parameters to move, and keeps the state of those that it knows, see {@link Optimiser#track}. */
    void track(List<Parameter> parameters);

    @Override
    default void close() {}

    static Stepping of(
            OptimiserOptions options,
            Engine engine,
            List<Parameter> parameters,
            Function<Parameter, byte[]> trainable) {
        int states = OnDevice.update(options, 0, 1).states();
        return engine.optimisation(parameters, trainable, states)
                .<Stepping>map(device -> new OnDevice(options, parameters, device))
                .orElseGet(() -> new OnHost(options, parameters, trainable));
    }

    /** With the optimisers of this package. */
    final class OnHost implements Stepping {
        private final Function<Parameter, byte[]> trainable;
        private final double clip;
        private final Optimiser optimiser;
        private List<Parameter> parameters;

        private OnHost(OptimiserOptions options, List<Parameter> parameters, Function<Parameter, byte[]> trainable) {
            this.parameters = parameters;
            this.trainable = trainable;
            clip = options.clip();
            optimiser = switch (options.algorithm()) {
                case SGD ->
                    new Sgd(parameters, trainable, options.momentum(), options.nesterov(), options.weightDecay());
                case ADAM -> new Adam(parameters, trainable, 0.9, 0.999, 1e-8, options.weightDecay());
            };
        }

        @Override
        public void step(double learningRate) {
            if (clip > 0) {
                new GradientClipping(clip).apply(parameters, trainable);
            }
            optimiser.step(learningRate);
        }

        @Override
        public void track(List<Parameter> now) {
            optimiser.track(now);
            parameters = now;
        }
    }

    /** With the engine's twins of them. */
    final class OnDevice implements Stepping {
        private final OptimiserOptions options;
        private final List<Parameter> parameters;
        private final Optimisation device;
        private long steps;

        private OnDevice(OptimiserOptions options, List<Parameter> parameters, Optimisation device) {
            this.options = options;
            this.parameters = parameters;
            this.device = device;
        }

        private static Update update(OptimiserOptions options, double learningRate, long step) {
            return switch (options.algorithm()) {
                case SGD -> new Update.Sgd(learningRate, options.momentum(), options.nesterov(), options.weightDecay());
                case ADAM -> new Update.Adam(learningRate, step, 0.9, 0.999, 1e-8, options.weightDecay());
            };
        }

        @Override
        public void step(double learningRate) {
            if (options.clip() > 0) {
                device.clip(options.clip());
            }
            device.step(update(options, learningRate, ++steps));
        }

        @Override
        public void track(List<Parameter> now) {
            if (!now.equals(parameters)) {
                throw new TrainingException(
                        "keep-optimiser = true needs heads that do not grow on this device: set it to false, or train "
                                + "on the CPU");
            }
        }

        @Override
        public void close() {
            device.close();
        }
    }
}

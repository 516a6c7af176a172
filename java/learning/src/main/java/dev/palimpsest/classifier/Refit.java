package dev.palimpsest.classifier;

import dev.palimpsest.classifier.ClassifierType.Fitting;
import dev.palimpsest.internal.Schedule;
import dev.palimpsest.internal.SplitMix64;
import dev.palimpsest.option.Check;
import dev.palimpsest.option.Option;
import dev.palimpsest.option.OptionGroup;
import dev.palimpsest.tensor.Safetensors;
import java.util.Arrays;
import java.util.List;
import java.util.SequencedMap;

/**
 * A copy of the head that is trained further on as many exemplars of every class: softmax cross-entropy over all
 * classes by SGD with the run's batch, momentum and weight decay and a cosine schedule. One thread, double precision,
 * an order drawn by the run's seed.
 *
 * @param settings of the passes
 */
record Refit(Options settings) implements ClassifierType {
    static final String NAME = "refit";
    private static final long PURPOSE = 102;

    /**
     * How long and how fast.
     *
     * @param epochs passes over the exemplars
     * @param learningRate at the start of these passes
     */
    record Options(int epochs, double learningRate) {
        private static final Option<Options, Integer> EPOCHS =
                Option.integer("refit-epochs", 50, "Passes over the exemplars that refit the head.", Options::epochs);
        private static final Option<Options, Double> LEARNING_RATE = Option.number(
                "refit-learning-rate", 0.1, "Learning rate at the start of refitting.", Options::learningRate);
        /** Texts to values and back. */
        static final OptionGroup<Options> GROUP = new OptionGroup<>(
                List.of(EPOCHS, LEARNING_RATE), values -> new Options(values.get(EPOCHS), values.get(LEARNING_RATE)));

        /**
         * Checks the ranges.
         *
         * @throws IllegalArgumentException with a sentence naming the option and what was expected
         */
        Options {
            Check.atLeast("refit-epochs", epochs, 1);
            Check.positive("refit-learning-rate", learningRate);
        }
    }

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public SequencedMap<String, String> options() {
        return Options.GROUP.texts(settings);
    }

    @Override
    public boolean needsExemplars() {
        return true;
    }

    @Override
    public Classifier fit(Fitting after) {
        return refitted(
                LinearHead.of(after.network().classifier()), after.exemplarFeatures(), after.training(), after.seed());
    }

    @Override
    public Classifier read(Safetensors file, String prefix) {
        return LinearHead.read(file, prefix);
    }

    /**
     * The head trained further on features that stay as they are.
     *
     * @param features [class][exemplar][dimension]; those of a class with fewer come again until it has as many as the
     *     largest
     */
    LinearHead refitted(LinearHead head, float[][][] features, Fitting.HeadTraining training, long seed) {
        int perClass = Arrays.stream(features).mapToInt(own -> own.length).max().orElseThrow();
        int[] order = new int[perClass * features.length];
        Arrays.setAll(order, i -> i);
        SplitMix64 random = SplitMix64.of(seed, PURPOSE, head.classes());
        int batch = Math.min(training.batch(), order.length);
        long steps = (long) settings.epochs() * ((order.length + batch - 1) / batch);
        double[][] weights = head.copy();
        double[][] velocity = new double[weights.length][head.classes()];
        Schedule schedule = new Schedule.Cosine();
        long step = 0;
        for (int epoch = 0; epoch < settings.epochs(); epoch++) {
            random.shuffle(order);
            for (int begin = 0; begin < order.length; begin += batch) {
                double[][] gradient = new double[weights.length][head.classes()];
                int end = Math.min(begin + batch, order.length);
                for (int i = begin; i < end; i++) {
                    int label = order[i] / perClass;
                    float[] feature = features[label][order[i] % perClass % features[label].length];
                    addGradient(gradient, new LinearHead(weights).scores(feature), feature, label, end - begin);
                }
                double cosine = schedule.factor(step++, steps);
                move(weights, velocity, gradient, settings.learningRate() * cosine, training);
            }
        }
        return new LinearHead(weights);
    }

    /** Of −log softmax(scores)[label] / rows. */
    private static void addGradient(double[][] gradient, double[] scores, float[] feature, int label, int rows) {
        double max = Arrays.stream(scores).max().orElseThrow();
        double sum = 0;
        for (int c = 0; c < scores.length; c++) {
            scores[c] = Math.exp(scores[c] - max);
            sum += scores[c];
        }
        for (int c = 0; c < scores.length; c++) {
            scores[c] = (scores[c] / sum - (c == label ? 1 : 0)) / rows;
        }
        for (int d = 0; d < feature.length; d++) {
            LinearHead.add(gradient[d], feature[d], scores);
        }
        LinearHead.add(gradient[feature.length], 1, scores);
    }

    private static void move(
            double[][] weights, double[][] velocity, double[][] gradient, double rate, Fitting.HeadTraining training) {
        for (int d = 0; d < weights.length; d++) {
            for (int c = 0; c < weights[d].length; c++) {
                velocity[d][c] =
                        training.momentum() * velocity[d][c] + gradient[d][c] + training.weightDecay() * weights[d][c];
                weights[d][c] -= rate * velocity[d][c];
            }
        }
    }
}

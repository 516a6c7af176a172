package dev.palimpsest.train;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.checkpoint.Position;
import dev.palimpsest.engine.BatchNorm;
import dev.palimpsest.internal.Schedule;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.optim.Optimiser;
import dev.palimpsest.stream.Batch;
import dev.palimpsest.stream.Stream.Experience;
import dev.palimpsest.stream.loading.BatchPlan;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.train.Method.Phase;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * The loop over epochs, batches and steps: takes batches through the network, asks the method for the loss, and moves
 * weights.
 */
final class PhaseLoop implements AutoCloseable {
    /** What the names of its tensors in checkpoints begin with. */
    private static final String OPTIMISER = "optimiser.";

    /** Some thousand images tell a mean, and cost a forward pass each. */
    private static final int BATCHES_FOR_NORMS = 16;

    private final Run run;
    private final TrainingOptions options;
    private final StepTimes times = new StepTimes();

    @SuppressWarnings("NullAway.Init") // set by begin, which comes before any phase
    private Experience experience;

    /** Null outside of training, unless the settings keep the optimiser. */
    private @Nullable Optimiser optimiser;

    private Function<Parameter, byte[]> masks = parameter -> null;
    /** Where to go on in the midst of a phase, until that phase begins; else null. */
    private @Nullable Position from;

    private int epoch;
    private int step;

    PhaseLoop(Run run) {
        this.run = run;
        options = run.settings().training();
    }

    int epochs() {
        return epoch;
    }

    /** Adds what stays from one experience to the next. */
    void save(SafetensorsWriter to) {
        if (optimiser != null) {
            optimiser.save(to, OPTIMISER);
        }
    }

    /** Goes on where so many epochs have been trained, with what {@link #save} added. */
    void resume(int epochs, Safetensors from) {
        epoch = epochs;
        if (options.keepOptimiser()) {
            optimiser = run.engine().optimiser(options.rule());
            optimiser.restore(parameters(), from, OPTIMISER);
        }
    }

    /** Goes on in the midst of the phase that is trained next; after {@link #begin}. */
    void goOn(Position position) {
        from = position;
        epoch = position.place().epochs();
        step = position.place().step();
    }

    private List<Parameter> parameters() {
        List<Parameter> parameters = new ArrayList<>(run.network().parameters());
        parameters.addAll(run.method().parameters());
        return parameters;
    }

    StepTimes times() {
        return times;
    }

    /** See {@link Learner#masks}. */
    void masks(Function<Parameter, byte[]> trainable) {
        masks = trainable;
        if (optimiser != null) {
            optimiser.masks(trainable);
        }
    }

    void begin(Experience next) {
        experience = next;
        step = 0;
    }

    /**
     * Trains for a phase's epochs, with a fresh optimiser unless the settings keep it, or until the budget is used up.
     *
     * @param number of the phase in its experience, from 0
     * @param own new images
     * @param memory images kept of earlier classes
     */
    void train(Phase phase, int number, int[] own, int[] memory) {
        List<Parameter> parameters = parameters();
        double rate = options.learningRate()
                * phase.learningRateFactor()
                * (experience.index() > 0 ? options.laterLearningRateFactor() : 1);
        int stepsPerEpoch = plan(own, memory).batches();
        long steps = phase.steps(stepsPerEpoch);
        Schedule schedule = schedule(phase.epochs());
        run.progress().phaseBegins(new Progress.Phase(experience.index(), phase.name(), steps, stepsPerEpoch));
        Queue<Made> pending = new ArrayDeque<>();
        long began = System.nanoTime();
        long images = 0;
        Optimiser moving = startOptimiser(parameters, stepsPerEpoch);
        int firstEpoch = from == null ? 0 : from.place().epoch();
        int batches = from == null ? 0 : from.place().batch();
        from = null;
        long made = (long) firstEpoch * stepsPerEpoch + batches;
        try (Pass.Span _ = times.at(Pass.Part.DATA)) {
            for (int e = firstEpoch; e < phase.epochs() && run.budget().passed().isEmpty(); e++) {
                for (Batch batch : run.loader().epoch(plan(own, memory), epoch, batches)) {
                    if (made == steps) { // a part of a pass ends here
                        break;
                    }
                    double now = rate * schedule.factor(made++, steps);
                    images += batch.rows();
                    Begun begun = new Begun(phase.name(), e, step++, now, images, began);
                    pending.add(step(batch, begun, parameters, moving));
                    report(pending, run.engine().stepsAhead());
                    batches++;
                    if (run.budget().check()) {
                        break;
                    }
                    offer(new Position.Place(experience.index(), number, e, batches, step, epoch), pending, moving);
                }
                batches = 0;
                epoch++;
            }
            report(pending, 0);
        } finally {
            if (!options.keepOptimiser()) {
                close();
            }
        }
        requireFinite(parameters, rate);
    }

    /** See {@link Learner#renewNorms}. */
    void renewNorms(int[] own, int[] memory) {
        if (frozenNorm()) {
            return;
        }
        int batches = 0;
        double images = 0;
        try (Pass.Span _ = times.at(Pass.Part.DATA)) {
            for (Batch batch : run.loader().epoch(plan(own, memory), epoch, 0)) {
                if (batches++ == BATCHES_FOR_NORMS) {
                    break;
                }
                images += batch.rows();
                try (Pass.Span _ = times.at(Pass.Part.STUDENT)) {
                    renewNorms(batch, batch.rows() / images);
                }
            }
        }
    }

    /**
     * Moves running statistics by this share of the way to the batch's, which makes them the mean over batches; a pass
     * alone moves them by {@link BatchNorm#MOMENTUM} of it.
     */
    private void renewNorms(Batch batch, double share) {
        List<float[]> before = run.network().buffers().stream()
                .map(buffer -> buffer.read().toArray(JAVA_FLOAT))
                .toList();
        try (Pass pass = pass(batch)) {
            pass.forward();
        }
        double further = share / BatchNorm.MOMENTUM;
        for (int b = 0; b < before.size(); b++) {
            MemorySegment values = run.network().buffers().get(b).update();
            float[] was = before.get(b);
            for (int i = 0; i < was.length; i++) {
                double moved = values.getAtIndex(JAVA_FLOAT, i) - was[i];
                values.setAtIndex(JAVA_FLOAT, i, (float) (was[i] + further * moved));
            }
        }
    }

    private boolean frozenNorm() {
        return options.freezeNorm() && experience.index() > 0;
    }

    private Pass pass(Batch batch) {
        ClassRange seen = new ClassRange(0, experience.classes().end());
        return new Pass(run.engine(), run.network(), batch, seen, frozenNorm(), times);
    }

    /** Lets the listener keep the state, if a run can go on from it. */
    private void offer(Position.Place place, Queue<Made> pending, Optimiser moving) {
        if (!run.method().resumes()) {
            return;
        }
        run.progress().inside(() -> {
            report(pending, 0); // the rows of all steps come before the state that they led to
            SafetensorsWriter to = Position.write(place, run.network());
            run.method().save(to, Learner.METHOD);
            moving.save(to, OPTIMISER);
            run.budget().save(to);
            return to;
        });
    }

    /**
     * What is known of a step before it is made.
     *
     * @param images of the phase so far, with this step's
     * @param began when the phase began, in nanoseconds
     */
    private record Begun(String phase, int epoch, int step, double learningRate, long images, long began) {}

    /** A step whose losses may still be on their way from a device. */
    private record Made(Begun begun, Terms terms, Scalar loss) {
        void requireFinite(int experience, TrainingOptions options) {
            if (!Double.isFinite(loss.value())) {
                throw new TrainingException("the loss is " + loss.value() + " in step " + begun.step + " of experience "
                        + (experience + 1) + " (" + terms + "): " + remedy(begun.learningRate, options));
            }
        }
    }

    /** Reports all steps but so many: by then a device has finished those, and is at work on the next. */
    private void report(Queue<Made> pending, int but) {
        try (Pass.Span _ = times.at(Pass.Part.REPORTING)) {
            while (pending.size() > but) {
                Made made = pending.remove();
                made.requireFinite(experience.index(), options);
                run.progress()
                        .step(new Progress.Step(
                                experience.index(),
                                made.begun.phase,
                                made.begun.epoch,
                                made.begun.step,
                                made.loss.value(),
                                made.terms.values(),
                                made.begun.learningRate,
                                made.begun.images * 1e9 / (System.nanoTime() - made.begun.began)));
            }
        }
    }

    /** The last step has no loss after it that would show. */
    private void requireFinite(List<Parameter> parameters, double rate) {
        for (Parameter parameter : parameters) {
            for (float value : parameter.toArray()) {
                if (!Float.isFinite(value)) {
                    throw new TrainingException("a weight of " + parameter.name() + " is " + value
                            + " after experience " + (experience.index() + 1) + ": " + remedy(rate, options));
                }
            }
        }
    }

    /** Where a learning rate times a weight decay is above 2, the weights grow whatever the loss is. */
    private static String remedy(double learningRate, TrainingOptions options) {
        return options.weightDecay() > 1 && learningRate * options.weightDecay() > 2
                ? "lower weight-decay, so that its product with learning-rate stays below 1"
                : "lower learning-rate, or set clip";
    }

    private BatchPlan plan(int[] own, int[] memory) {
        int batch = options.batch();
        return switch (run.settings().exemplars().rehearsal()) {
            case HALF -> BatchPlan.withMemory(own, memory, batch, run.seed(), epoch);
            case MIXED ->
                BatchPlan.shuffled(
                        IntStream.concat(IntStream.of(own), IntStream.of(memory))
                                .toArray(),
                        batch,
                        run.seed(),
                        epoch);
        };
    }

    private Made step(Batch batch, Begun begun, List<Parameter> parameters, Optimiser moving) {
        try (Pass pass = pass(batch)) {
            Made made;
            try (Pass.Span _ = times.at(Pass.Part.STUDENT)) {
                parameters.forEach(parameter -> parameter.gradientMirror().clear());
                pass.forward();
                try (Pass.Span _ = times.at(Pass.Part.LOSSES)) {
                    Terms terms = new Terms();
                    run.method().loss(pass, terms);
                    made = new Made(begun, terms, terms.sum(pass.tape()));
                    if (run.engine().stepsAhead() == 0) {
                        made.requireFinite(experience.index(), options);
                    }
                }
                pass.tape().backward(made.loss);
            }
            try (Pass.Span _ = times.at(Pass.Part.OPTIMISER)) {
                if (options.clip() > 0) {
                    moving.clip(options.clip());
                }
                moving.step(begun.learningRate);
                run.method().stepped();
            }
            return made;
        }
    }

    private Optimiser startOptimiser(List<Parameter> parameters, int stepsPerEpoch) {
        Optimiser starting = optimiser == null ? run.engine().optimiser(options.rule()) : optimiser;
        optimiser = starting;
        Position saved = from;
        if (saved == null) {
            starting.track(parameters);
        } else {
            Restoring.from(saved.file(), () -> {
                starting.restore(parameters, saved.file(), OPTIMISER);
                if (saved.place().batch() > stepsPerEpoch) {
                    throw new IllegalArgumentException(
                            "it was kept after batch " + saved.place().batch() + " of " + stepsPerEpoch);
                }
            });
        }
        starting.masks(masks);
        return starting;
    }

    private Schedule schedule(double epochs) {
        return switch (options.schedule()) {
            case COSINE -> new Schedule.Cosine();
            case CONSTANT -> new Schedule.Constant();
            case STEP ->
                new Schedule.Step(
                        options.milestones().stream()
                                .filter(m -> m < epochs)
                                .map(m -> m / epochs)
                                .toList(),
                        options.decay());
        };
    }

    /** Lets the optimiser go. */
    @Override
    public void close() {
        if (optimiser != null) {
            optimiser.close();
            optimiser = null;
        }
    }
}

package dev.palimpsest.train;

import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.stream.Batch;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;

/**
 * One batch on its way through the network: the scope of a step. Tensors that are {@linkplain #own owned} by it are
 * released when the step is over, whatever happens in it; what is on the tape, the tape releases. For the training
 * thread.
 */
public final class Pass implements AutoCloseable {
    /** What the time of a step goes to. */
    public enum Part {
        /** Waiting for a batch that is not ready yet, and what a method makes of it. */
        DATA,
        /** The trained network, forward and backward. */
        STUDENT,
        /** Earlier models, forward. */
        TEACHERS,
        /** What outputs are compared with, and the gradients by them. */
        LOSSES,
        /** Moving weights, those of moving-average teachers among them. */
        OPTIMISER,
        /** Reporting losses; on a device, waiting for them. */
        REPORTING
    }

    /** A block that time is taken of. */
    @FunctionalInterface
    public interface Span extends AutoCloseable {
        /** Time goes to what it went to before. */
        @Override
        void close();
    }

    private final Engine engine;
    private final Network network;
    private final Batch batch;
    private final ClassRange classes;
    private final StepTimes times;
    private final Tape tape;
    private final boolean frozenNorm;
    private final List<Tensor> owned = new ArrayList<>();

    @SuppressWarnings("NullAway.Init") // set by forward, before the method sees the pass
    private Tensor images;

    @SuppressWarnings("NullAway.Init") // set by forward, before the method sees the pass
    private Outputs<Variable> outputs;

    Pass(Engine engine, Network network, Batch batch, ClassRange classes, boolean frozenNorm, StepTimes times) {
        this.classes = classes;
        this.engine = engine;
        this.network = network;
        this.batch = batch;
        this.times = times;
        this.frozenNorm = frozenNorm;
        tape = new Tape(engine);
    }

    /** Takes the batch through the network. */
    void forward() {
        images = tensor(batch.rows(), batch.images());
        outputs = network.forward(tape, frozenNorm, tape.input(images), true);
    }

    /**
     * What computes.
     *
     * @return the run's engine
     */
    public Engine engine() {
        return engine;
    }

    /**
     * What differentiates: everything computed on it counts for the gradient.
     *
     * @return this step's tape
     */
    public Tape tape() {
        return tape;
    }

    /**
     * The batch with its labels.
     *
     * @return valid during the step
     */
    public Batch batch() {
        return batch;
    }

    /**
     * The classes seen so far, with those of the experience that is learnt.
     *
     * @return from 0 on; labels of the batch are among them
     */
    public ClassRange classes() {
        return classes;
    }

    /**
     * The batch's images.
     *
     * @return [rows, channels, height, width]
     */
    public Tensor images() {
        return images;
    }

    /**
     * What the network gives for the batch, on the tape.
     *
     * @return logits, pooled features of every stage, logits of auxiliary heads
     */
    public Outputs<Variable> outputs() {
        return outputs;
    }

    /**
     * What the network gives for other images, on the tape, without auxiliary heads.
     *
     * @param other images as a variable of this tape
     * @return outputs; the tape's
     */
    public Outputs<Variable> student(Variable other) {
        try (Span _ = at(Part.STUDENT)) {
            return network.forward(tape, frozenNorm, other, false);
        }
    }

    /**
     * Images in memory as a tensor of the network's image shape.
     *
     * @param rows how many
     * @param values rows × channels × height × width float32, which must stay as they are during the step
     * @return a tensor that the caller releases, or gives to the tape or to {@link #own}
     */
    public Tensor tensor(int rows, MemorySegment values) {
        Shape image = network.image();
        return engine.wrap(Shape.of(rows, image.extent(0), image.extent(1), image.extent(2)), values);
    }

    /**
     * Releases a tensor when the step is over.
     *
     * @param tensor that nobody else releases
     * @return the same tensor
     */
    public Tensor own(Tensor tensor) {
        owned.add(tensor);
        return tensor;
    }

    /**
     * Releases a network's outputs when the step is over.
     *
     * @param tensors that nobody else releases
     * @return the same outputs
     */
    public Outputs<Tensor> own(Outputs<Tensor> tensors) {
        tensors.forEach(owned::add);
        return tensors;
    }

    /**
     * Time until the span is closed goes to a part of the step.
     *
     * @param part that the block is about
     * @return to be closed by try-with-resources; then time goes to the part before
     */
    public Span at(Part part) {
        return times.at(part);
    }

    /** Releases what the step owns. */
    @Override
    public void close() {
        owned.forEach(engine::release);
        owned.clear();
    }
}

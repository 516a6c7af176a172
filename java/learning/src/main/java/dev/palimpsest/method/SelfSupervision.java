package dev.palimpsest.method;

import dev.palimpsest.autograd.Scalar;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.loss.CrossEntropy;
import dev.palimpsest.model.Network.Head;
import dev.palimpsest.stream.Batch;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import dev.palimpsest.train.Learner.UnlabelledBatches;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.function.Function;

/**
 * What unlabelled images teach by themselves. Rotation: a quarter of the batch, four copies turned by (k + 1)·90°, a
 * linear head predicts k. The others take half of the batch, augmented and as it is, so that all of them cost the
 * same: SimCLR and VICReg on a linear projection, SimSiam with a linear predictor of the feature itself (their papers'
 * heads have hidden layers).
 */
final class SelfSupervision {
    private static final int PROJECTED = 64;
    /** SimCLR's, for short training. */
    private static final double TEMPERATURE = 0.5;

    private final Engine engine;
    private final MlkdOptions.Ssl kind;
    private final Head head;
    private final Arena arena;
    private MemorySegment room = MemorySegment.NULL;

    /**
     * @param image channels, height, width
     * @throws IllegalArgumentException if images that are not square are to be turned
     */
    SelfSupervision(Engine engine, MlkdOptions.Ssl kind, Shape image, int dims, Arena arena, long seed) {
        if (kind == MlkdOptions.Ssl.ROTATION && image.extent(1) != image.extent(2)) {
            throw new IllegalArgumentException("ssl = rotation turns images by quarters, but these are "
                    + image.extent(1) + "×" + image.extent(2) + ": set image-size, or take another ssl");
        }
        this.engine = engine;
        this.kind = kind;
        this.arena = arena;
        head = Head.of(
                "self-supervision",
                dims,
                switch (kind) {
                    case ROTATION -> Rotation.QUARTERS;
                    case SIMSIAM -> dims;
                    default -> PROJECTED;
                },
                arena,
                seed);
    }

    List<Parameter> parameters() {
        return List.of(head.weight(), head.bias());
    }

    void save(SafetensorsWriter to, String prefix) {
        for (Parameter parameter : parameters()) {
            to.add(prefix + parameter.name(), parameter.shape(), parameter.toArray());
        }
    }

    /**
     * Takes over what {@link #save} added.
     *
     * @throws IllegalArgumentException with a sentence, if a tensor is missing or does not fit
     */
    void restore(Safetensors from, String prefix) {
        for (Parameter parameter : parameters()) {
            parameter.set(from.floats(prefix + parameter.name()));
        }
    }

    /**
     * The loss of one batch.
     *
     * @param image channels, height, width
     * @param feature the network's features of images, on the tape
     */
    Scalar term(Tape tape, Batch batch, Shape image, Function<Variable, Variable> feature) {
        if (kind == MlkdOptions.Ssl.ROTATION) {
            int rows = Math.max(1, batch.rows() / 4);
            Variable features = feature.apply(tape.input(turned(batch.view(UnlabelledBatches.STRONG), rows, image)));
            int[] turns = new int[Rotation.QUARTERS * rows];
            for (int i = 0; i < turns.length; i++) {
                turns[i] = i / rows;
            }
            return CrossEntropy.softmax(
                    tape, engine, project(tape, features), turns, new ClassRange(0, Rotation.QUARTERS));
        }
        Variable features = feature.apply(tape.input(views(batch, batch.rows() / 2, image)));
        Variable projected = project(tape, features);
        return switch (kind) {
            case SIMCLR -> TwoViews.simClr(tape, engine, projected, TEMPERATURE);
            case SIMSIAM -> TwoViews.simSiam(tape, engine, projected, features);
            default -> TwoViews.vicReg(tape, engine, projected);
        };
    }

    private Variable project(Tape tape, Variable features) {
        return tape.linear(features, head.weight(), head.bias());
    }

    private Tensor turned(MemorySegment images, int rows, Shape image) {
        int side = image.extent(1);
        Shape shape = Shape.of(Rotation.QUARTERS * rows, image.extent(0), side, side);
        MemorySegment copies = room(shape);
        Rotation.copies(images, rows, image.extent(0), side, copies);
        return engine.wrap(shape, copies);
    }

    private Tensor views(Batch batch, int rows, Shape image) {
        Shape shape = Shape.of(2 * rows, image.extent(0), image.extent(1), image.extent(2));
        MemorySegment both = room(shape);
        MemorySegment.copy(batch.view(UnlabelledBatches.STRONG), 0, both, 0, shape.bytes() / 2);
        MemorySegment.copy(batch.view(UnlabelledBatches.WEAK), 0, both, shape.bytes() / 2, shape.bytes() / 2);
        return engine.wrap(shape, both);
    }

    /** The same memory for every batch: a step's tape is done with it when the next step begins. */
    private MemorySegment room(Shape shape) {
        if (room.byteSize() < shape.bytes()) {
            room = arena.allocate(shape.bytes(), 64);
        }
        return room.asSlice(0, shape.bytes());
    }
}

package dev.palimpsest.engine.onednn;

import dev.palimpsest.engine.Convolution;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A convolution of a chunk, or one of its gradients. Where oneDNN has nothing but plain loops for the orders of images
 * and outputs, as between a width that is a multiple of 16 and one that is not, it works channels last on both sides
 * and reorders on the way, which is hundreds of times faster.
 */
final class ConvolutionPrimitive {
    /** What a primitive computes, whatever the weight's values. */
    record Problem(Convolution geometry, Shape images, Tensor.Layout layout) {
        Shape outputs() {
            return geometry.outputShape(images);
        }

        /** Multiplications and additions of one pass. */
        long operations() {
            return 2 * outputs().elements() * geometry.inputs() * geometry.kernel() * geometry.kernel();
        }
    }

    /** Makes a primitive's descriptor for images and outputs that are described so. */
    interface Descriptor {
        MemorySegment of(MemorySegment images, MemorySegment outputs);
    }

    /**
     * DNNL_ARG_* numbers.
     *
     * @param images which the images are
     * @param outputs which the outputs are
     * @param all in the order in which {@link #run} takes their memory; the last is written
     */
    record Arguments(int images, int outputs, List<Integer> all) {}

    /**
     * An argument that does not lie as the primitive expects it.
     *
     * @param position in {@link #run}
     * @param bytes of the copy
     * @param before makes the copy; null for what is only written
     * @param after copies it back; null for what is only read
     */
    private record Copied(
            int position,
            long bytes,
            @Nullable Primitive before,
            @Nullable Primitive after) {
        Stream<Primitive> reorders() {
            return Stream.of(before, after).filter(Objects::nonNull);
        }
    }

    private final OneDnnContext engine;
    private final Primitive primitive;
    private final List<Copied> copies = new ArrayList<>();
    /** Where the copies begin in a thread's scratchpad. */
    private final long offset;

    /** @param adds whether what is written is added to */
    ConvolutionPrimitive(
            OneDnnContext engine, Problem problem, Arguments arguments, boolean adds, Descriptor descriptor) {
        this.engine = engine;
        OneDnn dnn = engine.dnn();
        MemorySegment images = engine.describe(problem.images(), problem.layout());
        MemorySegment outputs = engine.describe(problem.outputs(), Tensor.Layout.ENGINE);
        MemorySegment made = descriptor.of(images, outputs);
        if (dnn.isReference(made)) {
            dnn.destroy("dnnl_primitive_desc_destroy", made);
            made = descriptor.of(engine.channelsLast(problem.images()), engine.channelsLast(problem.outputs()));
        }
        primitive = new Primitive(
                dnn, made, arguments.all.stream().mapToInt(Integer::intValue).toArray());
        copy(arguments, arguments.images, images, adds);
        copy(arguments, arguments.outputs, outputs, adds);
        offset = OneDnnContext.lines(
                Stream.concat(Stream.of(primitive), copies.stream().flatMap(Copied::reorders))
                        .mapToLong(Primitive::scratchpadBytes)
                        .max()
                        .orElseThrow());
        dnn.reserveScratchpads(offset + copies.stream().mapToLong(Copied::bytes).sum());
    }

    private void copy(Arguments arguments, int argument, MemorySegment given, boolean adds) {
        MemorySegment expected = primitive.expects(argument);
        if (engine.dnn().equal(given, expected)) {
            return;
        }
        int position = arguments.all.indexOf(argument);
        boolean written = position == arguments.all.size() - 1;
        copies.add(new Copied(
                position,
                OneDnnContext.lines(primitive.bytes(argument)),
                !written || adds ? engine.reorder(given, expected, false) : null,
                written ? engine.reorder(expected, given, false) : null));
    }

    /** The descriptor that a backward primitive takes as its hint. */
    MemorySegment descriptor() {
        return primitive.descriptor();
    }

    /** How the primitive wants an argument that is neither images nor outputs. */
    MemorySegment expects(int argument) {
        return primitive.expects(argument);
    }

    long bytes(int argument) {
        return primitive.bytes(argument);
    }

    /**
     * Computes.
     *
     * @param thread of the team that calls; 0 for the engine's own
     * @param data addresses of the arguments
     */
    void run(int thread, long... data) {
        if (copies.isEmpty()) {
            primitive.run(thread, data);
            return;
        }
        long[] inside = data.clone();
        long place = engine.dnn().scratchpad(thread) + offset;
        for (Copied copy : copies) {
            inside[copy.position] = place;
            if (copy.before != null) {
                copy.before.run(thread, data[copy.position], place);
            }
            place += copy.bytes;
        }
        primitive.run(thread, inside);
        for (Copied copy : copies) {
            if (copy.after != null) {
                copy.after.run(thread, inside[copy.position], data[copy.position]);
            }
        }
    }

    /** Closing again does nothing: a frozen network may be closed after its engine. */
    void close() {
        primitive.close();
        copies.stream().flatMap(Copied::reorders).forEach(Primitive::close);
    }
}

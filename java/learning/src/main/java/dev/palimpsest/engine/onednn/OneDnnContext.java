package dev.palimpsest.engine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/**
 * What the layers' primitives need: the library, memory, tensors and descriptions of shapes. Activations stay in one
 * blocked order from the first convolution to the pooling, so nothing is reordered between layers.
 */
class OneDnnContext {
    private static final long ALONE_BELOW = 1L << 24;

    record Described(Shape shape, Tensor.Layout layout) {}

    private final Arena arena = Arena.ofShared();
    private final Workspace workspace = new Workspace(arena);
    private final int threads;
    private final OneDnn dnn;
    private final boolean avx512;
    private final MemorySegment attributes;
    private final Map<Described, MemorySegment> descriptions = new HashMap<>();
    private final Map<Shape, MemorySegment> free = new HashMap<>();
    private final Map<Integer, MemorySegment> pairs = new HashMap<>();

    OneDnnContext(int threads) {
        this.threads = threads;
        dnn = new OneDnn(arena, threads);
        avx512 = dnn.hasAvx512();
        attributes = dnn.attributes(false, false);
    }

    boolean hasAvx512() {
        return avx512;
    }

    public int threads() {
        return threads;
    }

    public Tensor allocate(Shape shape) {
        return new Tensor(this, shape, Tensor.Layout.ROW_MAJOR, take(shape.bytes()));
    }

    public Tensor tensor(Shape shape, float[] values) {
        Tensor tensor = allocate(shape);
        MemorySegment.copy(values, 0, tensor.data(), JAVA_FLOAT, 0, values.length);
        return tensor;
    }

    public Tensor wrap(Shape shape, MemorySegment rowMajor) {
        return Tensor.borrowed(this, shape, rowMajor);
    }

    public void free(Tensor tensor) {
        workspace.give(tensor.data());
    }

    /** Lets one holder of a tensor go that no caller has seen. */
    void release(Tensor tensor) {
        if (tensor.letGo()) {
            free(tensor);
        }
    }

    /** The values of a row-major tensor. */
    static float[] rowMajorArray(Tensor tensor) {
        return tensor.data().asSlice(0, tensor.shape().bytes()).toArray(JAVA_FLOAT);
    }

    public long allocatedBytes() {
        return workspace.allocatedBytes();
    }

    static void add(MemorySegment target, float factor, MemorySegment source) {
        long count = target.byteSize() / Float.BYTES;
        for (long i = 0; i < count; i++) {
            target.setAtIndex(
                    JAVA_FLOAT, i, target.getAtIndex(JAVA_FLOAT, i) + factor * source.getAtIndex(JAVA_FLOAT, i));
        }
    }

    public void close() {
        dnn.close();
        arena.close();
    }

    OneDnn dnn() {
        return dnn;
    }

    Arena arena() {
        return arena;
    }

    Workspace workspace() {
        return workspace;
    }

    MemorySegment attributes() {
        return attributes;
    }

    /** An activation in this engine's order, from the workspace. */
    Tensor activation(Shape shape) {
        return tensor(shape, Tensor.Layout.ENGINE);
    }

    Tensor tensor(Shape shape, Tensor.Layout layout) {
        return new Tensor(this, shape, layout, take(shape.bytes()));
    }

    /**
     * To be called before primitives are built: says what one run of them computes. A layer of less than a tenth of a
     * millisecond stays on one thread, for waking another that sleeps takes as long.
     */
    void plan(long operations) {
        dnn.use(operations < ALONE_BELOW ? 1 : threads);
    }

    /** Operations that take as long as passing over an activation, which waits for memory. */
    static long passOver(Shape images) {
        return 64 * images.elements();
    }

    MemorySegment take(long bytes) {
        return workspace.take(bytes);
    }

    MemorySegment describe(Shape shape, Tensor.Layout layout) {
        return descriptions.computeIfAbsent(
                new Described(shape, layout),
                key -> dnn.describe(
                        shape,
                        layout == Tensor.Layout.ROW_MAJOR
                                ? Format.rowMajor(shape.rank())
                                : activationFormat(shape.extent(1))));
    }

    /**
     * Blocks of as many channels as a vector holds where they divide; else channels last. Either way nothing is
     * padded.
     */
    private Format activationFormat(int channels) {
        if (avx512 && channels % 16 == 0) {
            return Format.BLOCKED_16;
        }
        return channels % 8 == 0 ? Format.BLOCKED_8 : Format.NHWC;
    }

    MemorySegment rowMajor(Shape shape) {
        return describe(shape, Tensor.Layout.ROW_MAJOR);
    }

    /** A description that leaves the order to the library. */
    MemorySegment any(Shape shape) {
        return free.computeIfAbsent(shape, key -> dnn.describe(key, Format.ANY));
    }

    MemorySegment pair(int value) {
        return pairs.computeIfAbsent(value, key -> OneDnn.dims(arena, key, key));
    }

    /**
     * Copies weights or a result from one order to another on one thread, adding to what is there if
     * {@code accumulate}.
     */
    Primitive reorder(MemorySegment from, MemorySegment to, boolean accumulate) {
        plan(0);
        return new Primitive(
                dnn,
                dnn.created(slot -> dnn.call(
                        "dnnl_reorder_primitive_desc_create",
                        "PPPPPP",
                        slot,
                        from,
                        dnn.engine(),
                        to,
                        dnn.engine(),
                        dnn.attributes(accumulate, false))),
                OneDnn.SRC,
                OneDnn.DST);
    }
}

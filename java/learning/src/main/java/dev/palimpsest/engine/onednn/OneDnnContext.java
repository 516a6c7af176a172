package dev.palimpsest.engine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.kernel.Kernels;
import dev.palimpsest.kernel.passes.Elementwise;
import dev.palimpsest.kernel.passes.Range;
import dev.palimpsest.kernel.passes.Winograd;
import dev.palimpsest.kernel.threads.Team;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntFunction;
import java.util.stream.Stream;

/**
 * What the layers' primitives need: the library, memory, tensors and descriptions of shapes. Activations stay in one
 * blocked order from the first convolution to the pooling, so nothing is reordered between layers.
 */
class OneDnnContext {
    /** Chunks of a batch at most: some for every thread, so that one that is disturbed leaves the others work. */
    private static final int MOST_CHUNKS = 16;
    /** Operations of a chunk at least: some twenty microseconds, long against handing it out. */
    private static final long CHUNK = 1L << 22;
    /** A layer of less than a tenth of a millisecond stays on the caller: waking a thread that sleeps takes as long. */
    private static final long ALONE_BELOW = 1L << 24;

    /** Operations that take as long as passing over a value of an activation, which waits for memory. */
    private static final long PASS = 64;

    private static final long ELEMENTS = 1L << 16;

    private static final long CACHE_LINE = 64;

    private record Described(Shape shape, Format format) {}

    private final Arena arena = Arena.ofShared();
    private final Workspace workspace = new Workspace();
    private final Team team;
    private final OneDnn dnn;
    private final Elementwise elementwise = new Elementwise(Kernels.chosen());
    private final boolean avx512;
    /** One for each thread; none where the engine's activations or the kernels have other vectors. */
    private final List<Winograd> winograd;

    private final MemorySegment attributes;
    private final Map<Described, MemorySegment> descriptions = new HashMap<>();
    private final Map<Integer, MemorySegment> pairs = new HashMap<>();

    OneDnnContext(int threads) {
        team = Team.of(threads);
        dnn = new OneDnn(arena, threads);
        avx512 = dnn.hasAvx512();
        // Other implementations give the same bits, but slower than oneDNN.
        boolean fast = avx512 && Kernels.chosen() == Kernels.Implementation.AVX512;
        winograd = Stream.generate(() -> new Winograd(Kernels.chosen()))
                .limit(fast ? threads : 0)
                .toList();
        attributes = dnn.attributes(false, false);
    }

    boolean hasWinograd() {
        return !winograd.isEmpty();
    }

    /** A thread's own. */
    Winograd winograd(int thread) {
        return winograd.get(thread);
    }

    boolean hasAvx512() {
        return avx512;
    }

    public int threads() {
        return team.size();
    }

    public Tensor allocate(Shape shape) {
        return new Tensor(this, shape, Tensor.Layout.ROW_MAJOR, take(shape.bytes()));
    }

    public Tensor tensor(Shape shape, float[] values) {
        Tensor tensor = allocate(shape);
        MemorySegment.copy(values, 0, tensor.data(), JAVA_FLOAT, 0, values.length);
        return tensor;
    }

    /** A tensor over memory that stays a model's. */
    Tensor borrow(Shape shape, MemorySegment rowMajor) {
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

    /**
     * How the images of a batch are dealt out. Shapes alone decide, never the number of threads, so that sums over
     * chunks have one order.
     *
     * @param images of the batch
     * @param each images of a chunk; the last may have fewer
     * @param alone whether the caller does all of them
     */
    record Chunks(int images, int each, boolean alone) {
        /** @param operations of one image */
        static Chunks of(int images, long operations) {
            long each = Math.max(Math.ceilDiv(images, MOST_CHUNKS), Math.ceilDiv(CHUNK, Math.max(1, operations)));
            // Powers of two, so that batches of many sizes share primitives.
            int rounded = (int) Math.min(Math.max(1, images), Long.highestOneBit(2 * each - 1));
            return new Chunks(images, rounded, images * operations < ALONE_BELOW);
        }

        /** Fewer and larger chunks, so that there are at most so many. */
        Chunks atMost(int count) {
            return new Chunks(images, Math.min(images, each * Math.ceilDiv(count(), count)), alone);
        }

        int count() {
            return Math.ceilDiv(images, each);
        }

        int begin(int chunk) {
            return chunk * each;
        }

        int size(int chunk) {
            return Math.min(each, images - begin(chunk));
        }

        /** Images of the last chunk, if it is smaller; else those of every chunk. */
        int rest() {
            return size(count() - 1);
        }
    }

    /** What is done with a chunk on a thread of the team. */
    interface ChunkTask {
        void run(int chunk, int thread);
    }

    void run(Chunks chunks, ChunkTask task) {
        if (chunks.alone) {
            for (int chunk = 0; chunk < chunks.count(); chunk++) {
                task.run(chunk, 0);
            }
        } else {
            team.run(task::run, chunks.count());
        }
    }

    /** What is done with a chunk's images, of which the first is {@code begin}, by what was built for so many. */
    interface LayerTask<L> {
        void run(L layer, int begin, int thread);
    }

    /**
     * Deals out a batch to what computes chunks.
     *
     * @param layers what computes so many images; asked on the calling thread, before anything runs
     */
    <L> void run(Chunks chunks, IntFunction<L> layers, LayerTask<L> task) {
        L full = layers.apply(chunks.each());
        L last = chunks.rest() == chunks.each() ? full : layers.apply(chunks.rest());
        run(
                chunks,
                (chunk, thread) ->
                        task.run(chunks.size(chunk) == chunks.each() ? full : last, chunks.begin(chunk), thread));
    }

    /** How a batch is dealt out to passes that wait for memory. */
    static Chunks passes(Shape images) {
        return Chunks.of(images.extent(0), PASS * images(1, images).elements());
    }

    /** Runs a pass over all images of a shape. */
    void run(Shape images, Range pass) {
        Chunks chunks = passes(images);
        run(chunks, (chunk, thread) -> pass.run(chunks.begin(chunk), chunks.begin(chunk) + chunks.size(chunk)));
    }

    /** Runs an operation over elements. */
    void run(long elements, Range pass) {
        int blocks = Math.toIntExact(Math.ceilDiv(elements, ELEMENTS));
        if (blocks == 1) {
            pass.run(0, elements);
        } else {
            team.run((block, thread) -> pass.run(block * ELEMENTS, Math.min(elements, (block + 1) * ELEMENTS)), blocks);
        }
    }

    /** Element by element, over whole tensors of one shape and layout. */
    Tensor elementwise(Elementwise.Operation operation, Tensor a, Tensor b) {
        Tensor result = tensor(a.shape(), a.layout());
        elementwise(operation, a, b, result);
        return result;
    }

    void elementwise(Elementwise.Operation operation, Tensor a, Tensor b, Tensor result) {
        long count = a.shape().elements();
        run(count, elementwise.bind(operation, count, a.data(), b.data(), result.data()));
    }

    /** Adds arrays that lie one after another, in their order, into the first. */
    void sumInto(MemorySegment arrays, long count, int terms) {
        if (terms > 1) {
            run(count, elementwise.bindSum(count, arrays, terms, count, arrays));
        }
    }

    /** Frees memory that nobody has, and descriptions; nothing that was made with them may be used again. */
    public void trim() {
        workspace.trim();
        descriptions.clear();
        dnn.forgetDescriptions();
        dnn.trimHeap();
    }

    public void close() {
        winograd.forEach(Winograd::close);
        elementwise.close();
        dnn.close();
        workspace.close();
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

    MemorySegment take(long bytes) {
        return workspace.take(bytes);
    }

    MemorySegment describe(Shape shape, Tensor.Layout layout) {
        return describe(
                shape,
                layout == Tensor.Layout.ROW_MAJOR ? Format.rowMajor(shape.rank()) : activationFormat(shape.extent(1)));
    }

    private MemorySegment describe(Shape shape, Format format) {
        return descriptions.computeIfAbsent(new Described(shape, format), key -> dnn.describe(shape, format));
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

    /** Images whose channels lie together. */
    MemorySegment channelsLast(Shape images) {
        return describe(images, Format.NHWC);
    }

    MemorySegment rowMajor(Shape shape) {
        return describe(shape, Tensor.Layout.ROW_MAJOR);
    }

    /** A description that leaves the order to the library. */
    MemorySegment any(Shape shape) {
        return describe(shape, Format.ANY);
    }

    MemorySegment pair(int value) {
        return pairs.computeIfAbsent(value, key -> OneDnn.dims(arena, key, key));
    }

    /** Channels that lie together in this engine's order. */
    int width(int channels) {
        return switch (activationFormat(channels)) {
            case BLOCKED_16 -> 16;
            case BLOCKED_8 -> 8;
            default -> channels;
        };
    }

    /** The shape of so many images of a batch. */
    static Shape images(int count, Shape batch) {
        int[] extents = batch.extents();
        extents[0] = count;
        return Shape.of(extents);
    }

    /** So many bytes in whole lines of the cache, which threads must not share and oneDNN wants memory aligned to. */
    static long lines(long bytes) {
        return Math.ceilDiv(bytes, CACHE_LINE) * CACHE_LINE;
    }

    /** Where an image begins in a tensor of images. */
    static long address(Tensor tensor, int image) {
        return tensor.data().address() + tensor.shape().bytes() / tensor.shape().extent(0) * image;
    }

    /**
     * Copies weights or a result from one order to another on the calling thread, adding to what is there if
     * {@code accumulate}.
     */
    Primitive reorder(MemorySegment from, MemorySegment to, boolean accumulate) {
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

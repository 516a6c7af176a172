package dev.palimpsest.engine;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.HashMap;
import java.util.Map;

/**
 * Layers on oneDNN. Activations stay in one blocked order from the first convolution to the pooling, so nothing is reordered between layers;
 * primitives are built once a shape and then only run.
 */
final class CpuEngine implements Engine {
    private record Described(Shape shape, Tensor.Layout layout) {}

    private record ReluGradient(Shape shape, Tensor.Layout layout) {}

    private final Arena arena = Arena.ofShared();
    private final Workspace workspace = new Workspace(arena);
    private final int threads;
    private final OneDnn dnn;
    private final boolean avx512;
    private final MemorySegment attributes;
    private final Map<Described, MemorySegment> descriptions = new HashMap<>();
    private final Map<Shape, MemorySegment> free = new HashMap<>();
    private final Map<Integer, MemorySegment> pairs = new HashMap<>();
    private final Map<CpuConvolution.Key, CpuConvolution> convolutions = new HashMap<>();
    private final Map<CpuBatchNorm.Key, CpuBatchNorm> norms = new HashMap<>();
    private final Map<CpuLinear.Key, CpuLinear> linears = new HashMap<>();
    private final Map<Described, Primitive> sums = new HashMap<>();
    private final Map<Described, Primitive> reluSums = new HashMap<>();
    private final Map<ReluGradient, Primitive> reluGradients = new HashMap<>();
    private final Map<Shape, Primitive> pools = new HashMap<>();
    private final Map<Shape, Primitive> poolGradients = new HashMap<>();

    CpuEngine(int threads) {
        if (threads < 1) {
            throw new IllegalArgumentException("an engine needs at least 1 thread, got " + threads);
        }
        this.threads = threads;
        dnn = new OneDnn(arena, threads);
        avx512 = dnn.hasAvx512();
        attributes = dnn.attributes(false, false);
    }

    @Override
    public String description() {
        return "oneDNN " + dnn.version() + (avx512 ? " with AVX-512" : "") + ", " + threads + (threads == 1 ? " thread" : " threads");
    }

    @Override
    public int threads() {
        return threads;
    }

    @Override
    public Tensor allocate(Shape shape) {
        return new Tensor(shape, Tensor.Layout.ROW_MAJOR, workspace.take(shape.bytes()));
    }

    @Override
    public Tensor wrap(Shape shape, MemorySegment rowMajor) {
        if (rowMajor.byteSize() < shape.bytes()) {
            throw new IllegalArgumentException("a tensor of " + shape + " needs " + shape.bytes() + " bytes, the memory has " + rowMajor.byteSize());
        }
        // One holder that never lets go: the memory is not the workspace's.
        return new Tensor(shape, Tensor.Layout.ROW_MAJOR, rowMajor).retain();
    }

    @Override
    public void release(Tensor tensor) {
        if (tensor.letGo()) {
            workspace.give(tensor.data());
        }
    }

    @Override
    public float[] toArray(Tensor tensor) {
        if (tensor.layout() == Tensor.Layout.ROW_MAJOR) {
            return tensor.data().asSlice(0, tensor.shape().bytes()).toArray(JAVA_FLOAT);
        }
        Tensor plain = allocate(tensor.shape());
        Primitive reorder = reorder(describe(tensor.shape(), tensor.layout()), describe(tensor.shape(), Tensor.Layout.ROW_MAJOR), false);
        reorder.run(tensor.data(), plain.data());
        reorder.close();
        float[] values = plain.data().toArray(JAVA_FLOAT);
        release(plain);
        return values;
    }

    @Override
    public long allocatedBytes() {
        return workspace.allocatedBytes();
    }

    @Override
    public Tensor convolution(Tensor images, Parameter weight, Convolution geometry) {
        return convolution(weight, geometry, images.shape(), images.layout()).forward(images);
    }

    @Override
    public Tensor convolutionInputGradient(Tensor gradient, Parameter weight, Convolution geometry, Shape images) {
        return convolution(weight, geometry, images, Tensor.Layout.ENGINE).inputGradient(gradient);
    }

    @Override
    public void convolutionWeightGradient(Tensor images, Tensor gradient, Parameter weight, Convolution geometry) {
        convolution(weight, geometry, images.shape(), images.layout()).weightGradient(images, gradient);
    }

    private CpuConvolution convolution(Parameter weight, Convolution geometry, Shape images, Tensor.Layout layout) {
        return convolutions.computeIfAbsent(new CpuConvolution.Key(weight, geometry, images, layout), key -> new CpuConvolution(this, key));
    }

    @Override
    public Normalised batchNorm(Tensor input, BatchNorm norm, boolean relu, boolean frozen) {
        if (!frozen && input.shape().elements() <= norm.channels()) {
            throw new IllegalArgumentException("batch norm needs more than one value a channel, got activations of " + input.shape()
                    + ": train on batches of at least 2 images");
        }
        return norm(input.shape(), relu, frozen).forward(input, norm);
    }

    @Override
    public Tensor batchNormGradient(Tensor gradient, Tensor input, Normalised forward, BatchNorm norm) {
        return norm(input.shape(), forward.passed() != null, forward.frozen()).backward(gradient, input, forward, norm);
    }

    private CpuBatchNorm norm(Shape images, boolean relu, boolean frozen) {
        return norms.computeIfAbsent(new CpuBatchNorm.Key(images, relu, frozen), key -> new CpuBatchNorm(this, key));
    }

    @Override
    public Tensor addRelu(Tensor a, Tensor b) {
        requireSame(a, b);
        Tensor result = activation(a.shape());
        reluSums.computeIfAbsent(new Described(a.shape(), a.layout()), key -> sum(key, true)).run(a.data(), b.data(), result.data());
        return result;
    }

    @Override
    public Tensor reluGradient(Tensor gradient, Tensor output) {
        requireSame(gradient, output);
        Tensor result = activation(output.shape());
        reluGradients.computeIfAbsent(new ReluGradient(output.shape(), output.layout()), this::buildReluGradient)
                .run(output.data(), gradient.data(), result.data());
        return result;
    }

    private Primitive buildReluGradient(ReluGradient key) {
        MemorySegment images = describe(key.shape, key.layout);
        MemorySegment hint = dnn.created(slot -> dnn.call("dnnl_eltwise_forward_primitive_desc_create", "PPIIPPFFP", slot, dnn.engine(),
                OneDnn.FORWARD_TRAINING, OneDnn.RELU_FROM_OUTPUT, images, images, 0f, 0f, attributes));
        return new Primitive(dnn, dnn.created(slot -> dnn.call("dnnl_eltwise_backward_primitive_desc_create", "PPIPPPFFPP", slot, dnn.engine(),
                OneDnn.RELU_FROM_OUTPUT, images, images, images, 0f, 0f, hint, attributes)), OneDnn.DST, OneDnn.DIFF_DST, OneDnn.DIFF_SRC);
    }

    @Override
    public Tensor averagePool(Tensor images) {
        Tensor result = allocate(Shape.of(images.shape().extent(0), images.shape().extent(1)));
        pools.computeIfAbsent(images.shape(), this::buildPool).run(images.data(), result.data());
        return result;
    }

    @Override
    public Tensor averagePoolGradient(Tensor gradient, Shape images) {
        Tensor result = activation(images);
        poolGradients.computeIfAbsent(images, this::buildPoolGradient).run(gradient.data(), result.data());
        return result;
    }

    /** One image position is left, so the blocked order of the result is the order of a row-major matrix. */
    private MemorySegment pooled(Shape images) {
        return describe(Shape.of(images.extent(0), images.extent(1), 1, 1), Tensor.Layout.ENGINE);
    }

    private Primitive buildPool(Shape images) {
        MemorySegment window = dnn.dims(images.extent(2), images.extent(3));
        return new Primitive(dnn, dnn.created(slot -> dnn.call("dnnl_pooling_forward_primitive_desc_create", "PPIIPPPPPPPP", slot, dnn.engine(),
                OneDnn.FORWARD_TRAINING, OneDnn.POOLING_AVERAGE, describe(images, Tensor.Layout.ENGINE), pooled(images), pair(1), window, pair(0),
                pair(0), pair(0), attributes)), OneDnn.SRC, OneDnn.DST);
    }

    private Primitive buildPoolGradient(Shape images) {
        MemorySegment window = dnn.dims(images.extent(2), images.extent(3));
        MemorySegment hint = pools.computeIfAbsent(images, this::buildPool).descriptor();
        return new Primitive(dnn, dnn.created(slot -> dnn.call("dnnl_pooling_backward_primitive_desc_create", "PPIPPPPPPPPP", slot, dnn.engine(),
                OneDnn.POOLING_AVERAGE, describe(images, Tensor.Layout.ENGINE), pooled(images), pair(1), window, pair(0), pair(0), pair(0), hint,
                attributes)), OneDnn.DIFF_DST, OneDnn.DIFF_SRC);
    }

    @Override
    public Tensor linear(Tensor input, Parameter weight, Parameter bias) {
        return linear(input, weight).forward(input, weight, bias);
    }

    @Override
    public Tensor linearGradient(Tensor gradient, Tensor input, Parameter weight, Parameter bias) {
        return linear(input, weight).backward(gradient, input, weight, bias);
    }

    private CpuLinear linear(Tensor input, Parameter weight) {
        int inputs = weight.shape().extent(1);
        if (input.shape().rank() != 2 || input.shape().extent(1) != inputs) {
            throw new IllegalArgumentException(weight.name() + " is " + weight.shape() + " and needs an input of N×" + inputs + ", got " + input.shape());
        }
        return linears.computeIfAbsent(new CpuLinear.Key(input.shape().extent(0), inputs, weight.shape().extent(0)), key -> new CpuLinear(this, key));
    }

    @Override
    public void addScaled(Tensor target, float factor, Tensor source) {
        requireSame(target, source);
        if (factor == 1 && target.shape().rank() == 4) {
            sums.computeIfAbsent(new Described(target.shape(), target.layout()), key -> sum(key, false))
                    .run(target.data(), source.data(), target.data());
        } else {
            add(target.data(), factor, source.data());
        }
    }

    static void add(MemorySegment target, float factor, MemorySegment source) {
        long count = target.byteSize() / Float.BYTES;
        for (long i = 0; i < count; i++) {
            target.setAtIndex(JAVA_FLOAT, i, target.getAtIndex(JAVA_FLOAT, i) + factor * source.getAtIndex(JAVA_FLOAT, i));
        }
    }

    @Override
    public FrozenConvolution freeze(Convolution geometry, MemorySegment weight, MemorySegment bias) {
        return new CpuFrozenConvolution(this, geometry, weight, bias);
    }

    @Override
    public void close() {
        dnn.close();
        arena.close();
    }

    private Primitive sum(Described key, boolean relu) {
        MemorySegment images = describe(key.shape, key.layout);
        return new Primitive(dnn, dnn.created(slot -> dnn.call("dnnl_binary_primitive_desc_create", "PPIPPPP", slot, dnn.engine(),
                OneDnn.BINARY_ADD, images, images, images, dnn.attributes(false, relu))), OneDnn.SRC, OneDnn.SRC_1, OneDnn.DST);
    }

    private static void requireSame(Tensor a, Tensor b) {
        if (!a.shape().equals(b.shape()) || a.layout() != b.layout()) {
            throw new IllegalArgumentException("expected two tensors of one shape and layout, got " + a.shape() + " and " + b.shape());
        }
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
        return new Tensor(shape, Tensor.Layout.ENGINE, workspace.take(shape.bytes()));
    }

    /** Blocks of as many channels as a vector holds where they divide; else channels last. Either way nothing is padded. */
    private OneDnn.Format activationFormat(int channels) {
        if (avx512 && channels % 16 == 0) {
            return OneDnn.Format.BLOCKED_16;
        }
        return channels % 8 == 0 ? OneDnn.Format.BLOCKED_8 : OneDnn.Format.NHWC;
    }

    MemorySegment describe(Shape images, Tensor.Layout layout) {
        return descriptions.computeIfAbsent(new Described(images, layout), key ->
                dnn.describe(images, layout == Tensor.Layout.ROW_MAJOR ? OneDnn.Format.NCHW : activationFormat(images.extent(1))));
    }

    MemorySegment rowMajor(Shape shape) {
        return describe(shape, Tensor.Layout.ROW_MAJOR);
    }

    /** A description that leaves the order to the library. */
    MemorySegment any(Shape shape) {
        return free.computeIfAbsent(shape, key -> dnn.describe(key, OneDnn.Format.ANY));
    }

    MemorySegment pair(int value) {
        return pairs.computeIfAbsent(value, key -> dnn.dims(key, key));
    }

    /** Copies from one order to another, adding to what is there if {@code accumulate}. */
    Primitive reorder(MemorySegment from, MemorySegment to, boolean accumulate) {
        return new Primitive(dnn, dnn.created(slot -> dnn.call("dnnl_reorder_primitive_desc_create", "PPPPPP", slot, from, dnn.engine(), to,
                dnn.engine(), dnn.attributes(accumulate, false))), OneDnn.SRC, OneDnn.DST);
    }
}

package dev.palimpsest.engine.onednn;

import dev.palimpsest.engine.BatchNorm;
import dev.palimpsest.engine.Convolution;
import dev.palimpsest.engine.onednn.CpuBatchNorm.Factors;
import dev.palimpsest.engine.onednn.OneDnnContext.Chunks;
import dev.palimpsest.kernel.Kernels;
import dev.palimpsest.kernel.passes.BatchNormPasses;
import dev.palimpsest.kernel.passes.Elementwise;
import dev.palimpsest.kernel.passes.Range;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * A convolution and its batch norm, chunk by chunk of the batch: what one leaves of a chunk in the cache the other
 * reads there, and the gradient by the convolution's output never lies in memory whole. Chunks, and so bits, are those
 * of the operations one by one.
 */
final class CpuNormalisedConvolution implements AutoCloseable {
    private final OneDnnContext engine;
    private final CpuConvolutions convolutions;
    private final CpuConvolution.Key key;
    private final Shape output;
    private final CpuBatchNorm norms;
    private final Chunks chunks;
    /** One for each thread, since each binds its own chunk; none until a gradient is asked for. */
    private BatchNormPasses[] passes = {};

    private Elementwise[] elementwise = {};

    /**
     * @param norms over a batch of the convolution's outputs
     * @param key with the shape of the whole batch
     */
    CpuNormalisedConvolution(
            OneDnnContext engine, CpuConvolutions convolutions, CpuBatchNorm norms, CpuConvolution.Key key) {
        this.engine = engine;
        this.convolutions = convolutions;
        this.norms = norms;
        this.key = key;
        output = key.geometry().outputShape(key.images());
        chunks = CpuConvolution.chunks(key.geometry(), key.images());
    }

    Convolution.Normalised forward(
            Tensor images, BatchNorm norm, @Nullable Tensor residual, boolean relu, boolean frozen) {
        Tensor convolved = engine.activation(output);
        MemorySegment sums = frozen ? null : norms.takeSums();
        Range moments = sums == null ? (begin, end) -> {} : norms.moments(convolved, sums);
        engine.run(chunks, count -> convolutions.of(key, count).readyForward(), (layer, begin, thread) -> {
            layer.forward(thread, OneDnnContext.address(images, begin), OneDnnContext.address(convolved, begin));
            moments.run(begin, Math.min(begin + chunks.each(), chunks.images()));
        });
        return new Convolution.Normalised(
                convolved, norms.normalise(convolved, norm, sums, residual, relu), key.weight(), key.geometry());
    }

    /** Whether the gradient of the weight is taken by the chunks of the others: large weights have fewer parts. */
    boolean sharesChunks() {
        return CpuWeightGradient.chunks(key).equals(chunks);
    }

    @Nullable
    Tensor backward(
            Tensor gradient, Tensor images, Convolution.Normalised forward, boolean wanted, @Nullable Tensor sum) {
        bindable();
        Factors factors = norms.factors(gradient, forward.convolved(), forward.norm());
        CpuWeightGradient weight = new CpuWeightGradient(engine, convolutions, key, images);
        Scratch convolved = new Scratch(output);
        InputGradient input = wanted ? new InputGradient(sum) : null;
        engine.run(chunks, (chunk, thread) -> {
            int count = chunks.size(chunk);
            MemorySegment own = convolved.of(thread);
            factors.bind(passes[thread], part(gradient, chunk), part(forward.convolved(), chunk), own)
                    .run(0, count);
            weight.part(chunk, thread, own.address());
            if (input != null) {
                input.part(chunk, thread, own.address());
            }
        });
        weight.finish();
        convolved.give();
        norms.give(factors);
        return input == null ? null : input.finish();
    }

    private void bindable() {
        if (passes.length == 0) {
            BatchNormPasses.Geometry chunk = norms.geometry(chunks.each());
            passes = IntStream.range(0, engine.threads())
                    .mapToObj(thread -> new BatchNormPasses(Kernels.chosen(), chunk))
                    .toArray(BatchNormPasses[]::new);
            elementwise = IntStream.range(0, engine.threads())
                    .mapToObj(thread -> new Elementwise(Kernels.chosen()))
                    .toArray(Elementwise[]::new);
        }
    }

    /** A chunk's images. */
    private MemorySegment part(Tensor tensor, int chunk) {
        long each = tensor.shape().bytes() / chunks.images();
        return tensor.data().asSlice(chunks.begin(chunk) * each, chunks.size(chunk) * each);
    }

    /** The gradient by the images, written where it belongs, or beside it and then added. */
    private final class InputGradient {
        private final CpuConvolution full =
                convolutions.of(key, chunks.each(), Tensor.Layout.ENGINE).readyInputGradient();
        private final CpuConvolution last =
                convolutions.of(key, chunks.rest(), Tensor.Layout.ENGINE).readyInputGradient();
        private final Tensor result;
        private final @Nullable Scratch beside;

        InputGradient(@Nullable Tensor sum) {
            result = sum != null ? sum : engine.activation(key.images());
            beside = sum != null ? new Scratch(key.images()) : null;
        }

        void part(int chunk, int thread, long gradient) {
            CpuConvolution layer = chunks.size(chunk) == chunks.each() ? full : last;
            MemorySegment to = CpuNormalisedConvolution.this.part(result, chunk);
            if (beside == null) {
                layer.inputGradient(thread, gradient, to.address());
                return;
            }
            MemorySegment own = beside.of(thread);
            layer.inputGradient(thread, gradient, own.address());
            long count = to.byteSize() / Float.BYTES;
            elementwise[thread]
                    .bind(Elementwise.Operation.ADD, count, to, own, to)
                    .run(0, count);
        }

        Tensor finish() {
            if (beside != null) {
                beside.give();
            }
            return result;
        }
    }

    /** Memory for one chunk on each thread, which stays in its cache. */
    private final class Scratch {
        private final long each;
        private final MemorySegment memory;

        Scratch(Shape batch) {
            long bytes = batch.bytes() / chunks.images() * chunks.each();
            each = OneDnnContext.lines(bytes);
            memory = engine.take(each * engine.threads());
        }

        MemorySegment of(int thread) {
            return memory.asSlice(thread * each, each);
        }

        void give() {
            engine.workspace().give(memory);
        }
    }

    @Override
    public void close() {
        for (BatchNormPasses each : passes) {
            each.close();
        }
        for (Elementwise each : elementwise) {
            each.close();
        }
    }
}

package dev.palimpsest.engine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.engine.Backend;
import dev.palimpsest.engine.BatchNorm;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;

/**
 * Batch norm's primitives for one shape, with or without the ReLU behind it and with the batch's or the running
 * statistics.
 */
final class CpuBatchNorm {
    record Key(Shape images, boolean relu, boolean frozen) {}

    private final OneDnnContext engine;
    private final Key key;
    private final Primitive forward;
    private final Primitive backward;

    CpuBatchNorm(OneDnnContext engine, Key key) {
        this.engine = engine;
        this.key = key;
        OneDnn dnn = engine.dnn();
        MemorySegment images = engine.describe(key.images, Tensor.Layout.ENGINE);
        int flags = OneDnn.USE_SCALE
                | OneDnn.USE_SHIFT
                | (key.relu ? OneDnn.FUSE_RELU : 0)
                | (key.frozen ? OneDnn.USE_GLOBAL_STATS : 0);
        int[] forwardArguments = {
            OneDnn.SRC, OneDnn.DST, OneDnn.MEAN, OneDnn.VARIANCE, OneDnn.SCALE, OneDnn.SHIFT, OneDnn.WORKSPACE
        };
        int[] backwardArguments = {
            OneDnn.SRC,
            OneDnn.MEAN,
            OneDnn.VARIANCE,
            OneDnn.DIFF_DST,
            OneDnn.SCALE,
            OneDnn.DIFF_SRC,
            OneDnn.DIFF_SCALE,
            OneDnn.DIFF_SHIFT,
            OneDnn.WORKSPACE
        };
        engine.plan(OneDnnContext.passOver(key.images));
        forward = new Primitive(
                dnn,
                dnn.created(slot -> dnn.call(
                        "dnnl_batch_normalization_forward_primitive_desc_create",
                        "PPIPPFIP",
                        slot,
                        dnn.engine(),
                        OneDnn.FORWARD_TRAINING,
                        images,
                        images,
                        BatchNorm.EPSILON,
                        flags,
                        engine.attributes())),
                withWorkspaceIf(key.relu, forwardArguments));
        backward = new Primitive(
                dnn,
                dnn.created(slot -> dnn.call(
                        "dnnl_batch_normalization_backward_primitive_desc_create",
                        "PPIPPPFIPP",
                        slot,
                        dnn.engine(),
                        OneDnn.BACKWARD,
                        images,
                        images,
                        images,
                        BatchNorm.EPSILON,
                        flags,
                        forward.descriptor(),
                        engine.attributes())),
                withWorkspaceIf(key.relu, backwardArguments));
    }

    private static int[] withWorkspaceIf(boolean relu, int[] arguments) {
        return relu ? arguments : Arrays.copyOf(arguments, arguments.length - 1);
    }

    Backend.Normalised forward(Tensor input, BatchNorm norm) {
        Tensor output = engine.activation(key.images);
        Shape channels = Shape.of(norm.channels());
        Tensor mean = key.frozen ? engine.wrap(channels, norm.runningMean().read()) : engine.allocate(channels);
        Tensor variance =
                key.frozen ? engine.wrap(channels, norm.runningVariance().read()) : engine.allocate(channels);
        MemorySegment scale = norm.scale().read();
        MemorySegment shift = norm.shift().read();
        Tensor passed = null;
        if (key.relu) {
            long bytes = forward.bytes(OneDnn.WORKSPACE);
            passed = new Tensor(
                    engine, Shape.of(Math.toIntExact(bytes / Float.BYTES)), Tensor.Layout.ENGINE, engine.take(bytes));
            forward.run(input.data(), output.data(), mean.data(), variance.data(), scale, shift, passed.data());
        } else {
            forward.run(input.data(), output.data(), mean.data(), variance.data(), scale, shift);
        }
        if (!key.frozen) {
            updateRunning(norm, mean.data(), variance.data());
        }
        return new Backend.Normalised(output, mean, variance, passed, key.frozen);
    }

    /** As PyTorch: the running variance takes the unbiased estimate, normalisation the biased one. */
    private void updateRunning(BatchNorm norm, MemorySegment mean, MemorySegment variance) {
        long values = key.images.elements() / norm.channels();
        float unbiased = (float) ((double) values / (values - 1));
        MemorySegment runningMean = norm.runningMean().update();
        MemorySegment runningVariance = norm.runningVariance().update();
        for (int c = 0; c < norm.channels(); c++) {
            float m = runningMean.getAtIndex(JAVA_FLOAT, c);
            float v = runningVariance.getAtIndex(JAVA_FLOAT, c);
            runningMean.setAtIndex(JAVA_FLOAT, c, m + BatchNorm.MOMENTUM * (mean.getAtIndex(JAVA_FLOAT, c) - m));
            runningVariance.setAtIndex(
                    JAVA_FLOAT, c, v + BatchNorm.MOMENTUM * (variance.getAtIndex(JAVA_FLOAT, c) * unbiased - v));
        }
    }

    Tensor backward(Tensor gradient, Tensor input, Backend.Normalised saved, BatchNorm norm) {
        Tensor result = engine.activation(key.images);
        Tensor scaleGradient = engine.allocate(norm.scale().shape());
        Tensor shiftGradient = engine.allocate(norm.shift().shape());
        MemorySegment scale = norm.scale().read();
        MemorySegment mean = Objects.requireNonNull(saved.mean()).data(); // forward keeps both
        MemorySegment variance = Objects.requireNonNull(saved.variance()).data();
        Tensor passed = saved.passed();
        if (passed != null) {
            backward.run(
                    input.data(),
                    mean,
                    variance,
                    gradient.data(),
                    scale,
                    result.data(),
                    scaleGradient.data(),
                    shiftGradient.data(),
                    passed.data());
        } else {
            backward.run(
                    input.data(),
                    mean,
                    variance,
                    gradient.data(),
                    scale,
                    result.data(),
                    scaleGradient.data(),
                    shiftGradient.data());
        }
        OneDnnContext.add(norm.scale().updateGradient(), 1, scaleGradient.data());
        OneDnnContext.add(norm.shift().updateGradient(), 1, shiftGradient.data());
        engine.release(scaleGradient);
        engine.release(shiftGradient);
        return result;
    }
}

package dev.palimpsest.engine.onednn;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.engine.BatchNorm;
import dev.palimpsest.kernel.Kernels;
import dev.palimpsest.kernel.passes.BatchNormPasses;
import dev.palimpsest.kernel.passes.BatchNormPasses.Affine;
import dev.palimpsest.kernel.passes.Range;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import java.util.function.Function;

/**
 * Batch norm for one shape of a batch, by our own passes: what joins images is summed in float64 in their order, so the
 * bits do not depend on threads. native/kernels/batch_norm/batch_norm.md has the formulas.
 */
final class CpuBatchNorm implements AutoCloseable {
    private final OneDnnContext engine;
    private final Shape images;
    private final int channels;
    private final int positions;
    private final BatchNormPasses passes;

    CpuBatchNorm(OneDnnContext engine, Shape images) {
        this.engine = engine;
        this.images = images;
        channels = images.extent(1);
        positions = images.extent(2) * images.extent(3);
        passes = new BatchNormPasses(
                Kernels.chosen(),
                new BatchNormPasses.Geometry(images.extent(0), channels, engine.width(channels), positions));
    }

    private MemorySegment vector() {
        return engine.take((long) channels * Float.BYTES);
    }

    /** What a pass sums for each image, [images, 2, channels]; an array, for loops that compile well. */
    private float[] sums(Function<MemorySegment, Range> pass) {
        MemorySegment sums = engine.take(2L * images.extent(0) * channels * Float.BYTES);
        engine.run(images, pass.apply(sums));
        float[] values = sums.toArray(JAVA_FLOAT);
        give(sums);
        return values;
    }

    private void give(MemorySegment... segments) {
        for (MemorySegment segment : segments) {
            engine.workspace().give(segment);
        }
    }

    BatchNorm.Normalised forward(Tensor input, BatchNorm norm, boolean relu, boolean frozen) {
        Tensor mean;
        Tensor variance;
        if (frozen) {
            mean = engine.borrow(Shape.of(channels), norm.runningMean().read());
            variance = engine.borrow(Shape.of(channels), norm.runningVariance().read());
        } else {
            mean = engine.allocate(Shape.of(channels));
            variance = engine.allocate(Shape.of(channels));
            moments(input, mean.data(), variance.data());
            updateRunning(norm, mean.data(), variance.data());
        }
        Affine affine = affine(norm, mean.data(), variance.data());
        Tensor output = engine.activation(images);
        engine.run(images, passes.normalise(input.data(), affine.scale(), affine.shift(), null, relu, output.data()));
        give(affine.scale(), affine.shift());
        return new BatchNorm.Normalised(output, mean, variance, relu ? output.retain() : null, frozen, norm);
    }

    /** What the norm does to its input, the same bits before and after the ReLU's gradient is asked for. */
    private Affine affine(BatchNorm norm, MemorySegment mean, MemorySegment variance) {
        Affine affine = new Affine(vector(), vector());
        MemorySegment scale = norm.scale().read();
        MemorySegment shift = norm.shift().read();
        for (int c = 0; c < channels; c++) {
            double a = scale.getAtIndex(JAVA_FLOAT, c) * reciprocalDeviation(variance, c);
            affine.scale().setAtIndex(JAVA_FLOAT, c, (float) a);
            affine.shift().setAtIndex(JAVA_FLOAT, c, (float)
                    (shift.getAtIndex(JAVA_FLOAT, c) - a * mean.getAtIndex(JAVA_FLOAT, c)));
        }
        return affine;
    }

    private static double reciprocalDeviation(MemorySegment variance, int c) {
        return 1 / Math.sqrt(variance.getAtIndex(JAVA_FLOAT, c) + (double) BatchNorm.EPSILON);
    }

    /** Of the whole batch, by Chan's formula for parts of one size; the variance is the biased one. */
    private void moments(Tensor input, MemorySegment mean, MemorySegment variance) {
        float[] sums = sums(to -> passes.moments(input.data(), to));
        double[] mu = new double[channels];
        double[] squares = new double[channels];
        for (int n = 0; n < images.extent(0); n++) {
            for (int c = 0; c < channels; c++) {
                mu[c] += sums[2 * n * channels + c];
                squares[c] += sums[(2 * n + 1) * channels + c];
            }
        }
        for (int c = 0; c < channels; c++) {
            mu[c] /= images.extent(0);
        }
        for (int n = 0; n < images.extent(0); n++) {
            for (int c = 0; c < channels; c++) {
                double off = sums[2 * n * channels + c] - mu[c];
                squares[c] += positions * off * off;
            }
        }
        double values = (double) images.extent(0) * positions;
        for (int c = 0; c < channels; c++) {
            mean.setAtIndex(JAVA_FLOAT, c, (float) mu[c]);
            variance.setAtIndex(JAVA_FLOAT, c, (float) (squares[c] / values));
        }
    }

    /** As PyTorch: the running variance takes the unbiased estimate, normalisation the biased one. */
    private void updateRunning(BatchNorm norm, MemorySegment mean, MemorySegment variance) {
        long values = (long) images.extent(0) * positions;
        float unbiased = (float) ((double) values / (values - 1));
        MemorySegment runningMean = norm.runningMean().update();
        MemorySegment runningVariance = norm.runningVariance().update();
        for (int c = 0; c < channels; c++) {
            float m = runningMean.getAtIndex(JAVA_FLOAT, c);
            float v = runningVariance.getAtIndex(JAVA_FLOAT, c);
            runningMean.setAtIndex(JAVA_FLOAT, c, m + BatchNorm.MOMENTUM * (mean.getAtIndex(JAVA_FLOAT, c) - m));
            runningVariance.setAtIndex(
                    JAVA_FLOAT, c, v + BatchNorm.MOMENTUM * (variance.getAtIndex(JAVA_FLOAT, c) * unbiased - v));
        }
    }

    Tensor backward(Tensor gradient, Tensor input, BatchNorm.Normalised saved) {
        BatchNorm norm = saved.norm();
        MemorySegment mean = Objects.requireNonNull(saved.mean()).data(); // forward keeps both
        MemorySegment variance = Objects.requireNonNull(saved.variance()).data();
        Affine relu = saved.passed() == null ? null : affine(norm, mean, variance);
        float[] sums = sums(to -> passes.gradientSums(gradient.data(), relu, input.data(), mean, to));
        double[] plain = new double[channels];
        double[] weighted = new double[channels];
        for (int n = 0; n < images.extent(0); n++) {
            for (int c = 0; c < channels; c++) {
                plain[c] += sums[2 * n * channels + c];
                weighted[c] += sums[(2 * n + 1) * channels + c];
            }
        }
        MemorySegment first = vector();
        MemorySegment second = vector();
        MemorySegment third = vector();
        MemorySegment scale = norm.scale().read();
        MemorySegment scaleGradient = norm.scale().updateGradient();
        MemorySegment shiftGradient = norm.shift().updateGradient();
        double values = (double) images.extent(0) * positions;
        for (int c = 0; c < channels; c++) {
            double r = reciprocalDeviation(variance, c);
            double k = scale.getAtIndex(JAVA_FLOAT, c) * r;
            add(scaleGradient, c, r * weighted[c]);
            add(shiftGradient, c, plain[c]);
            first.setAtIndex(JAVA_FLOAT, c, (float) k);
            second.setAtIndex(JAVA_FLOAT, c, (float) (-k * r * r * weighted[c] / values));
            third.setAtIndex(JAVA_FLOAT, c, (float) (-k * plain[c] / values));
        }
        Tensor result = engine.activation(images);
        // The running statistics are constants: nothing comes back through them.
        boolean frozen = saved.frozen();
        engine.run(
                images,
                passes.gradient(
                        gradient.data(),
                        relu,
                        input.data(),
                        mean,
                        first,
                        frozen ? null : second,
                        frozen ? null : third,
                        result.data()));
        give(first, second, third);
        if (relu != null) {
            give(relu.scale(), relu.shift());
        }
        return result;
    }

    private static void add(MemorySegment vector, int c, double value) {
        vector.setAtIndex(JAVA_FLOAT, c, vector.getAtIndex(JAVA_FLOAT, c) + (float) value);
    }

    @Override
    public void close() {
        passes.close();
    }
}

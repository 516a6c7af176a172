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
import org.jspecify.annotations.Nullable;

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
        passes = new BatchNormPasses(Kernels.chosen(), geometry(images.extent(0)));
    }

    /** How so many of its images lie. */
    BatchNormPasses.Geometry geometry(int count) {
        return new BatchNormPasses.Geometry(count, channels, engine.width(channels), positions);
    }

    private MemorySegment vector() {
        return engine.take((long) channels * Float.BYTES);
    }

    /** Memory for what a pass sums for each image, [images, 2, channels]. */
    MemorySegment takeSums() {
        return engine.take(2L * images.extent(0) * channels * Float.BYTES);
    }

    /** Sums that a pass has written; an array, for loops that compile well. Gives their memory back. */
    private float[] read(MemorySegment sums) {
        float[] values = sums.toArray(JAVA_FLOAT);
        give(sums);
        return values;
    }

    private void give(MemorySegment... segments) {
        for (MemorySegment segment : segments) {
            engine.workspace().give(segment);
        }
    }

    /** The pass over a batch's images whose sums {@link #normalise} takes. */
    Range moments(Tensor input, MemorySegment sums) {
        return passes.moments(input.data(), sums);
    }

    BatchNorm.Normalised forward(Tensor input, BatchNorm norm, boolean relu, boolean frozen) {
        MemorySegment sums = null;
        if (!frozen) {
            sums = takeSums();
            engine.run(images, moments(input, sums));
        }
        return normalise(input, norm, sums, null, relu);
    }

    /**
     * What follows the batch's moments.
     *
     * @param sums what {@link #moments} wrote, whose memory is given back; null for running statistics
     * @param residual of the images' shape, or null; with one, nothing is kept of the ReLU
     */
    BatchNorm.Normalised normalise(
            Tensor input, BatchNorm norm, @Nullable MemorySegment sums, @Nullable Tensor residual, boolean relu) {
        Tensor mean;
        Tensor variance;
        if (sums == null) {
            mean = engine.borrow(Shape.of(channels), norm.runningMean().read());
            variance = engine.borrow(Shape.of(channels), norm.runningVariance().read());
        } else {
            mean = engine.allocate(Shape.of(channels));
            variance = engine.allocate(Shape.of(channels));
            merge(read(sums), mean.data(), variance.data());
            updateRunning(norm, mean.data(), variance.data());
        }
        Affine affine = affine(norm, mean.data(), variance.data());
        Tensor output = engine.activation(images);
        engine.run(
                images,
                passes.normalise(
                        input.data(),
                        affine.scale(),
                        affine.shift(),
                        residual == null ? null : residual.data(),
                        relu,
                        output.data()));
        give(affine.scale(), affine.shift());
        return new BatchNorm.Normalised(
                output, mean, variance, relu && residual == null ? output.retain() : null, sums == null, norm);
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

    /** Moments of the whole batch, by Chan's formula for parts of one size; the variance is the biased one. */
    private void merge(float[] sums, MemorySegment mean, MemorySegment variance) {
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
        Factors factors = factors(gradient, input, saved);
        Tensor result = engine.activation(images);
        engine.run(images, factors.bind(passes, gradient.data(), input.data(), result.data()));
        give(factors);
        return result;
    }

    /**
     * By what the gradient of the input follows from that of the output, image by image.
     *
     * @param relu null without a ReLU
     * @param mean of the batch, or the running one
     * @param first [channels]
     * @param second [channels]
     * @param third [channels]
     * @param frozen whether the statistics are constants, through which nothing comes back
     */
    record Factors(
            @Nullable Affine relu,
            MemorySegment mean,
            MemorySegment first,
            MemorySegment second,
            MemorySegment third,
            boolean frozen) {
        Range bind(BatchNormPasses passes, MemorySegment gradient, MemorySegment input, MemorySegment result) {
            return passes.gradient(
                    gradient, relu, input, mean, first, frozen ? null : second, frozen ? null : third, result);
        }
    }

    /** Passes over the whole batch and adds to the gradients of scale and shift; to be given back. */
    Factors factors(Tensor gradient, Tensor input, BatchNorm.Normalised saved) {
        BatchNorm norm = saved.norm();
        MemorySegment mean = Objects.requireNonNull(saved.mean()).data(); // forward keeps both
        MemorySegment variance = Objects.requireNonNull(saved.variance()).data();
        Affine relu = saved.passed() == null ? null : affine(norm, mean, variance);
        MemorySegment memory = takeSums();
        engine.run(images, passes.gradientSums(gradient.data(), relu, input.data(), mean, memory));
        float[] sums = read(memory);
        double[] plain = new double[channels];
        double[] weighted = new double[channels];
        for (int n = 0; n < images.extent(0); n++) {
            for (int c = 0; c < channels; c++) {
                plain[c] += sums[2 * n * channels + c];
                weighted[c] += sums[(2 * n + 1) * channels + c];
            }
        }
        Factors factors = new Factors(relu, mean, vector(), vector(), vector(), saved.frozen());
        MemorySegment scale = norm.scale().read();
        MemorySegment scaleGradient = norm.scale().updateGradient();
        MemorySegment shiftGradient = norm.shift().updateGradient();
        double values = (double) images.extent(0) * positions;
        for (int c = 0; c < channels; c++) {
            double r = reciprocalDeviation(variance, c);
            double k = scale.getAtIndex(JAVA_FLOAT, c) * r;
            add(scaleGradient, c, r * weighted[c]);
            add(shiftGradient, c, plain[c]);
            factors.first.setAtIndex(JAVA_FLOAT, c, (float) k);
            factors.second.setAtIndex(JAVA_FLOAT, c, (float) (-k * r * r * weighted[c] / values));
            factors.third.setAtIndex(JAVA_FLOAT, c, (float) (-k * plain[c] / values));
        }
        return factors;
    }

    void give(Factors factors) {
        give(factors.first, factors.second, factors.third);
        if (factors.relu != null) {
            give(factors.relu.scale(), factors.relu.shift());
        }
    }

    private static void add(MemorySegment vector, int c, double value) {
        vector.setAtIndex(JAVA_FLOAT, c, vector.getAtIndex(JAVA_FLOAT, c) + (float) value);
    }

    @Override
    public void close() {
        passes.close();
    }
}

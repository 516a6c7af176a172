package dev.palimpsest.kernel.passes;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** {@link BatchNormPasses} in plain Java: the executable specification, and what runs without the native library. */
final class JavaBatchNorm {
    private static final int ACCUMULATORS = 4;

    private final BatchNormPasses.Geometry geometry;
    private BatchNormPasses.Pass pass = BatchNormPasses.Pass.MOMENTS;
    private MemorySegment x = MemorySegment.NULL;
    private @Nullable MemorySegment residual;
    private BatchNormPasses.@Nullable Affine clipped;
    private @Nullable MemorySegment gradient;
    private @Nullable MemorySegment mean;
    private @Nullable MemorySegment first;
    private @Nullable MemorySegment second;
    private @Nullable MemorySegment third;
    private boolean relu;
    private @Nullable MemorySegment out;
    private @Nullable MemorySegment sums;

    JavaBatchNorm(BatchNormPasses.Geometry geometry) {
        this.geometry = geometry;
    }

    void bind(
            BatchNormPasses.Pass pass,
            MemorySegment x,
            @Nullable MemorySegment residual,
            BatchNormPasses.@Nullable Affine clipped,
            @Nullable MemorySegment gradient,
            @Nullable MemorySegment mean,
            @Nullable MemorySegment first,
            @Nullable MemorySegment second,
            @Nullable MemorySegment third,
            boolean relu,
            @Nullable MemorySegment out,
            @Nullable MemorySegment sums) {
        this.pass = pass;
        this.x = x;
        this.residual = residual;
        this.clipped = clipped;
        this.gradient = gradient;
        this.mean = mean;
        this.first = first;
        this.second = second;
        this.third = third;
        this.relu = relu;
        this.out = out;
        this.sums = sums;
    }

    void run(long begin, long end) {
        for (long image = begin; image < end; image++) {
            for (int c = 0; c < geometry.channels(); c++) {
                long block = image * geometry.channels() / geometry.width() + c / geometry.width();
                long at = block * geometry.positions() * geometry.width() + c % geometry.width();
                switch (pass) {
                    case MOMENTS -> moments(image, c, at);
                    case NORMALISE -> normalise(c, at);
                    case GRADIENT_SUMS -> gradientSums(image, c, at);
                    case NORM_GRADIENT -> gradient(c, at);
                }
            }
        }
    }

    private static float get(@Nullable MemorySegment segment, long index) {
        return Objects.requireNonNull(segment).getAtIndex(JAVA_FLOAT_UNALIGNED, index);
    }

    private static void set(@Nullable MemorySegment segment, long index, float value) {
        Objects.requireNonNull(segment).setAtIndex(JAVA_FLOAT_UNALIGNED, index, value);
    }

    private static float sum(float[] accumulators) {
        return (accumulators[0] + accumulators[2]) + (accumulators[1] + accumulators[3]);
    }

    private void moments(long image, int c, long at) {
        float[] accumulators = new float[ACCUMULATORS];
        for (int p = 0; p < geometry.positions(); p++) {
            accumulators[p % ACCUMULATORS] += get(x, at + (long) p * geometry.width());
        }
        float m = sum(accumulators) / geometry.positions();
        float[] squares = new float[ACCUMULATORS];
        for (int p = 0; p < geometry.positions(); p++) {
            float off = get(x, at + (long) p * geometry.width()) - m;
            squares[p % ACCUMULATORS] += off * off;
        }
        write(image, c, m, sum(squares));
    }

    private void write(long image, int c, float one, float other) {
        set(sums, image * 2 * geometry.channels() + c, one);
        set(sums, (image * 2 + 1) * geometry.channels() + c, other);
    }

    private void normalise(int c, long at) {
        float scale = get(first, c);
        float shift = get(second, c);
        for (int p = 0; p < geometry.positions(); p++) {
            long i = at + (long) p * geometry.width();
            float y = get(x, i) * scale + shift;
            if (residual != null) {
                y += get(residual, i);
            }
            set(out, i, relu ? Elementwise.relu(y) : y);
        }
    }

    private float passed(int c, long i) {
        float g = get(gradient, i);
        return clipped == null
                ? g
                : Elementwise.keepPositive(g, get(x, i) * get(clipped.scale(), c) + get(clipped.shift(), c));
    }

    private void gradientSums(long image, int c, long at) {
        float m = get(mean, c);
        float[] plain = new float[ACCUMULATORS];
        float[] weighted = new float[ACCUMULATORS];
        for (int p = 0; p < geometry.positions(); p++) {
            long i = at + (long) p * geometry.width();
            float g = passed(c, i);
            plain[p % ACCUMULATORS] += g;
            weighted[p % ACCUMULATORS] += g * (get(x, i) - m);
        }
        write(image, c, sum(plain), sum(weighted));
    }

    private void gradient(int c, long at) {
        float a = get(first, c);
        for (int p = 0; p < geometry.positions(); p++) {
            long i = at + (long) p * geometry.width();
            float g = a * passed(c, i);
            set(out, i, second == null ? g : g + (get(second, c) * (get(x, i) - get(mean, c)) + get(third, c)));
        }
    }
}

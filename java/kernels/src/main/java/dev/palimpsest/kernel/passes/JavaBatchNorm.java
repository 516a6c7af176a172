package dev.palimpsest.kernel.passes;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.palimpsest.kernel.passes.BatchNormPasses.Geometry;
import dev.palimpsest.kernel.passes.BatchNormPasses.Operands;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** {@link BatchNormPasses} in plain Java: the executable specification, and what runs without the native library. */
final class JavaBatchNorm {
    private static final int ACCUMULATORS = 4;

    private final Geometry geometry;
    private final Operands of;

    private JavaBatchNorm(Geometry geometry, Operands of) {
        this.geometry = geometry;
        this.of = of;
    }

    /** The bound pass over the images [begin, end). */
    static void run(Geometry geometry, Operands operands, long begin, long end) {
        JavaBatchNorm pass = new JavaBatchNorm(geometry, operands);
        for (long image = begin; image < end; image++) {
            for (int c = 0; c < geometry.channels(); c++) {
                long block = image * geometry.channels() / geometry.width() + c / geometry.width();
                long at = block * geometry.positions() * geometry.width() + c % geometry.width();
                switch (operands.pass()) {
                    case MOMENTS -> pass.moments(image, c, at);
                    case NORMALISE -> pass.normalise(c, at);
                    case GRADIENT_SUMS -> pass.gradientSums(image, c, at);
                    case NORM_GRADIENT -> pass.gradient(c, at);
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
            accumulators[p % ACCUMULATORS] += get(of.x(), at + (long) p * geometry.width());
        }
        float m = sum(accumulators) / geometry.positions();
        float[] squares = new float[ACCUMULATORS];
        for (int p = 0; p < geometry.positions(); p++) {
            float off = get(of.x(), at + (long) p * geometry.width()) - m;
            squares[p % ACCUMULATORS] += off * off;
        }
        write(image, c, m, sum(squares));
    }

    private void write(long image, int c, float one, float other) {
        set(of.sums(), image * 2 * geometry.channels() + c, one);
        set(of.sums(), (image * 2 + 1) * geometry.channels() + c, other);
    }

    private void normalise(int c, long at) {
        float scale = get(of.first(), c);
        float shift = get(of.second(), c);
        for (int p = 0; p < geometry.positions(); p++) {
            long i = at + (long) p * geometry.width();
            float y = get(of.x(), i) * scale + shift;
            if (of.residual() != null) {
                y += get(of.residual(), i);
            }
            set(of.out(), i, of.relu() ? Elementwise.relu(y) : y);
        }
    }

    private float passed(int c, long i) {
        float g = get(of.gradient(), i);
        return of.clipped() == null
                ? g
                : Elementwise.keepPositive(
                        g,
                        get(of.x(), i) * get(of.clipped().scale(), c)
                                + get(of.clipped().shift(), c));
    }

    private void gradientSums(long image, int c, long at) {
        float m = get(of.mean(), c);
        float[] plain = new float[ACCUMULATORS];
        float[] weighted = new float[ACCUMULATORS];
        for (int p = 0; p < geometry.positions(); p++) {
            long i = at + (long) p * geometry.width();
            float g = passed(c, i);
            plain[p % ACCUMULATORS] += g;
            weighted[p % ACCUMULATORS] += g * (get(of.x(), i) - m);
        }
        write(image, c, sum(plain), sum(weighted));
    }

    private void gradient(int c, long at) {
        float a = get(of.first(), c);
        for (int p = 0; p < geometry.positions(); p++) {
            long i = at + (long) p * geometry.width();
            float g = a * passed(c, i);
            set(
                    of.out(),
                    i,
                    of.second() == null
                            ? g
                            : g + (get(of.second(), c) * (get(of.x(), i) - get(of.mean(), c)) + get(of.third(), c)));
        }
    }
}

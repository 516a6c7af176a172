package dev.palimpsest.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * One exp an element, and the logarithm of a sum. The C++ twin is native/kernels/simd/exponential.h: same constants,
 * same order. Holds scratch for as many elements as it was made for; not thread-safe.
 */
final class Exponential {
    private static final float MAGIC = 0x1.8p23f + 127;

    private final float[] x;
    private final float[] mantissa;
    private final float[] power;
    private final int[] bits; // first of x, then of the powers of two
    private final MemorySegment bitsMemory;
    private final MemorySegment powerMemory;
    private float scale; // log2(e) / T
    private float least; // below this the result is +0: n = -127 makes an exponent of 0

    Exponential(int capacity) {
        x = new float[capacity];
        mantissa = new float[capacity];
        power = new float[capacity];
        bits = new int[capacity];
        bitsMemory = MemorySegment.ofArray(bits);
        powerMemory = MemorySegment.ofArray(power);
    }

    void temperature(double temperature) {
        scale = (float) (0x1.71547652b82fep+0 / temperature);
        least = -127f / scale;
    }

    /**
     * For n elements x from a byte offset on: e = exp((x - top) / T) and distance = x - top, where top is the largest
     * x; top itself gives exactly 1. {@code clamped} is the distance raised to where e becomes +0, so that even the
     * distance of -inf can be multiplied by e. NaN stays NaN.
     *
     * <p>exp is 2^z with z = (x - top)·scale, split into n = round(z) and f = z - n. 2^f - 1 = f·q(f) has degree 6 and
     * a relative error of 3e-9. The powers 2^n are made as bits in a loop of their own, since one that turns int bits
     * into floats is not vectorised.
     */
    void apply(MemorySegment source, long offset, int n, float[] distance, float[] clamped, float[] e) {
        MemorySegment.copy(source, ValueLayout.JAVA_FLOAT_UNALIGNED, offset, x, 0, n);
        MemorySegment.copy(source, ValueLayout.JAVA_INT_UNALIGNED, offset, bits, 0, n);
        float top = largest(n);
        float by = scale;
        float lowest = least;
        for (int i = 0; i < n; i++) {
            float d = x[i] - top;
            float c = Math.max(lowest, d);
            distance[i] = d;
            clamped[i] = c;
            float whole = Math.fma(c, by, MAGIC) - MAGIC;
            float f = Math.fma(c, by, -whole);
            float q = 0x1.416b52p-13f;
            q = Math.fma(q, f, 0x1.5f082ep-10f);
            q = Math.fma(q, f, 0x1.3b2de0p-7f);
            q = Math.fma(q, f, 0x1.c6af7cp-5f);
            q = Math.fma(q, f, 0x1.ebfbdcp-3f);
            q = Math.fma(q, f, 0x1.62e430p-1f);
            mantissa[i] = Math.fma(q, f, 1f);
            bits[i] = ((int) whole + 127) << 23;
        }
        MemorySegment.copy(bitsMemory, 0, powerMemory, 0, (long) n * Float.BYTES);
        for (int i = 0; i < n; i++) {
            e[i] = mantissa[i] * power[i];
        }
    }

    /**
     * Of the bits: as integers whose order is that of the floats, for the compiler vectorises only their maximum. NaN
     * stays NaN.
     */
    private float largest(int n) {
        int most = Integer.MIN_VALUE;
        for (int i = 0; i < n; i++) {
            most = Math.max(most, bits[i] ^ (bits[i] >> 31 & 0x7fffffff));
        }
        return Float.intBitsToFloat(most ^ (most >> 31 & 0x7fffffff));
    }

    /**
     * Natural logarithm of a positive normal float64 by ln m = 2 artanh((m - 1) / (m + 1)), m in [sqrt(1/2), sqrt(2));
     * NaN stays NaN. Plain multiplications and additions: baseline processors have no fused ones.
     */
    @SuppressWarnings("IdentityBinaryExpression") // NaN for NaN and infinities, 0 otherwise
    static double log(double x) {
        long bits = Double.doubleToRawLongBits(x);
        long exponent = (bits - 0x3FE6A09E667F3BCDL) >> 52;
        double m = Double.longBitsToDouble(bits - (exponent << 52));
        double s = (m - 1) / (m + 1);
        double t = s * s;
        double series = 1.0 / 21;
        series = series * t + 1.0 / 19;
        series = series * t + 1.0 / 17;
        series = series * t + 1.0 / 15;
        series = series * t + 1.0 / 13;
        series = series * t + 1.0 / 11;
        series = series * t + 1.0 / 9;
        series = series * t + 1.0 / 7;
        series = series * t + 1.0 / 5;
        series = series * t + 1.0 / 3;
        series = series * t + 1.0;
        return (exponent * 0x1.62e42fefa39efp-1 + 2.0 * s * series) + (x - x);
    }
}

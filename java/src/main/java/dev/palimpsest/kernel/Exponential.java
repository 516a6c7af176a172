package dev.palimpsest.kernel;

/** One exp an element, and the logarithm of a sum. The C++ twin is native/kernels/simd/exponential.h: same constants, same order. */
final class Exponential {
    private static final float MAGIC = 0x1.8p23f + 127;

    private final float scale; // log2(e) / T
    private final float least; // below this the result is +0: n = -127 makes an exponent of 0

    Exponential(double temperature) {
        scale = (float) (0x1.71547652b82fep+0 / temperature);
        least = -127f / scale;
    }

    /** At least what is needed for a result of +0, so that -inf can be multiplied by it. NaN stays NaN. */
    float clamp(float distance) {
        return Math.max(least, distance);
    }

    /**
     * exp(distance / T) of a clamped distance at most 0, as 2^z with z = distance·scale. z is split into n = round(z) and f = z - n; the magic
     * number leaves n + 127 in the low bits of a float, from where a shift makes the exponent. 2^f - 1 = f·q(f) has degree 6 and a relative
     * error of 3e-9. 1 exactly at distance 0.
     */
    float exp(float distance) {
        float shifted = Math.fma(distance, scale, MAGIC);
        float whole = shifted - MAGIC;
        float fraction = Math.fma(distance, scale, -whole);
        float q = 0x1.416b52p-13f;
        q = Math.fma(q, fraction, 0x1.5f082ep-10f);
        q = Math.fma(q, fraction, 0x1.3b2de0p-7f);
        q = Math.fma(q, fraction, 0x1.c6af7cp-5f);
        q = Math.fma(q, fraction, 0x1.ebfbdcp-3f);
        q = Math.fma(q, fraction, 0x1.62e430p-1f);
        // A product, not an addition to the bits: NaN stays NaN.
        return Math.fma(q, fraction, 1f) * Float.intBitsToFloat(Float.floatToRawIntBits(shifted) << 23);
    }

    /**
     * Natural logarithm of a positive normal float64 by ln m = 2 artanh((m - 1) / (m + 1)), m in [sqrt(1/2), sqrt(2)); NaN stays NaN. Plain
     * multiplications and additions: baseline processors have no fused ones.
     */
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

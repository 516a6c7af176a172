// One exp an element, and the logarithm of a sum. The Java twin is dev.palimpsest.kernel.Exponential: same constants,
// same order.
#pragma once
#include "simd.h"

namespace {

// exp((x - top) / T) for x <= top, as 2^z with z = (x - top)·scale. z is split into n = round(z) and f = z - n; the
// magic number leaves n + 127 in the low bits of a float, from where a shift makes the exponent. 2^f - 1 = f·q(f) has
// degree 6 and a relative error of 3e-9.
struct Exponential {
    Vec scale;  // log2(e) / T
    Vec least;  // below this the result is +0: n = -127 makes an exponent of 0

    explicit Exponential(double temperature) {
        float by = float(0x1.71547652b82fep+0 / temperature);
        scale = splat(by);
        least = splat(-127.0f / by);
    }

    // x - top, at least `least`; NaN stays NaN.
    Vec clamp(Vec distance) const { return max(least, distance); }

    // Of a clamped distance. 1 exactly at distance 0.
    Vec operator()(Vec distance) const {
        const Vec magic = splat(0x1.8p23f + 127.0f);
        Vec shifted = fma(distance, scale, magic);
        Vec whole = shifted - magic;
        Vec fraction = fma(distance, scale, -whole);
        Vec q = splat(0x1.416b52p-13f);
        q = fma(q, fraction, splat(0x1.5f082ep-10f));
        q = fma(q, fraction, splat(0x1.3b2de0p-7f));
        q = fma(q, fraction, splat(0x1.c6af7cp-5f));
        q = fma(q, fraction, splat(0x1.ebfbdcp-3f));
        q = fma(q, fraction, splat(0x1.62e430p-1f));
        return fma(q, fraction, splat(1.0f)) *
               to_exponent(shifted);  // a product, not an addition to the bits: NaN stays NaN
    }
};

// Natural logarithm of a positive normal float64 by ln m = 2 artanh((m - 1) / (m + 1)), m in [sqrt(1/2), sqrt(2)); NaN
// stays NaN. Plain multiplications and additions: baseline processors have no fused ones.
inline double logarithm(double x) {
    uint64_t bits;
    __builtin_memcpy(&bits, &x, sizeof bits);
    int64_t exponent = int64_t(bits - 0x3FE6A09E667F3BCDu) >> 52;
    uint64_t mantissa_bits = bits - (uint64_t(exponent) << 52);
    double m;
    __builtin_memcpy(&m, &mantissa_bits, sizeof m);
    double s = (m - 1.0) / (m + 1.0);
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
    return (double(exponent) * 0x1.62e42fefa39efp-1 + 2.0 * s * series) + (x - x);
}

}  // namespace

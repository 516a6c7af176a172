// Four lanes of SSE2, which every x86-64 has. It lacks the fused multiply-add, so that is computed exactly in float64.
#pragma once
#include <emmintrin.h>
#include <stdint.h>

namespace {

constexpr int64_t LANES = 4;
typedef __m128 Vec;

inline __m128 first(int n) { return _mm_castsi128_ps(_mm_cmpgt_epi32(_mm_set1_epi32(n), _mm_setr_epi32(0, 1, 2, 3))); }

inline Vec splat(float x) { return _mm_set1_ps(x); }
inline Vec load(const float* p) { return _mm_loadu_ps(p); }
inline void store(float* p, Vec v) { _mm_storeu_ps(p, v); }
inline Vec keep_first(Vec v, int n) { return _mm_and_ps(v, first(n)); }

// Lanes from n on are not read; they get those of `rest`.
inline Vec load_first(const float* p, int n, Vec rest) {
    float lane[4];
    _mm_storeu_ps(lane, rest);
    for (int i = 0; i < n; i++) lane[i] = p[i];
    return _mm_loadu_ps(lane);
}

inline void store_first(float* p, Vec v, int n) {
    float lane[4];
    _mm_storeu_ps(lane, v);
    for (int i = 0; i < n; i++) p[i] = lane[i];
}

// Lanes whose bit is 0 become +0; the others keep every bit.
inline Vec keep_bits(Vec v, uint32_t bits) {
    const __m128i lane = _mm_setr_epi32(1, 2, 4, 8);
    __m128i mask = _mm_cmpeq_epi32(_mm_and_si128(_mm_set1_epi32(int(bits)), lane), lane);
    return _mm_and_ps(v, _mm_castsi128_ps(mask));
}

// a·b + c rounded to float32 once. The product of two floats is exact in float64; the sum is rounded to odd, which a
// second rounding to float32 cannot tell from the exact sum (Boldo and Melquiond, IEEE Trans. Computers 57(4), 2008).
inline __m128d fma_to_odd(__m128d a, __m128d b, __m128d c) {
    __m128d product = _mm_mul_pd(a, b);
    __m128d sum = _mm_add_pd(product, c);
    // What the addition lost, exactly (Knuth's two-sum). Infinities and NaN make it NaN, which the ordered comparisons
    // below ignore.
    __m128d part = _mm_sub_pd(sum, product);
    __m128d lost = _mm_add_pd(_mm_sub_pd(product, _mm_sub_pd(sum, part)), _mm_sub_pd(c, part));
    const __m128d zero = _mm_setzero_pd();
    __m128i inexact = _mm_castpd_si128(_mm_or_pd(_mm_cmplt_pd(lost, zero), _mm_cmpgt_pd(lost, zero)));
    // An even sum moves one step towards what was lost: away from zero (+1 on the bits) where the signs agree, else
    // towards it (-1).
    __m128i differ = _mm_srli_epi64(_mm_castpd_si128(_mm_xor_pd(sum, lost)), 63);
    __m128i step = _mm_sub_epi64(_mm_set1_epi64x(1), _mm_add_epi64(differ, differ));
    __m128i one = _mm_set1_epi64x(1);
    __m128i even = _mm_sub_epi64(_mm_and_si128(_mm_castpd_si128(sum), one), one);  // all ones where the last bit is 0
    return _mm_castsi128_pd(_mm_add_epi64(_mm_castpd_si128(sum), _mm_and_si128(_mm_and_si128(inexact, even), step)));
}

inline Vec fma(Vec a, Vec b, Vec c) {
    __m128 low = _mm_cvtpd_ps(fma_to_odd(_mm_cvtps_pd(a), _mm_cvtps_pd(b), _mm_cvtps_pd(c)));
    __m128 high = _mm_cvtpd_ps(fma_to_odd(
        _mm_cvtps_pd(_mm_movehl_ps(a, a)), _mm_cvtps_pd(_mm_movehl_ps(b, b)), _mm_cvtps_pd(_mm_movehl_ps(c, c))));
    return _mm_movelh_ps(low, high);
}

// Lanes whose condition is above 0 keep every bit; the others, and those whose condition is NaN, become +0.
inline Vec keep_positive(Vec v, Vec condition) { return _mm_and_ps(v, _mm_cmpgt_ps(condition, _mm_setzero_ps())); }

// The second operand where either is NaN.
inline Vec max(Vec a, Vec b) { return _mm_max_ps(a, b); }

// Bits shifted left by 23: what stands in the low bits becomes the exponent.
inline Vec to_exponent(Vec v) { return _mm_castsi128_ps(_mm_slli_epi32(_mm_castps_si128(v), 23)); }

inline float largest_lane(Vec v) {
    __m128 two = _mm_max_ps(v, _mm_movehl_ps(v, v));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_shuffle_ps(two, two, 1)));
}

inline __m128d low_half(Vec v) { return _mm_cvtps_pd(v); }
inline __m128d high_half(Vec v) { return _mm_cvtps_pd(_mm_movehl_ps(v, v)); }

// Tree over 32 floats in eight vectors, in float64: i takes i + 16, 8, 4, 2, 1.
inline double sum32(const Vec* v) {
    __m128d pair[8];
    for (int i = 0; i < 4; i++) {
        pair[2 * i] = _mm_add_pd(low_half(v[i]), low_half(v[i + 4]));
        pair[2 * i + 1] = _mm_add_pd(high_half(v[i]), high_half(v[i + 4]));
    }
    for (int width = 4; width > 0; width /= 2) {
        for (int i = 0; i < width; i++) pair[i] = _mm_add_pd(pair[i], pair[i + width]);
    }
    return _mm_cvtsd_f64(_mm_add_sd(pair[0], _mm_unpackhi_pd(pair[0], pair[0])));
}

}  // namespace

// Sixteen lanes.
#pragma once
#include <immintrin.h>
#include <stdint.h>

namespace {

constexpr int64_t LANES = 16;
typedef __m512 Vec;

inline __mmask16 first(int n) { return __mmask16((1u << n) - 1); }

inline Vec splat(float x) { return _mm512_set1_ps(x); }
inline Vec load(const float* p) { return _mm512_loadu_ps(p); }
inline void store(float* p, Vec v) { _mm512_storeu_ps(p, v); }

// Lanes from n on are not read; they get those of `rest`.
inline Vec load_first(const float* p, int n, Vec rest) { return _mm512_mask_loadu_ps(rest, first(n), p); }
inline void store_first(float* p, Vec v, int n) { _mm512_mask_storeu_ps(p, first(n), v); }
inline Vec keep_first(Vec v, int n) { return _mm512_maskz_mov_ps(first(n), v); }

// Lanes whose bit is 0 become +0; the others keep every bit. Not a masked move: the compiler would merge it into a
// masked load, which a Zen 5 does not prefetch (three times slower beyond the caches).
inline Vec keep_bits(Vec v, uint32_t bits) {
    return _mm512_and_ps(v, _mm512_castsi512_ps(_mm512_movm_epi32(__mmask16(bits))));
}

inline Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }

// Lanes whose condition is above 0 keep every bit; the others, and those whose condition is NaN, become +0.
inline Vec keep_positive(Vec v, Vec condition) {
    return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(condition, _mm512_setzero_ps(), _CMP_GT_OQ), v);
}

// The second operand where either is NaN.
inline Vec max(Vec a, Vec b) { return _mm512_max_ps(a, b); }

// Bits shifted left by 23: what stands in the low bits becomes the exponent.
inline Vec to_exponent(Vec v) { return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_castps_si512(v), 23)); }

inline float largest_lane(Vec v) { return _mm512_reduce_max_ps(v); }

// Tree over 32 floats in two vectors, in float64: i takes i + 16, 8, 4, 2, 1.
inline double sum32(const Vec* v) {
    __m512d low =
        _mm512_add_pd(_mm512_cvtps_pd(_mm512_castps512_ps256(v[0])), _mm512_cvtps_pd(_mm512_castps512_ps256(v[1])));
    __m512d high = _mm512_add_pd(
        _mm512_cvtps_pd(_mm512_extractf32x8_ps(v[0], 1)), _mm512_cvtps_pd(_mm512_extractf32x8_ps(v[1], 1)));
    __m512d eight = _mm512_add_pd(low, high);
    __m256d four = _mm256_add_pd(_mm512_castpd512_pd256(eight), _mm512_extractf64x4_pd(eight, 1));
    __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

}  // namespace

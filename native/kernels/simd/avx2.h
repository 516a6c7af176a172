// Eight lanes.
#pragma once
#include <immintrin.h>
#include <stdint.h>

namespace {

constexpr int64_t LANES = 8;
typedef __m256 Vec;

inline __m256i first(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
}

inline Vec splat(float x) { return _mm256_set1_ps(x); }
inline Vec load(const float* p) { return _mm256_loadu_ps(p); }
inline void store(float* p, Vec v) { _mm256_storeu_ps(p, v); }

// Lanes from n on are not read; they get those of `rest`.
inline Vec load_first(const float* p, int n, Vec rest) {
    __m256i mask = first(n);
    return _mm256_blendv_ps(rest, _mm256_maskload_ps(p, mask), _mm256_castsi256_ps(mask));
}
inline void store_first(float* p, Vec v, int n) { _mm256_maskstore_ps(p, first(n), v); }
inline Vec keep_first(Vec v, int n) { return _mm256_and_ps(v, _mm256_castsi256_ps(first(n))); }

// Lanes whose bit is 0 become +0; the others keep every bit.
inline Vec keep_bits(Vec v, uint32_t bits) {
    const __m256i lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    __m256i mask = _mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(int(bits)), lane), lane);
    return _mm256_and_ps(v, _mm256_castsi256_ps(mask));
}

inline Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }

// Lanes whose condition is above 0 keep every bit; the others, and those whose condition is NaN, become +0.
inline Vec keep_positive(Vec v, Vec condition) {
    return _mm256_and_ps(v, _mm256_cmp_ps(condition, _mm256_setzero_ps(), _CMP_GT_OQ));
}

// The second operand where either is NaN.
inline Vec max(Vec a, Vec b) { return _mm256_max_ps(a, b); }

// Bits shifted left by 23: what stands in the low bits becomes the exponent.
inline Vec to_exponent(Vec v) { return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_castps_si256(v), 23)); }

inline float largest_lane(Vec v) {
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

inline __m256d low_half(Vec v) { return _mm256_cvtps_pd(_mm256_castps256_ps128(v)); }
inline __m256d high_half(Vec v) { return _mm256_cvtps_pd(_mm256_extractf128_ps(v, 1)); }

// Tree over 32 floats in four vectors, in float64: i takes i + 16, 8, 4, 2, 1.
inline double sum32(const Vec* v) {
    __m256d a =
        _mm256_add_pd(_mm256_add_pd(low_half(v[0]), low_half(v[2])), _mm256_add_pd(low_half(v[1]), low_half(v[3])));
    __m256d b = _mm256_add_pd(
        _mm256_add_pd(high_half(v[0]), high_half(v[2])), _mm256_add_pd(high_half(v[1]), high_half(v[3])));
    __m256d four = _mm256_add_pd(a, b);
    __m128d two = _mm_add_pd(_mm256_castpd256_pd128(four), _mm256_extractf128_pd(four, 1));
    return _mm_cvtsd_f64(_mm_add_sd(two, _mm_unpackhi_pd(two, two)));
}

}  // namespace

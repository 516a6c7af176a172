// The few vector operations the kernels are written in. Each kernel file is compiled once per instruction set and sees
// one of the three implementations below; whatever the width, every lane computes the same IEEE operations, so the
// results agree to the last bit.
//
// Everything is in an anonymous namespace: an inline function shared between objects compiled for different
// instruction sets could be merged by the linker into its AVX-512 version and crash a smaller machine. For the same
// reason no standard C++ header is used.
#pragma once

#include <stdint.h>

#if defined(__AVX512F__)
#include "avx512.h"
#define PALIMPSEST_VARIANT(name) name##_avx512
#elif defined(__AVX2__)
#include "avx2.h"
#define PALIMPSEST_VARIANT(name) name##_avx2
#else
#include "baseline.h"
#define PALIMPSEST_VARIANT(name) name##_baseline
#endif

namespace {

constexpr int64_t SLOTS = 128;   // accumulator of an element: its index modulo this
constexpr int64_t CHUNK = 2048;  // elements whose slots are summed in float32; chunks are summed in float64
constexpr int64_t SLOT_VECTORS = SLOTS / LANES;

inline int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// Sum of the 128 slots of a chunk by a fixed tree: slot i takes slot i + 64, then i + 32 in float32, then i + 16, 8,
// 4, 2, 1 in float64.
inline double sum_slots(Vec* slot) {
    for (int i = 0; i < SLOT_VECTORS / 2; i++) slot[i] = slot[i] + slot[i + SLOT_VECTORS / 2];
    for (int i = 0; i < SLOT_VECTORS / 4; i++) slot[i] = slot[i] + slot[i + SLOT_VECTORS / 4];
    return sum32(slot);
}

inline float largest(const float* x, int64_t n) {
    Vec most = splat(-__builtin_inff());
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES) most = max(most, load(x + i));
    if (i < n) most = max(most, load_first(x + i, int(n - i), most));
    return largest_lane(most);
}

}  // namespace

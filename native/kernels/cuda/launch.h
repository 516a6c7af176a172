// How each CUDA kernel is launched for a shape: the one place that knows. The kernels read their constants here, libpalimpsest exports the
// functions (palimpsest.h), so every caller launches what the kernels expect.
#pragma once

#include <palimpsest.h>

#ifdef __CUDACC__
#define PALIMPSEST_EVERYWHERE __host__ __device__
#else
#define PALIMPSEST_EVERYWHERE
#endif

namespace palimpsest_cuda {

constexpr int WARP = 32;
constexpr int SLOTS = 128;   // accumulator of an element: its index modulo this
constexpr int CHUNK = 2048;  // elements whose slots are summed in float32; chunks are summed in float64
constexpr int MOST_GROUPS = 8;       // chunks of one row in progress at a time
constexpr int ROWS_A_BLOCK = 4;      // of rows that one warp takes
constexpr int NARROW_CLASSES = 256;  // up to here a warp takes a row of logits
constexpr int WORDS_A_WARP = 16;     // 64-weight words that one warp rebuilds
constexpr int WARPS_A_BLOCK = 4;     // of snapshot_reconstruction

// Scratch that the warps of a wide row reduce in: two sums a group, one maximum a warp, two values a slot.
constexpr int SUMS_BYTES = 2 * MOST_GROUPS * 8;
constexpr int MAXIMA_BYTES = WARP * 4;
constexpr int SLOT_BYTES = 2 * SLOTS * 4;  // for each group

struct ActiveFeature {  // a teacher whose weight in the row is not 0
    const void* row;
    float weight;
    float gradient_weight;  // 2·w / B
};

// Whole float4s, so that every array in shared memory starts 16-byte aligned.
PALIMPSEST_EVERYWHERE constexpr int64_t padded(int64_t floats) { return (floats + 3) / 4 * 4; }
PALIMPSEST_EVERYWHERE constexpr int64_t ceil_div(int64_t a, int64_t b) { return a / b + (a % b != 0); }
PALIMPSEST_EVERYWHERE constexpr int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// Student, gradient, both exponentials, weights.
PALIMPSEST_EVERYWHERE constexpr int64_t kl_row_bytes(int64_t classes, int64_t widest, int64_t teachers) {
    return 4 * (2 * padded(classes) + 2 * padded(widest) + padded(teachers));
}

PALIMPSEST_EVERYWHERE constexpr int64_t kl_scratch_bytes(int64_t groups) { return SUMS_BYTES + MAXIMA_BYTES + SLOT_BYTES * groups; }

// Weights, and of every teacher of a run: index, maximum, inverse sum, gradient weight.
PALIMPSEST_EVERYWHERE constexpr int64_t kl_streaming_bytes(int64_t teachers) { return 5 * 4 * padded(teachers); }

// The list of active teachers with its length, and a sum for each warp.
PALIMPSEST_EVERYWHERE constexpr int64_t feature_row_bytes(int64_t teachers, int64_t warps) {
    return 16 + 16 * teachers + 8 * padded(warps);
}

constexpr bool fits(const palimpsest_cuda_launch& launch, int64_t shared_limit) {
    return launch.shared_bytes <= shared_limit && launch.blocks <= INT32_MAX;
}

inline bool multi_teacher_kl(
    int64_t rows, int64_t classes, int64_t widest, int64_t teachers, int64_t limit, palimpsest_cuda_launch* launch) {
    if (rows < 1 || classes < 1 || classes > INT32_MAX - CHUNK * MOST_GROUPS || widest < 0 || widest > classes) return false;
    if (teachers < 0 || teachers > INT32_MAX) return false;
    const int64_t bytes = kl_row_bytes(classes, widest, teachers);
    if (classes <= NARROW_CLASSES && bytes <= limit) {
        int64_t together = smaller(smaller(ROWS_A_BLOCK, limit / bytes), rows);
        *launch = {PALIMPSEST_CUDA_NARROW, ceil_div(rows, together), WARP * together, bytes * together};
        return fits(*launch, limit);
    }
    const int64_t groups = widest <= CHUNK ? 1 : smaller(MOST_GROUPS, ceil_div(widest, CHUNK));
    *launch = {PALIMPSEST_CUDA_WIDE, rows, SLOTS * groups, kl_scratch_bytes(groups) + bytes};
    if (fits(*launch, limit)) return true;
    *launch = {PALIMPSEST_CUDA_STREAMING, rows, SLOTS * groups, kl_scratch_bytes(groups) + kl_streaming_bytes(teachers)};
    return fits(*launch, limit);
}

inline bool feature_mse(int64_t rows, int64_t dims, int64_t teachers, int64_t limit, palimpsest_cuda_launch* launch) {
    if (rows < 1 || dims < 1 || dims > INT32_MAX - CHUNK * MOST_GROUPS || teachers < 0 || teachers > INT32_MAX) return false;
    const int64_t warps = smaller(MOST_GROUPS, ceil_div(dims, CHUNK));
    const int64_t bytes = feature_row_bytes(teachers, warps);
    if (warps == 1) {
        int64_t together = smaller(smaller(ROWS_A_BLOCK, limit / bytes), rows);
        if (together < 1) return false;
        *launch = {PALIMPSEST_CUDA_NARROW, ceil_div(rows, together), WARP * together, bytes * together};
    } else {
        *launch = {PALIMPSEST_CUDA_WIDE, rows, WARP * warps, bytes};
    }
    return fits(*launch, limit);
}

inline bool snapshot_reconstruction(int64_t count, palimpsest_cuda_launch* launch) {
    if (count < 1) return false;
    const int64_t weights = 64 * WORDS_A_WARP * WARPS_A_BLOCK;
    *launch = {PALIMPSEST_CUDA_NARROW, ceil_div(count, weights), WARP * WARPS_A_BLOCK, 0};
    return fits(*launch, 0);
}

}  // namespace palimpsest_cuda

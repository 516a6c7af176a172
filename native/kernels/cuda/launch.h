// Launch geometry: the constants that the kernels and whoever launches them share. kernels.def says which kernel has
// which, libpalimpsest exports that list and, from <name>_host.cpp, the plans of the kernels over rows, so every
// caller launches what the kernels expect.
#pragma once

#include <palimpsest.h>

#ifdef __CUDACC__
#define PALIMPSEST_EVERYWHERE __host__ __device__
#else
#define PALIMPSEST_EVERYWHERE
#endif

namespace palimpsest_cuda {

constexpr int WARP = 32;
constexpr int SLOTS = 128;           // accumulator of an element: its index modulo this
constexpr int CHUNK = 2048;          // elements whose slots are summed in float32; chunks are summed in float64
constexpr int MOST_GROUPS = 8;       // chunks of one row in progress at a time
constexpr int ROWS_A_BLOCK = 4;      // of rows that one warp takes
constexpr int NARROW_CLASSES = 256;  // up to here a warp takes a row of logits
constexpr int WORDS_A_WARP = 16;     // 64-weight words that one warp rebuilds
constexpr int WARPS_A_BLOCK = 4;     // of snapshot_reconstruction

// Scratch that the warps of a wide row reduce in: two sums a group, one maximum a warp, two values a slot.
constexpr int SUMS_BYTES = 2 * MOST_GROUPS * 8;
constexpr int MAXIMA_BYTES = WARP * 4;
constexpr int SLOT_BYTES = 2 * SLOTS * 4;  // for each group

// A block of a kernel whose launch needs no plan: its threads, the work items it takes, and its dynamic shared memory.
// kernels.def says which kernel has which.
struct Geometry {
    int threads;
    int items;
    int shared_bytes;
};
constexpr Geometry ONE_A_THREAD = {256, 256, 0};       // elements of a result
constexpr Geometry FOUR_A_THREAD = {256, 4 * 256, 0};  // elements, a thread's 256 apart: neighbours read neighbours
constexpr Geometry WARP_A_ROW = {4 * WARP, 4, 0};      // rows of a matrix
constexpr Geometry BLOCK_A_CHANNEL = {256, 1, 2 * 8 * 256};            // channels; two float64 sums a thread
constexpr Geometry BY_PARAMETER = {256, 4 * 256, 0};                   // weights of one parameter
constexpr Geometry SUM_BY_PARAMETER = {256, 4 * 256, 8 * 256};         // the same with a float64 sum a thread
constexpr Geometry ONE_SUM = {256, 1, 8 * 256};                        // the only block
constexpr Geometry ONE_WARP = {WARP, 1, 0};                            // the only block
constexpr Geometry TABLE = {sizeof(palimpsest_cuda_words) / 8, 1, 0};  // the only block; a word a thread
constexpr Geometry PLANNED = {0, 0, 0};                                // by palimpsest_<source>_cuda_launch

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

PALIMPSEST_EVERYWHERE constexpr int64_t kl_scratch_bytes(int64_t groups) {
    return SUMS_BYTES + MAXIMA_BYTES + SLOT_BYTES * groups;
}

// Weights, and of every teacher of a run: index, maximum, inverse sum, gradient weight.
PALIMPSEST_EVERYWHERE constexpr int64_t kl_streaming_bytes(int64_t teachers) { return 5 * 4 * padded(teachers); }

// The list of active teachers with its length, and a sum for each warp.
PALIMPSEST_EVERYWHERE constexpr int64_t feature_row_bytes(int64_t teachers, int64_t warps) {
    return 16 + 16 * teachers + 8 * padded(warps);
}

// Of a planned launch, given what a block may take of shared memory.
inline int32_t status_of(const palimpsest_cuda_launch& launch, int64_t shared_limit) {
    return launch.shared_bytes <= shared_limit && launch.blocks <= INT32_MAX ? PALIMPSEST_OK
                                                                             : PALIMPSEST_INVALID_ARGUMENT;
}

}  // namespace palimpsest_cuda

// For kernels that give every row of a matrix a warp and compute in double precision.
#pragma once

#include "device.cuh"

#ifdef PALIMPSEST_SIMT
#include <cmath>
#endif

namespace palimpsest_cuda {

constexpr int WARPS = WARP_A_ROW.items;  // of a block, each with a row of its own

__device__ __forceinline__ int64_t row_of_warp() {
    return static_cast<int64_t>(blockIdx.x) * WARPS + threadIdx.x / WARP;
}
__device__ __forceinline__ int lane_of_warp() { return static_cast<int>(threadIdx.x) % WARP; }

__device__ __forceinline__ double sum_of_lanes(double x) {
#pragma unroll
    for (int width = WARP / 2; width > 0; width /= 2) x += __shfl_xor_sync(ALL_LANES, x, width);
    return x;
}

__device__ __forceinline__ double largest_of_lanes(double x) {
#pragma unroll
    for (int width = WARP / 2; width > 0; width /= 2) {
        const double other = __shfl_xor_sync(ALL_LANES, x, width);
        x = other > x ? other : x;
    }
    return x;
}

// The lanes' sum of f(c) for every column c; all lanes have it.
template <class F>
__device__ __forceinline__ double sum_of_columns(int64_t columns, F f) {
    double sum = 0;
    for (int64_t c = lane_of_warp(); c < columns; c += WARP) sum += f(c);
    return sum_of_lanes(sum);
}

}  // namespace palimpsest_cuda

// The threads that share a row of logits, and their reductions. Slot i of a chunk (element index modulo 128) always
// has one owner, so the slots see the same sums as on the CPU, and the tree below is the CPU's: slot i takes i + 64,
// then i + 32 in float32, then i + 16, 8, 4, 2, 1 in float64.
#pragma once

#include "device.cuh"

namespace palimpsest_cuda {

struct Sums {
    double e;
    double cross;
};

__device__ __forceinline__ float largest_lane(float x) {
#pragma unroll
    for (int width = WARP / 2; width > 0; width /= 2) x = larger(x, __shfl_xor_sync(ALL_LANES, x, width));
    return x;
}

// Of the 32 values that are left of a chunk; valid in lane 0.
__device__ __forceinline__ double sum_lanes(float x) {
    double sum = x;
#pragma unroll
    for (int width = WARP / 2; width > 0; width /= 2) sum += __shfl_down_sync(ALL_LANES, sum, width);
    return sum;
}

// One warp, four slots a thread: lane l owns slots l, l + 32, l + 64 and l + 96.
struct Warp {
    static constexpr int THREADS = WARP;
    static constexpr int SLOTS_A_THREAD = SLOTS / WARP;

    int thread;

    __device__ explicit Warp(unsigned char*) : thread(static_cast<int>(threadIdx.x) % WARP) {}

    __device__ int threads() const { return WARP; }
    __device__ int group() const { return 0; }
    __device__ int groups() const { return 1; }
    __device__ int lane() const { return thread; }

    // Also makes what the team wrote to shared memory before it visible to the whole team.
    __device__ void sync() const { __syncwarp(); }

    __device__ float largest(float x) const {
        PALIMPSEST_SYNC_MEMORY(*this);  // shuffles wait for all lanes, but do not order their accesses to memory
        return largest_lane(x);
    }

    __device__ void add(const float* e, const float* cross, Sums& total) const {
        total.e += __shfl_sync(ALL_LANES, sum_lanes((e[0] + e[2]) + (e[1] + e[3])), 0);
        total.cross += __shfl_sync(ALL_LANES, sum_lanes((cross[0] + cross[2]) + (cross[1] + cross[3])), 0);
    }
};

// A block in groups of 128 threads, one slot a thread; the groups take chunks in turn.
struct Block {
    static constexpr int THREADS = SLOTS;
    static constexpr int SLOTS_A_THREAD = 1;

    int thread;
    double* sum;     // [2, groups]
    float* maximum;  // of each warp
    float* slot;     // [groups, 2, 128]

    __device__ explicit Block(unsigned char* scratch)
        : thread(static_cast<int>(threadIdx.x)),
          sum(reinterpret_cast<double*>(scratch)),
          maximum(reinterpret_cast<float*>(scratch + SUMS_BYTES)),
          slot(reinterpret_cast<float*>(scratch + SUMS_BYTES + MAXIMA_BYTES)) {}

    __device__ int threads() const { return static_cast<int>(blockDim.x); }
    __device__ int group() const { return thread / SLOTS; }
    __device__ int groups() const { return threads() / SLOTS; }
    __device__ int lane() const { return thread % SLOTS; }
    __device__ void sync() const { __syncthreads(); }

    __device__ float largest(float x) const {
        x = largest_lane(x);
        if (thread % WARP == 0) maximum[thread / WARP] = x;
        PALIMPSEST_SYNC(*this);  // the maxima, and whatever else the team wrote before
        for (int i = 0; i < threads() / WARP; i++) x = larger(x, maximum[i]);
        return x;  // the maxima are written again only after another barrier, that of add
    }

    __device__ void add(const float* e, const float* cross, Sums& total) const {
        float* mine = slot + 2 * SLOTS * group();
        const int at = lane();
        mine[at] = e[0];
        mine[SLOTS + at] = cross[0];
        PALIMPSEST_SYNC(*this);  // the slots of all four warps
        if (at < WARP) {
            const float* other = mine + SLOTS;
            double sum_e = sum_lanes((mine[at] + mine[at + 64]) + (mine[at + 32] + mine[at + 96]));
            double sum_cross = sum_lanes((other[at] + other[at + 64]) + (other[at + 32] + other[at + 96]));
            if (at == 0) {
                sum[2 * group()] = sum_e;
                sum[2 * group() + 1] = sum_cross;
            }
        }
        PALIMPSEST_SYNC(*this);               // the groups' sums
        for (int g = 0; g < groups(); g++) {  // chunks in order; a group past the last chunk adds +0
            total.e += sum[2 * g];
            total.cross += sum[2 * g + 1];
        }
    }
};

// Σ over [0, n) in the fixed order; visit(i, slot_e, slot_cross) adds element i to its slots.
template <class Team, class Visit>
__device__ __forceinline__ Sums sum_elements(const Team& team, int n, Visit visit) {
    Sums total = {0, 0};
    for (int round = 0; round < n; round += CHUNK * team.groups()) {
        const int begin = round + CHUNK * team.group();
        const int end = min(begin + CHUNK, n);
        float e[Team::SLOTS_A_THREAD] = {};
        float cross[Team::SLOTS_A_THREAD] = {};
        for (int i = begin + team.lane(); i < end; i += SLOTS) {
#pragma unroll
            for (int s = 0; s < Team::SLOTS_A_THREAD; s++) {
                const int at = i + s * Team::THREADS;
                if (at < end) visit(at, e[s], cross[s]);
            }
        }
        team.add(e, cross, total);
    }
    return total;
}

// visit(i) for every i in [0, n) by the thread that owns i in sum_elements, so that it may use what it left there.
template <class Team, class Visit>
__device__ __forceinline__ void for_each(const Team& team, int n, Visit visit) {
    // A chunk is 16 slots' rounds long; its group walks it alone.
    for (int begin = CHUNK * team.group(); begin < n; begin += CHUNK * team.groups()) {
        const int end = min(begin + CHUNK, n);
        for (int i = begin + team.lane(); i < end; i += Team::THREADS) visit(i);
    }
}

}  // namespace palimpsest_cuda

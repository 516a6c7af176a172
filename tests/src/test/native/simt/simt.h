// The part of CUDA that the kernels use, for the host: compiled with this header, a kernel is an ordinary function
// that simt::launch runs as a grid of blocks, every thread a fiber. Whose turn it is after a barrier or a shuffle is
// drawn from a seed, so code that relies on threads keeping step without a barrier gives other results. See README.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline
#define __launch_bounds__(...)
#define __syncthreads() simt::barrier(simt::BLOCK, __FILE__, __LINE__)
#define __syncwarp() simt::barrier(simt::WARP, __FILE__, __LINE__)
#define PALIMPSEST_SHARED(name) unsigned char* const name = simt::shared()
#define PALIMPSEST_SYNC(team) (simt::name_next_barrier(__FILE__, __LINE__, ""), (team).sync())
#define PALIMPSEST_SYNC_MEMORY(team) (simt::name_next_barrier(__FILE__, __LINE__, simt::MEMORY_ONLY), (team).sync())
#define threadIdx simt::thread_index
#define blockIdx simt::block_index
#define blockDim simt::block_size
#define gridDim simt::grid_size

struct alignas(16) uint4 {
    unsigned int x, y, z, w;
};
struct alignas(8) uint2 {
    unsigned int x, y;
};
struct alignas(16) float4 {
    float x, y, z, w;
};

namespace simt {

constexpr int LANES = 32;

struct Index {
    unsigned int x;
};
extern Index thread_index, block_index, block_size, grid_size;

// A kernel that waits for ever, leaves a warp inside a shuffle, or touches memory that is not its own.
struct Fault : std::runtime_error {
    using std::runtime_error::runtime_error;
};

enum Scope { BLOCK, WARP };

// Marks a barrier beside a shuffle that waits for the same lanes: it is there for the order of memory, which a host
// does not lose.
constexpr const char* MEMORY_ONLY = " order of memory";

// Runs the kernel; `shared_bytes` of shared memory are filled with NaN before every block. With an odd seed some
// threads run as far ahead as barriers let them. Throws Fault.
void launch(int64_t blocks, int64_t threads, int64_t shared_bytes, uint64_t seed, const std::function<void()>& kernel);

void barrier(Scope scope, const char* file, int line);
// The next barrier is known by this place instead of its own: that of the caller of a shared function.
void name_next_barrier(const char* file, int line, const char* remark);
unsigned char* shared();

// Places of barriers that a launch has passed, and the one that is left out of all launches (empty: none).
std::vector<std::string> barrier_sites();
void leave_out(const std::string& site);

// What every lane of the warp gave, after all 32 have given.
const uint64_t* exchange(uint64_t value);
int lane();
void require_all_lanes(unsigned int mask);

template <class T>
uint64_t raw(T value) {
    static_assert(sizeof(T) <= 8);
    uint64_t bits = 0;
    std::memcpy(&bits, &value, sizeof(T));
    return bits;
}

template <class T>
T of_lane(const uint64_t* values, int from) {
    T value;
    std::memcpy(&value, &values[from], sizeof(T));
    return value;
}

// Device memory: where the host finds [p, p + bytes), which must lie in one array (or Fault is thrown). The harness
// that links the kernels says what an array is: counted ones in device_memory.h, allocations of the driver double in
// ../driver.
void* touch(const void* p, size_t bytes, bool writes);

}  // namespace simt

// Not instrumented: watched arrays are poisoned, so that any access other than through these two is an
// AddressSanitizer error.
template <class T>
__attribute__((no_sanitize("address"), noinline)) T load(const T* p) {
    return *static_cast<const T*>(simt::touch(p, sizeof(T), false));
}

template <class T>
__attribute__((no_sanitize("address"), noinline)) void store(T* p, T value) {
    *static_cast<T*>(simt::touch(p, sizeof(T), true)) = value;
}

template <class T>
T __shfl_sync(unsigned int mask, T value, int from) {
    simt::require_all_lanes(mask);
    return simt::of_lane<T>(simt::exchange(simt::raw(value)), from % simt::LANES);
}

template <class T>
T __shfl_xor_sync(unsigned int mask, T value, int with) {
    simt::require_all_lanes(mask);
    const int from = simt::lane() ^ with;
    return simt::of_lane<T>(simt::exchange(simt::raw(value)), from);
}

template <class T>
T __shfl_down_sync(unsigned int mask, T value, int by) {
    simt::require_all_lanes(mask);
    const int from = simt::lane() + by;
    return simt::of_lane<T>(simt::exchange(simt::raw(value)), from < simt::LANES ? from : simt::lane());
}

inline unsigned int __ballot_sync(unsigned int mask, bool vote) {
    simt::require_all_lanes(mask);
    const uint64_t* votes = simt::exchange(vote);
    unsigned int taken = 0;
    for (int i = 0; i < simt::LANES; i++) taken |= static_cast<unsigned int>(votes[i] & 1) << i;
    return taken;
}

inline int __popc(unsigned int x) { return __builtin_popcount(x); }
inline int min(int a, int b) { return a < b ? a : b; }
inline int max(int a, int b) { return a > b ? a : b; }
inline float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }

inline float __uint_as_float(unsigned int bits) {
    const uint64_t raw = bits;
    return simt::of_lane<float>(&raw, 0);
}
inline float __int_as_float(int bits) { return __uint_as_float(static_cast<unsigned int>(bits)); }
inline unsigned int __float_as_uint(float x) { return static_cast<unsigned int>(simt::raw(x)); }
inline long long __double_as_longlong(double x) { return static_cast<long long>(simt::raw(x)); }
inline double __longlong_as_double(long long bits) {
    const uint64_t raw = static_cast<uint64_t>(bits);
    return simt::of_lane<double>(&raw, 0);
}

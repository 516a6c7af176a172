// What the CUDA kernels share: memory accesses, the element types of teachers, the exponential and the logarithm.
//
// Bits agree with the other implementations because every operation here is the IEEE one, in their order: compiled
// with -fmad=false, without flushing of subnormals and with exact division. A fused multiply-add is one that is
// written as such.
//
// With PALIMPSEST_SIMT these files are compiled for the host; simt.h then provides threads, barriers, shuffles and
// counted accesses.
#pragma once

#include "launch.h"

#ifdef PALIMPSEST_SIMT
#include <simt.h>
#else
#define PALIMPSEST_SHARED(name) extern __shared__ __align__(16) unsigned char name[]
// Names the place in the host build, where one barrier at a time is taken away to see that it is missed.
#define PALIMPSEST_SYNC(team) (team).sync()
#define PALIMPSEST_SYNC_MEMORY(team) (team).sync()

// The only ways to device memory. Plain loads: the reads of an element and its neighbours fall into the same
// instruction or the L1 cache.
template <class T>
__device__ __forceinline__ T load(const T* p) {
    return *p;
}
template <class T>
__device__ __forceinline__ void store(T* p, T value) {
    *p = value;
}
#endif

// Declares every kernel as the list has it: a definition with other parameters does not compile.
#define KERNEL(source, name, geometry, work, ...) extern "C" __global__ void palimpsest_cuda_##name(__VA_ARGS__);
#include "../kernels.def"

namespace palimpsest_cuda {

constexpr unsigned int ALL_LANES = 0xffffffffu;

// Teachers may be stored in 16 bits; all arithmetic is float32. The bits are converted here, alike on host and device.
struct bfloat16 {
    unsigned short bits;
};
struct float16 {
    unsigned short bits;
};

__device__ __forceinline__ float widen(float x) { return x; }
__device__ __forceinline__ float widen(bfloat16 x) { return __uint_as_float(static_cast<unsigned int>(x.bits) << 16); }
__device__ __forceinline__ float widen(float16 x) {
    unsigned int magnitude = (x.bits & 0x7fffu) << 13;
    float scaled =
        __uint_as_float(magnitude) * 0x1p112f;  // moves the exponent's bias from 15 to 127; exact for subnormals too
    unsigned int bits = magnitude >= 0x0f800000u ? magnitude | 0x7f800000u : __float_as_uint(scaled);
    return __uint_as_float(bits | (x.bits & 0x8000u) << 16);
}

// 16 bytes at once as float32 values: four float32 or eight 16-bit ones.
template <class T>
struct Pack {
    static constexpr int SIZE = 16 / static_cast<int>(sizeof(T));
    float value[SIZE];
};

__device__ __forceinline__ Pack<float> unpack(uint4 raw, const float*) {
    return {{__uint_as_float(raw.x), __uint_as_float(raw.y), __uint_as_float(raw.z), __uint_as_float(raw.w)}};
}

template <class T>
__device__ __forceinline__ Pack<T> unpack(uint4 raw, const T*) {
    Pack<T> pack;
    const unsigned int word[4] = {raw.x, raw.y, raw.z, raw.w};
#pragma unroll
    for (int i = 0; i < 4; i++) {
        pack.value[2 * i] = widen(T{static_cast<unsigned short>(word[i] & 0xffffu)});
        pack.value[2 * i + 1] = widen(T{static_cast<unsigned short>(word[i] >> 16)});
    }
    return pack;
}

template <class T>
__device__ __forceinline__ Pack<T> load_pack(const T* p) {
    return unpack(load(reinterpret_cast<const uint4*>(p)), p);
}

__device__ __forceinline__ void store_pack(float* p, const float* value) {
    const uint4 raw = {
        __float_as_uint(value[0]), __float_as_uint(value[1]), __float_as_uint(value[2]), __float_as_uint(value[3])};
    store(reinterpret_cast<uint4*>(p), raw);
}

__device__ __forceinline__ bool aligned(const void* p) { return (reinterpret_cast<unsigned long long>(p) & 15u) == 0; }

// The larger, ignoring NaN: a NaN among the logits shows in the exponentials anyway.
__device__ __forceinline__ float larger(float a, float b) { return b > a ? b : a; }

// exp((x - top) / T) for x <= top; explained in ../simd/exponential.h, of which this is the twin.
struct Exponential {
    float scale;  // log2(e) / T
    float least;  // below this the result is +0

    __device__ __forceinline__ explicit Exponential(double temperature)
        : scale(static_cast<float>(0x1.71547652b82fep+0 / temperature)), least(-127.0f / scale) {}

    // x - top, at least `least`; NaN stays NaN.
    __device__ __forceinline__ float clamp(float distance) const { return least > distance ? least : distance; }

    // Of a clamped distance.
    __device__ __forceinline__ float operator()(float distance) const {
        const float magic = 0x1.8p23f + 127.0f;
        float shifted = __fmaf_rn(distance, scale, magic);
        float whole = shifted - magic;
        float fraction = __fmaf_rn(distance, scale, -whole);
        float q = 0x1.416b52p-13f;
        q = __fmaf_rn(q, fraction, 0x1.5f082ep-10f);
        q = __fmaf_rn(q, fraction, 0x1.3b2de0p-7f);
        q = __fmaf_rn(q, fraction, 0x1.c6af7cp-5f);
        q = __fmaf_rn(q, fraction, 0x1.ebfbdcp-3f);
        q = __fmaf_rn(q, fraction, 0x1.62e430p-1f);
        return __fmaf_rn(q, fraction, 1.0f) * __uint_as_float(__float_as_uint(shifted) << 23);
    }
};

// Natural logarithm of a positive normal float64; the twin of the one in ../simd/exponential.h.
__device__ inline double logarithm(double x) {
    const unsigned long long bits = static_cast<unsigned long long>(__double_as_longlong(x));
    const long long exponent = static_cast<long long>(bits - 0x3FE6A09E667F3BCDull) >> 52;
    const double m =
        __longlong_as_double(static_cast<long long>(bits - (static_cast<unsigned long long>(exponent) << 52)));
    const double s = (m - 1.0) / (m + 1.0);
    const double t = s * s;
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
    return (static_cast<double>(exponent) * 0x1.62e42fefa39efp-1 + 2.0 * s * series) + (x - x);
}

}  // namespace palimpsest_cuda

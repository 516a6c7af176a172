// Per row: reads 4·D + K·D·(bytes of a teacher's element), writes 4·D, each element once for any D.
// The twin of feature_mse.cpp. A warp takes a chunk of 2048 elements; lane l owns slots 4l to 4l + 3 and reads them 16
// bytes at a time.
#include "../cuda/device.cuh"

namespace {

using namespace palimpsest_cuda;
using Args = palimpsest_feature_mse_args;

constexpr int FOUR = 4;

// 4 elements, or the first n of them, with one access where that is aligned.
__device__ __forceinline__ void load_four(const float* p, int n, float* value) {
    if (n == FOUR && aligned(p)) {
        Pack<float> pack = load_pack(p);
#pragma unroll
        for (int v = 0; v < FOUR; v++) value[v] = pack.value[v];
        return;
    }
#pragma unroll
    for (int v = 0; v < FOUR; v++) value[v] = v < n ? load(p + v) : 0;
}

template <class T>
__device__ __forceinline__ void load_four(const T* p, int n, float* value) {
    if (n == FOUR && (reinterpret_cast<unsigned long long>(p) & 7u) == 0) {
        const uint2 raw = load(reinterpret_cast<const uint2*>(p));
        value[0] = widen(T{static_cast<unsigned short>(raw.x & 0xffffu)});
        value[1] = widen(T{static_cast<unsigned short>(raw.x >> 16)});
        value[2] = widen(T{static_cast<unsigned short>(raw.y & 0xffffu)});
        value[3] = widen(T{static_cast<unsigned short>(raw.y >> 16)});
        return;
    }
#pragma unroll
    for (int v = 0; v < FOUR; v++) value[v] = v < n ? widen(load(p + v)) : 0;
}

__device__ __forceinline__ void store_four(float* p, int n, const float* value) {
    if (n == FOUR && aligned(p)) {
        store_pack(p, value);
        return;
    }
#pragma unroll
    for (int v = 0; v < FOUR; v++) {
        if (v < n) store(p + v, value[v]);
    }
}

// The row's teachers of weight other than 0, in order; by one warp.
template <class T>
__device__ int list_active(const Args& args, long long row, int lane, ActiveFeature* active) {
    // Without teachers the stride is not looked at: it may be any number.
    const float* weight = args.teachers > 0 ? args.weight + row * args.weight_stride : nullptr;
    int count = 0;
    for (int base = 0; base < static_cast<int>(args.teachers); base += WARP) {
        const int k = base + lane;
        const float w = k < static_cast<int>(args.teachers) ? load(weight + k) : 0;
        const unsigned int taken = __ballot_sync(ALL_LANES, w != 0);
        if (w != 0) {
            const T* teacher =
                reinterpret_cast<const T*>(load(args.teacher + k)) + row * load(args.teacher_stride + k);
            ActiveFeature& next = active[count + __popc(taken & ((1u << lane) - 1))];
            next.row = teacher;
            next.weight = w;
            next.gradient_weight = static_cast<float>(2.0 * static_cast<double>(w) / static_cast<double>(args.rows));
        }
        count += __popc(taken);
    }
    return count;
}

// Tree over the 128 slots of a chunk: slot i takes i + 64, then i + 32 in float32, then i + 16, 8, 4, 2, 1 in float64;
// valid in lane 0.
__device__ double sum_slots(const float* slot) {
    double sum[FOUR];
#pragma unroll
    for (int v = 0; v < FOUR; v++) {
        float s = slot[v] + __shfl_down_sync(ALL_LANES, slot[v], 16);
        s = s + __shfl_down_sync(ALL_LANES, s, 8);
        sum[v] = s;
#pragma unroll
        for (int width = 4; width > 0; width /= 2) sum[v] += __shfl_down_sync(ALL_LANES, sum[v], width);
    }
    return (sum[0] + sum[2]) + (sum[1] + sum[3]);
}

// Elements [begin, end) of a row by one warp.
template <class T>
__device__ double chunk(
    const float* x, const ActiveFeature* active, int count, int begin, int end, int lane, float* gradient) {
    float slot[FOUR] = {};
    for (int at = begin + FOUR * lane; at < end; at += SLOTS) {
        const int n = min(FOUR, end - at);
        float f[FOUR];
        float g[FOUR] = {};
        float square[FOUR] = {};
        load_four(x + at, n, f);
#pragma unroll 4
        for (int a = 0; a < count; a++) {
            float t[FOUR];
            load_four(static_cast<const T*>(active[a].row) + at, n, t);
#pragma unroll
            for (int v = 0; v < FOUR; v++) {
                // Nothing past the end: an infinite weight would make 0·inf of it.
                if (v < n) {
                    float difference = f[v] - t[v];
                    g[v] = __fmaf_rn(active[a].gradient_weight, difference, g[v]);
                    square[v] = __fmaf_rn(active[a].weight * difference, difference, square[v]);
                }
            }
        }
        store_four(gradient + at, n, g);
#pragma unroll
        for (int v = 0; v < FOUR; v++) slot[v] = slot[v] + square[v];
    }
    return sum_slots(slot);
}

// Shared memory of a row: the number of active teachers (in 16 bytes), their list, and where several warps share the
// row their sums.
template <class T>
__device__ void narrow(const Args& args, double* row_loss) {
    PALIMPSEST_SHARED(shared);
    const int warp = static_cast<int>(threadIdx.x) / WARP;
    const int lane = static_cast<int>(threadIdx.x) % WARP;
    const long long row = static_cast<long long>(blockIdx.x) * (blockDim.x / WARP) + warp;
    if (row >= args.rows) return;
    ActiveFeature* active = reinterpret_cast<ActiveFeature*>(shared + warp * feature_row_bytes(args.teachers, 1) + 16);
    const int count = list_active<T>(args, row, lane, active);
    __syncwarp();
    const double loss = chunk<T>(args.student + row * args.student_stride, active, count, 0,
        static_cast<int>(args.dims), lane, args.gradient + row * args.gradient_stride);
    if (lane == 0) store(row_loss + row, 0.0 + loss);
}

template <class T>
__device__ void wide(const Args& args, double* row_loss) {
    PALIMPSEST_SHARED(shared);
    const int warp = static_cast<int>(threadIdx.x) / WARP;
    const int warps = static_cast<int>(blockDim.x) / WARP;
    const int lane = static_cast<int>(threadIdx.x) % WARP;
    const long long row = blockIdx.x;
    int* count = reinterpret_cast<int*>(shared);
    ActiveFeature* active = reinterpret_cast<ActiveFeature*>(shared + 16);
    double* sum = reinterpret_cast<double*>(active + args.teachers);
    if (warp == 0) {
        const int listed = list_active<T>(args, row, lane, active);
        if (lane == 0) *count = listed;
    }
    __syncthreads();

    double loss = 0;
    const int dims = static_cast<int>(args.dims);
    for (int round = 0; round < dims; round += CHUNK * warps) {
        const int begin = round + CHUNK * warp;
        const double part = chunk<T>(args.student + row * args.student_stride, active, *count, begin,
            min(begin + CHUNK, dims), lane, args.gradient + row * args.gradient_stride);
        if (lane == 0) sum[warp] = part;
        __syncthreads();
        if (threadIdx.x == 0) {
            for (int w = 0; w < warps; w++) loss += sum[w];  // chunks in order; a warp past the last chunk adds +0
        }
        __syncthreads();  // before the next round's sums
    }
    if (threadIdx.x == 0) store(row_loss + row, loss);
}

}  // namespace

#define PALIMPSEST_KERNELS(type, element)                                              \
    extern "C" __global__ void __launch_bounds__(WARP* ROWS_A_BLOCK)                   \
        palimpsest_cuda_feature_mse_narrow_##type(const Args args, double* row_loss) { \
        narrow<element>(args, row_loss);                                               \
    }                                                                                  \
    extern "C" __global__ void __launch_bounds__(WARP* MOST_GROUPS)                    \
        palimpsest_cuda_feature_mse_wide_##type(const Args args, double* row_loss) {   \
        wide<element>(args, row_loss);                                                 \
    }

PALIMPSEST_KERNELS(float32, float)
PALIMPSEST_KERNELS(bfloat16, bfloat16)
PALIMPSEST_KERNELS(float16, float16)

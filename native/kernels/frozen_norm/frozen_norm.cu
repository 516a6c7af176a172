// The gradient of batch norm that uses its running statistics, which cuDNN lacks: y = (x - mean) s / sqrt(variance +
// eps) + shift with constant mean and variance. A block a channel; sums in double precision, in an order fixed by the
// shape. Per element: reads 8 bytes, writes 4.
#include "../cuda/device.cuh"

#ifdef PALIMPSEST_SIMT
#include <cmath>
#endif

namespace {
constexpr int THREADS = palimpsest_cuda::BLOCK_A_CHANNEL.threads;
}

extern "C" __global__ void __launch_bounds__(THREADS)
    palimpsest_cuda_frozen_norm_gradient(const float* gradient, const float* input, const float* scale,
        const float* mean, const float* variance, const double epsilon, const int64_t images, const int64_t channels,
        const int64_t positions, float* out, float* scale_gradient, float* shift_gradient) {
    PALIMPSEST_SHARED(shared);
    double* sum = reinterpret_cast<double*>(shared);  // [2, THREADS]
    const int t = static_cast<int>(threadIdx.x);
    const int64_t c = blockIdx.x;
    const double inverse = 1.0 / sqrt(static_cast<double>(load(variance + c)) + epsilon);
    const double centre = load(mean + c);
    const float factor = static_cast<float>(static_cast<double>(load(scale + c)) * inverse);
    double by_scale = 0;
    double by_shift = 0;
    for (int64_t i = t; i < images * positions; i += THREADS) {
        const int64_t at = (i / positions * channels + c) * positions + i % positions;
        const float g = load(gradient + at);
        by_scale += g * ((static_cast<double>(load(input + at)) - centre) * inverse);
        by_shift += g;
        store(out + at, g * factor);
    }
    sum[t] = by_scale;
    sum[THREADS + t] = by_shift;
    __syncthreads();
    for (int width = THREADS / 2; width > 0; width /= 2) {
        if (t < width) {
            sum[t] += sum[t + width];
            sum[THREADS + t] += sum[THREADS + t + width];
        }
        __syncthreads();  // the next round reads what other warps added
    }
    if (t == 0) {
        store(scale_gradient + c, load(scale_gradient + c) + static_cast<float>(sum[0]));
        store(shift_gradient + c, load(shift_gradient + c) + static_cast<float>(sum[THREADS]));
    }
}

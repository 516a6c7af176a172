// What layers and gradients need besides cuDNN: one pass each. Per element: reads 4 bytes an input, writes 4.
#include "../cuda/device.cuh"

namespace {

constexpr int THREADS = palimpsest_cuda::FOUR_A_THREAD.threads;
constexpr int A_THREAD = palimpsest_cuda::FOUR_A_THREAD.items / THREADS;  // elements

// Calls the function for every element of this thread.
template <class F>
__device__ __forceinline__ void for_each(int64_t count, F f) {
    const int64_t first = static_cast<int64_t>(blockIdx.x) * (THREADS * A_THREAD) + threadIdx.x;
#pragma unroll
    for (int i = 0; i < A_THREAD; i++) {
        const int64_t at = first + i * THREADS;
        if (at < count) f(at);
    }
}

// NaN stays NaN, as it does on the CPU.
__device__ __forceinline__ float positive(float x) { return x < 0.0f ? 0.0f : x; }

}  // namespace

#define KERNEL extern "C" __global__ void __launch_bounds__(THREADS)

KERNEL palimpsest_cuda_relu(float* x, const int64_t count) {
    for_each(count, [&](int64_t i) { store(x + i, positive(load(x + i))); });
}

KERNEL palimpsest_cuda_add_relu(const float* a, const float* b, float* out, const int64_t count) {
    for_each(count, [&](int64_t i) { store(out + i, positive(load(a + i) + load(b + i))); });
}

// The gradient where the output is positive, elsewhere 0.
KERNEL palimpsest_cuda_relu_gradient(const float* gradient, const float* output, float* out, const int64_t count) {
    for_each(count, [&](int64_t i) {
        const float passed = load(output + i);
        const float g = load(gradient + i);
        store(out + i, passed > 0.0f ? g : 0.0f);
    });
}

KERNEL palimpsest_cuda_add_scaled(float* target, const float factor, const float* source, const int64_t count) {
    for_each(count, [&](int64_t i) { store(target + i, load(target + i) + factor * load(source + i)); });
}

// Added to zero, as on the CPU: -0 becomes +0.
KERNEL palimpsest_cuda_scaled(float* out, const float factor, const float* source, const int64_t count) {
    for_each(count, [&](int64_t i) { store(out + i, 0.0f + factor * load(source + i)); });
}

// One optimiser step over all parameters in one launch: a block takes 1024 weights of one of them. Per weight: reads 8
// bytes, 1 of mask and 4 a state, writes 4 and 4 a state. The arithmetic is that of dev.palimpsest.optim.SgdLoop and
// AdamLoop, operation by operation. The kernel "follow" moves copies towards what was trained, for teachers that
// follow; per value: reads 8 bytes, writes 4.
#include "../cuda/device.cuh"

#ifdef PALIMPSEST_SIMT
#include <cmath>
#endif

namespace {

constexpr int THREADS = palimpsest_cuda::BY_PARAMETER.threads;
constexpr int A_THREAD = palimpsest_cuda::BY_PARAMETER.items / THREADS;
using Parameter = palimpsest_cuda_parameter;

struct Weights {
    float* value;
    float* gradient;
    float* state[2];
    const unsigned char* mask;  // null: everything moves
    int64_t size;
    int64_t first;  // of this block
};

__device__ __forceinline__ Weights weights_of_block(const Parameter* table, const int32_t* parameter_of_block) {
    const Parameter* p = table + load(parameter_of_block + blockIdx.x);
    return {load(&p->value), load(&p->gradient), {load(&p->first_state), load(&p->second_state)}, load(&p->mask),
        load(&p->size), (static_cast<int64_t>(blockIdx.x) - load(&p->first_block)) * THREADS * A_THREAD};
}

// Calls the function for every weight of this thread that moves.
template <class F>
__device__ __forceinline__ void for_each(const Weights& w, F f) {
#pragma unroll
    for (int k = 0; k < A_THREAD; k++) {
        const int64_t i = w.first + k * THREADS + threadIdx.x;
        if (i < w.size && (!w.mask || load(w.mask + i) != 0)) f(i);
    }
}

// Of the gradients after clipping: null or a factor of 1 leaves them.
__device__ __forceinline__ float clipped(const Weights& w, int64_t i, const float* factor) {
    const float g = load(w.gradient + i);
    return factor ? g * load(factor) : g;
}

// Thread 0 has the sum, added in an order that is fixed by the number of threads.
__device__ __forceinline__ double sum_of_block(double mine, double* shared) {
    const int t = static_cast<int>(threadIdx.x);
    shared[t] = mine;
    __syncthreads();
    for (int width = THREADS / 2; width > 0; width /= 2) {
        if (t < width) shared[t] += shared[t + width];
        __syncthreads();  // the next round reads what other warps added
    }
    return shared[0];
}

}  // namespace

#define KERNEL extern "C" __global__ void __launch_bounds__(THREADS)

KERNEL palimpsest_cuda_gradient_squares(const Parameter* table, const int32_t* parameter_of_block, double* squares) {
    PALIMPSEST_SHARED(shared);
    const Weights w = weights_of_block(table, parameter_of_block);
    double sum = 0;
    for_each(w, [&](int64_t i) {
        const double g = load(w.gradient + i);
        sum += g * g;
    });
    sum = sum_of_block(sum, reinterpret_cast<double*>(shared));
    if (threadIdx.x == 0) store(squares + blockIdx.x, sum);
}

// factor = min(1, limit / (norm + 1e-6)); NaN stays NaN, so that the next loss tells.
KERNEL palimpsest_cuda_clip_factor(const double* squares, const int64_t blocks, const double limit, float* factor) {
    PALIMPSEST_SHARED(shared);
    double sum = 0;
    for (int64_t i = threadIdx.x; i < blocks; i += THREADS) sum += load(squares + i);
    sum = sum_of_block(sum, reinterpret_cast<double*>(shared));
    if (threadIdx.x == 0) {
        const double by = limit / (sqrt(sum) + 1e-6);
        store(factor, by > 1 ? 1.0f : static_cast<float>(by));
    }
}

KERNEL palimpsest_cuda_sgd(const Parameter* table, const int32_t* parameter_of_block, const float* factor,
    const float rate, const float momentum, const int32_t nesterov, const float decay) {
    const Weights w = weights_of_block(table, parameter_of_block);
    for_each(w, [&](int64_t i) {
        const float value = load(w.value + i);
        const float direction = clipped(w, i, factor) + decay * value;
        float moved = direction;
        if (w.state[0]) {
            moved = momentum * load(w.state[0] + i) + direction;
            store(w.state[0] + i, moved);
            if (nesterov) moved = direction + momentum * moved;
        }
        store(w.value + i, value - rate * moved);
    });
}

KERNEL palimpsest_cuda_adam(const Parameter* table, const int32_t* parameter_of_block, const float* factor,
    const float step_size, const float root_correction, const float fresh1, const float beta2, const float fresh2,
    const float epsilon, const float decay) {
    const Weights w = weights_of_block(table, parameter_of_block);
    for_each(w, [&](int64_t i) {
        const float value = load(w.value + i);
        const float g = clipped(w, i, factor) + decay * value;
        const float before = load(w.state[0] + i);
        const float mean = before + fresh1 * (g - before);
        const float square = beta2 * load(w.state[1] + i) + fresh2 * (g * g);
        store(w.state[0] + i, mean);
        store(w.state[1] + i, square);
        store(w.value + i, value - step_size * (mean / (sqrtf(square) / root_correction + epsilon)));
    });
}

// target = kept target + (1 - kept) source; a kept of 0 copies, whatever the target was.
KERNEL palimpsest_cuda_follow(const palimpsest_cuda_pair* table, const int32_t* pair_of_block) {
    const palimpsest_cuda_pair* p = table + load(pair_of_block + blockIdx.x);
    float* target = load(&p->target);
    const float* source = load(&p->source);
    const float kept = __uint_as_float(static_cast<unsigned int>(load(&p->kept_bits)));
    const int64_t size = load(&p->size);
    const int64_t first = (static_cast<int64_t>(blockIdx.x) - load(&p->first_block)) * THREADS * A_THREAD;
#pragma unroll
    for (int k = 0; k < A_THREAD; k++) {
        const int64_t i = first + k * THREADS + threadIdx.x;
        if (i >= size) continue;
        const float s = load(source + i);
        store(target + i, kept == 0 ? s : kept * load(target + i) + (1 - kept) * s);
    }
}

// Matrices by their rows and columns. Per element moved: reads 4 bytes, writes 4.
#include "../cuda/device.cuh"

namespace {
constexpr int THREADS = palimpsest_cuda::ONE_A_THREAD.threads;

// One thread an element of the result.
__device__ __forceinline__ int64_t element() { return static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x; }
}  // namespace

#define KERNEL extern "C" __global__ void __launch_bounds__(THREADS)

// out[r, c] = matrix[r, begin + c]
KERNEL palimpsest_cuda_columns(const float* matrix, const int64_t width, const int64_t begin, float* out,
    const int64_t out_width, const int64_t count) {
    const int64_t i = element();
    if (i < count) store(out + i, load(matrix + i / out_width * width + begin + i % out_width));
}

// out[r, c] = table[row[r], c]
KERNEL palimpsest_cuda_gather(
    const float* table, const int32_t* row, const int64_t width, float* out, const int64_t count) {
    const int64_t i = element();
    if (i < count) store(out + i, load(table + static_cast<int64_t>(load(row + i / width)) * width + i % width));
}

// out[r, c] = bias[c]
KERNEL palimpsest_cuda_repeat_row(const float* bias, const int64_t width, float* out, const int64_t count) {
    const int64_t i = element();
    if (i < count) store(out + i, load(bias + i % width));
}

// sum[c] += matrix[0, c] + matrix[1, c] + ..., in row order; one thread a column, neighbours read neighbours.
KERNEL palimpsest_cuda_add_column_sums(const float* matrix, const int64_t rows, const int64_t width, float* sum) {
    const int64_t c = element();
    if (c >= width) return;
    float total = load(sum + c);
    for (int64_t r = 0; r < rows; r++) total += load(matrix + r * width + c);
    store(sum + c, total);
}

// out[r, c] = from[r, c] in the rows that chose this of several; the other rows stay. After all of them every row has
// been written.
KERNEL palimpsest_cuda_chosen_rows(const float* one_hot, const int64_t of, const int64_t which, const float* from,
    const int64_t width, float* out, const int64_t count) {
    const int64_t i = element();
    if (i < count && load(one_hot + i / width * of + which) != 0) store(out + i, load(from + i));
}

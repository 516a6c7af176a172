// What the kernels over rows need around them so that the host neither waits nor copies: their tables on the device,
// and the mean of their rows' losses. Per call: reads 8·B bytes, writes 8.
#include "../cuda/device.cuh"

using namespace palimpsest_cuda;

// The words come with the launch itself, so no host memory has to stay as it is until the device gets there.
extern "C" __global__ void __launch_bounds__(TABLE.threads)
    palimpsest_cuda_row_loss_table(const palimpsest_cuda_words words, int64_t* out, const int64_t count) {
    const int i = static_cast<int>(threadIdx.x);
    if (i < count) store(out + i, words.value[i]);
}

// (loss of row 0 + loss of row 1 + ...) / rows, added in row order as on the CPU. The lanes read together and add one
// by one.
extern "C" __global__ void __launch_bounds__(WARP)
    palimpsest_cuda_row_loss_mean(const double* row_loss, const int64_t rows, double* mean) {
    const int lane = static_cast<int>(threadIdx.x);
    double sum = 0;
    for (int64_t begin = 0; begin < rows; begin += WARP) {
        const double mine = begin + lane < rows ? load(row_loss + begin + lane) : 0;
        for (int i = 0; i < WARP; i++) {
            const double next = __shfl_sync(ALL_LANES, mine, i);
            if (begin + i < rows) sum += next;
        }
    }
    if (lane == 0) store(mean, sum / static_cast<double>(rows));
}

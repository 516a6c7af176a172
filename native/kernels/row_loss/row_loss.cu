// What the kernels over rows need around them so that the host neither waits nor copies: their tables on the device, and the mean of their
// rows' losses. Bytes: 8 a table entry, 8 a row.
#include "../cuda/device.cuh"

namespace {

using namespace palimpsest_cuda;

constexpr int WORDS_A_LAUNCH = 64;

struct Words {
    long long value[WORDS_A_LAUNCH];
};

}  // namespace

// Words that come with the launch itself, so no host memory has to stay as it is until the device gets there. One block of 64 threads.
extern "C" __global__ void __launch_bounds__(WORDS_A_LAUNCH)
    palimpsest_cuda_row_loss_table(const Words words, long long* out, const long long count) {
    const int i = static_cast<int>(threadIdx.x);
    if (i < count) store(out + i, words.value[i]);
}

// (loss of row 0 + loss of row 1 + ...) / rows, added in row order as on the CPU. One warp: its lanes read together and add in turn.
extern "C" __global__ void __launch_bounds__(WARP) palimpsest_cuda_row_loss_mean(const double* row_loss, const long long rows, double* mean) {
    const int lane = static_cast<int>(threadIdx.x);
    double sum = 0;
    for (long long begin = 0; begin < rows; begin += WARP) {
        const double mine = begin + lane < rows ? load(row_loss + begin + lane) : 0;
        for (int i = 0; i < WARP; i++) {
            const double next = __shfl_sync(ALL_LANES, mine, i);
            if (begin + i < rows) sum += next;
        }
    }
    if (lane == 0) store(mean, sum / static_cast<double>(rows));
}

// The classification losses of CpuClassification, a warp a row, in double precision as there. Per row: reads the
// logits two or three times (a few hundred bytes, from the L1 cache after the first), writes 4C bytes of gradient and
// 8 of loss.
#include "../cuda/rows.cuh"

using namespace palimpsest_cuda;

namespace {

// Of x, given exp(-|x|).
__device__ __forceinline__ double sigmoid(double x, double e) { return (x > 0 ? 1.0 : e) / (1.0 + e); }

}  // namespace

// -log softmax(z[begin, end))[label]; columns outside get gradient 0.
extern "C" __global__ void __launch_bounds__(WARP* WARPS)
    palimpsest_cuda_softmax_cross_entropy(const float* logits, const int32_t* label, const int64_t rows,
        const int64_t classes, const int64_t begin, const int64_t end, float* gradient, double* row_loss) {
    const int64_t row = row_of_warp();
    if (row >= rows) return;  // whole warps leave; the others meet no barrier of the block
    const int lane = lane_of_warp();
    const float* z = logits + row * classes;
    const int64_t own = load(label + row);
    float top = -__int_as_float(0x7f800000);
    for (int64_t c = begin + lane; c < end; c += WARP) top = larger(top, load(z + c));
#pragma unroll
    for (int width = WARP / 2; width > 0; width /= 2) top = larger(top, __shfl_xor_sync(ALL_LANES, top, width));
    double sum = 0;
    for (int64_t c = begin + lane; c < end; c += WARP) sum += exp(static_cast<double>(load(z + c)) - top);
    sum = sum_of_lanes(sum);
    const double inverse = 1.0 / sum;
    const double share = 1.0 / static_cast<double>(rows);
    for (int64_t c = lane; c < classes; c += WARP) {
        double g = 0;
        if (c >= begin && c < end)
            g = (exp(static_cast<double>(load(z + c)) - top) * inverse - (c == own ? 1 : 0)) * share;
        store(gradient + row * classes + c, static_cast<float>(g));
    }
    if (lane == 0) store(row_loss + row, log(sum) + top - load(z + own));
}

// The sum over columns of the sigmoid cross-entropy; the targets of the first `old` columns are the last model's
// sigmoids.
extern "C" __global__ void __launch_bounds__(WARP* WARPS)
    palimpsest_cuda_sigmoid_cross_entropy(const float* logits, const int32_t* label, const float* last,
        const int64_t old, const int64_t rows, const int64_t classes, float* gradient, double* row_loss) {
    const int64_t row = row_of_warp();
    if (row >= rows) return;
    const int lane = lane_of_warp();
    const int64_t own = load(label + row);
    double loss = 0;
    for (int64_t c = lane; c < classes; c += WARP) {
        const double z = load(logits + row * classes + c);
        double target = c == own ? 1 : 0;
        if (c < old) {
            const double x = load(last + row * old + c);
            target = sigmoid(x, exp(x > 0 ? -x : x));
        }
        const double e = exp(z > 0 ? -z : z);
        loss += (z > 0 ? z : 0) + log1p(e) - target * z;  // log(1 + e^z) without overflow
        store(gradient + row * classes + c, static_cast<float>((sigmoid(z, e) - target) / static_cast<double>(rows)));
    }
    loss = sum_of_lanes(loss);
    if (lane == 0) store(row_loss + row, loss);
}

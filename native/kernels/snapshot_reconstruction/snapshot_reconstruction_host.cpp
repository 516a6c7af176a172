// What the library says about snapshot_reconstruction before it runs: valid arguments, and the launch on a GPU.
#include "../cuda/launch.h"
#include "../simd/arguments.h"
#include "../simd/kernels.h"

using namespace palimpsest_cuda;

bool palimpsest_valid(const palimpsest_snapshot_reconstruction_args* a, int64_t word_begin, int64_t word_end) {
    if (!given(a) || !given(a->weights) || !given(a->planes) || !given(a->out)) return false;
    if (!addressable(a->count, 1) || a->plane_count < 1 || a->plane_count > 8) return false;
    if (a->step < 0 || a->step >> a->plane_count != 0) return false;
    if (!absent_or_given(a->channel_scale) || (a->channel_scale && a->weights_per_channel < 1)) return false;
    return 0 <= word_begin && word_begin <= word_end && word_end <= ceil_div(a->count, 64);
}

int32_t palimpsest_snapshot_reconstruction_cuda_launch(int64_t count, palimpsest_cuda_launch* launch) {
    if (!launch || count < 1) return PALIMPSEST_INVALID_ARGUMENT;
    const int64_t weights = 64 * WORDS_A_WARP * WARPS_A_BLOCK;
    *launch = {PALIMPSEST_CUDA_NARROW, ceil_div(count, weights), WARP * WARPS_A_BLOCK, 0};
    return status_of(*launch, 0);
}

// The launch shapes as functions of libpalimpsest: whoever launches the CUDA kernels asks here, with or without a GPU in the machine.
#include "launch.h"

int32_t palimpsest_multi_teacher_kl_cuda_launch(
    int64_t rows, int64_t classes, int64_t widest, int64_t teachers, int64_t shared_limit, palimpsest_cuda_launch* launch) {
    bool known = launch && palimpsest_cuda::multi_teacher_kl(rows, classes, widest, teachers, shared_limit, launch);
    return known ? PALIMPSEST_OK : PALIMPSEST_INVALID_ARGUMENT;
}

int32_t palimpsest_feature_mse_cuda_launch(
    int64_t rows, int64_t dims, int64_t teachers, int64_t shared_limit, palimpsest_cuda_launch* launch) {
    bool known = launch && palimpsest_cuda::feature_mse(rows, dims, teachers, shared_limit, launch);
    return known ? PALIMPSEST_OK : PALIMPSEST_INVALID_ARGUMENT;
}

int32_t palimpsest_snapshot_reconstruction_cuda_launch(int64_t count, palimpsest_cuda_launch* launch) {
    return launch && palimpsest_cuda::snapshot_reconstruction(count, launch) ? PALIMPSEST_OK : PALIMPSEST_INVALID_ARGUMENT;
}

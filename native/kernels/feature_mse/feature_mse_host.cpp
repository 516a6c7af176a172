// What the library says about feature_mse before it runs: valid arguments, scratch, and the launch on a GPU.
#include "../cuda/launch.h"
#include "../simd/arguments.h"
#include "../simd/kernels.h"

using namespace palimpsest_cuda;

bool palimpsest_valid(const palimpsest_feature_mse_args* a, int64_t row_begin, int64_t row_end) {
    if (!given(a) || !given(a->student) || !given(a->gradient)) return false;
    if (a->rows < 1 || a->dims < 1 || !addressable(a->teachers, 8)) return false;
    if (!rows_to_read(a->rows, a->dims, a->student_stride)) return false;
    if (!rows_to_write(a->rows, a->dims, a->gradient_stride)) return false;
    if (a->teachers > 0) {
        if (!given(a->teacher) || !given(a->teacher_stride) || !given(a->weight)) return false;
        if (!rows_to_read(a->rows, a->teachers, a->weight_stride)) return false;
    }
    for (int64_t k = 0; k < a->teachers; k++) {
        if (!given(a->teacher[k]) || !rows_to_read(a->rows, a->dims, a->teacher_stride[k])) return false;
    }
    return 0 <= row_begin && row_begin <= row_end && row_end <= a->rows;
}

int64_t palimpsest_feature_mse_scratch(const palimpsest_feature_mse_args* a) {
    return given(a) && addressable(a->teachers, 8) && a->teachers < INT64_MAX / 64 ? 64 * (a->teachers + 1) : -1;
}

int32_t palimpsest_feature_mse_cuda_launch(
    int64_t rows, int64_t dims, int64_t teachers, int64_t limit, palimpsest_cuda_launch* launch) {
    if (!launch || rows < 1 || teachers < 0 || teachers > INT32_MAX) return PALIMPSEST_INVALID_ARGUMENT;
    if (dims < 1 || dims > INT32_MAX - CHUNK * MOST_GROUPS) return PALIMPSEST_INVALID_ARGUMENT;
    const int64_t warps = smaller(MOST_GROUPS, ceil_div(dims, CHUNK));
    const int64_t bytes = feature_row_bytes(teachers, warps);
    if (warps == 1) {
        int64_t together = smaller(smaller(ROWS_A_BLOCK, limit / bytes), rows);
        if (together < 1) return PALIMPSEST_INVALID_ARGUMENT;
        *launch = {PALIMPSEST_CUDA_NARROW, ceil_div(rows, together), WARP * together, bytes * together};
    } else {
        *launch = {PALIMPSEST_CUDA_WIDE, rows, WARP * warps, bytes};
    }
    return status_of(*launch, limit);
}

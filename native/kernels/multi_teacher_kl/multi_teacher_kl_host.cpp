// What the library says about multi_teacher_kl before it runs: valid arguments, scratch, and the launch on a GPU.
#include "../cuda/launch.h"
#include "../simd/arguments.h"
#include "../simd/kernels.h"

using namespace palimpsest_cuda;

namespace {

bool valid_ranges(const palimpsest_multi_teacher_kl_args* a) {
    if (!given(a) || a->classes < 1 || !addressable(a->teachers, 8)) return false;
    if (a->teachers > 0 && (!given(a->class_begin) || !given(a->class_end))) return false;
    for (int64_t k = 0; k < a->teachers; k++) {
        if (a->class_begin[k] < 0 || a->class_begin[k] >= a->class_end[k] || a->class_end[k] > a->classes)
            return false;
    }
    return true;
}

}  // namespace

bool palimpsest_valid(const palimpsest_multi_teacher_kl_args* a, int64_t row_begin, int64_t row_end) {
    if (!valid_ranges(a) || !given(a->student) || !given(a->gradient) || a->rows < 1) return false;
    if (!rows_to_read(a->rows, a->classes, a->student_stride)) return false;
    if (!rows_to_write(a->rows, a->classes, a->gradient_stride)) return false;
    // Beyond, T or log2(e) / T times a distance of logits is no float32 any more.
    if (!(a->temperature >= 1e-30 && a->temperature <= 1e30)) return false;
    if (a->teachers > 0) {
        if (!given(a->teacher) || !given(a->teacher_stride) || !given(a->weight)) return false;
        if (!rows_to_read(a->rows, a->teachers, a->weight_stride)) return false;
    }
    for (int64_t k = 0; k < a->teachers; k++) {
        if (!given(a->teacher[k])) return false;
        if (!rows_to_read(a->rows, a->class_end[k] - a->class_begin[k], a->teacher_stride[k])) return false;
    }
    return 0 <= row_begin && row_begin <= row_end && row_end <= a->rows;
}

int64_t palimpsest_multi_teacher_kl_scratch(const palimpsest_multi_teacher_kl_args* a) {
    if (!valid_ranges(a)) return -1;
    int64_t widest = 0;
    for (int64_t k = 0; k < a->teachers; k++) {
        int64_t n = a->class_end[k] - a->class_begin[k];
        if (n > widest) widest = n;
    }
    // A record of at most 64 bytes a teacher; exponentials in whole vectors for the teachers and the student, and the
    // student's distances.
    if (widest > INT64_MAX - 15 || !addressable(a->teachers, 16, (widest + 15) / 16, 16)) return -1;
    return 64 * a->teachers + (a->teachers + 2) * ((widest + 15) / 16 * 64);
}

int32_t palimpsest_multi_teacher_kl_cuda_launch(
    int64_t rows, int64_t classes, int64_t widest, int64_t teachers, int64_t limit, palimpsest_cuda_launch* launch) {
    if (!launch || rows < 1 || teachers < 0 || teachers > INT32_MAX) return PALIMPSEST_INVALID_ARGUMENT;
    if (classes < 1 || classes > INT32_MAX - CHUNK * MOST_GROUPS || widest < 0 || widest > classes)
        return PALIMPSEST_INVALID_ARGUMENT;
    const int64_t bytes = kl_row_bytes(classes, widest, teachers);
    if (classes <= NARROW_CLASSES && bytes <= limit) {
        int64_t together = smaller(smaller(ROWS_A_BLOCK, limit / bytes), rows);
        *launch = {PALIMPSEST_CUDA_NARROW, ceil_div(rows, together), WARP * together, bytes * together};
        return status_of(*launch, limit);
    }
    const int64_t groups = widest <= CHUNK ? 1 : smaller(MOST_GROUPS, ceil_div(widest, CHUNK));
    *launch = {PALIMPSEST_CUDA_WIDE, rows, SLOTS * groups, kl_scratch_bytes(groups) + bytes};
    if (status_of(*launch, limit) == PALIMPSEST_OK) return PALIMPSEST_OK;
    *launch = {
        PALIMPSEST_CUDA_STREAMING, rows, SLOTS * groups, kl_scratch_bytes(groups) + kl_streaming_bytes(teachers)};
    return status_of(*launch, limit);
}

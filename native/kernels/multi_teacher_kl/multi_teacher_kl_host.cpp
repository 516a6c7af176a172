// What the library says about multi_teacher_kl before it runs: valid arguments, scratch, and the launch on a GPU.
#include "../cuda/launch.h"
#include "../simd/kernels.h"

using namespace palimpsest_cuda;

bool palimpsest_valid(const palimpsest_multi_teacher_kl_args* a, int64_t row_begin, int64_t row_end) {
    if (!a || !a->student || !a->gradient || a->classes < 1 || a->teachers < 0) return false;
    if (a->teachers > 0 && (!a->teacher || !a->teacher_stride || !a->class_begin || !a->class_end || !a->weight))
        return false;
    if (!(a->temperature > 0 && a->temperature <= 3.4e38)) return false;
    for (int64_t k = 0; k < a->teachers; k++) {
        if (!a->teacher[k] || a->class_begin[k] < 0 || a->class_begin[k] >= a->class_end[k] ||
            a->class_end[k] > a->classes)
            return false;
    }
    return a->rows > 0 && 0 <= row_begin && row_begin <= row_end && row_end <= a->rows;
}

int64_t palimpsest_multi_teacher_kl_scratch(const palimpsest_multi_teacher_kl_args* a) {
    if (!a || a->classes < 1 || a->teachers < 0) return -1;
    int64_t widest = 0;
    for (int64_t k = 0; k < a->teachers; k++) {
        int64_t n = a->class_end[k] - a->class_begin[k];
        if (n > widest) widest = n;
    }
    // A record of at most 64 bytes a teacher; exponentials in whole vectors for the teachers and the student, and the
    // student's distances.
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

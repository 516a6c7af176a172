// The exported functions: they check their arguments and pass on to the variant for the instruction set.
#include "simd/kernels.h"

namespace {

bool valid_rows(int64_t rows, int64_t row_begin, int64_t row_end) {
    return rows > 0 && 0 <= row_begin && row_begin <= row_end && row_end <= rows;
}

bool valid(const palimpsest_multi_teacher_kl_args* a) {
    if (!a || !a->student || !a->gradient || a->classes < 1 || a->teachers < 0) return false;
    if (a->teachers > 0 && (!a->teacher || !a->teacher_stride || !a->class_begin || !a->class_end || !a->weight)) return false;
    if (!(a->temperature > 0 && a->temperature <= 3.4e38)) return false;
    for (int64_t k = 0; k < a->teachers; k++) {
        if (!a->teacher[k] || a->class_begin[k] < 0 || a->class_begin[k] >= a->class_end[k] || a->class_end[k] > a->classes) return false;
    }
    return true;
}

bool valid(const palimpsest_feature_mse_args* a) {
    if (!a || !a->student || !a->gradient || a->dims < 1 || a->teachers < 0) return false;
    if (a->teachers > 0 && (!a->teacher || !a->teacher_stride || !a->weight)) return false;
    for (int64_t k = 0; k < a->teachers; k++) {
        if (!a->teacher[k]) return false;
    }
    return true;
}

bool valid(const palimpsest_snapshot_reconstruction_args* a, int64_t word_begin, int64_t word_end) {
    if (!a || !a->weights || !a->planes || !a->out || a->count < 0 || a->plane_count < 1 || a->plane_count > 8) return false;
    if (a->step < 0 || a->step >> a->plane_count != 0) return false;
    if (a->channel_scale && a->weights_per_channel < 1) return false;
    return 0 <= word_begin && word_begin <= word_end && word_end <= a->count / 64 + (a->count % 64 != 0);
}

}  // namespace

int32_t palimpsest_abi_version(void) { return PALIMPSEST_ABI_VERSION; }

const char* palimpsest_compiler(void) { return "g++ " __VERSION__; }

int32_t palimpsest_isa_supported(int32_t isa) {
    switch (isa) {
        case PALIMPSEST_BASELINE: return 1;
        case PALIMPSEST_AVX2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
        case PALIMPSEST_AVX512:
            return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
                   __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("fma");
        default: return 0;
    }
}

#define PALIMPSEST_CALL(name, isa, ...)                                  \
    do {                                                                 \
        if (!palimpsest_isa_supported(isa)) return PALIMPSEST_UNSUPPORTED_ISA; \
        if (isa == PALIMPSEST_AVX512) {                                  \
            name##_avx512(__VA_ARGS__);                                  \
        } else if (isa == PALIMPSEST_AVX2) {                             \
            name##_avx2(__VA_ARGS__);                                    \
        } else {                                                         \
            name##_baseline(__VA_ARGS__);                                \
        }                                                                \
        return PALIMPSEST_OK;                                            \
    } while (0)

int64_t palimpsest_multi_teacher_kl_scratch(const palimpsest_multi_teacher_kl_args* a) {
    if (!a || a->classes < 1 || a->teachers < 0) return -1;
    int64_t widest = 0;
    for (int64_t k = 0; k < a->teachers; k++) {
        int64_t n = a->class_end[k] - a->class_begin[k];
        if (n > widest) widest = n;
    }
    // A record of at most 64 bytes a teacher; exponentials in whole vectors for the teachers and the student, and the student's distances.
    return 64 * a->teachers + (a->teachers + 2) * ((widest + 15) / 16 * 64);
}

int32_t palimpsest_multi_teacher_kl(
    int32_t isa, const palimpsest_multi_teacher_kl_args* args, int64_t row_begin, int64_t row_end, void* scratch, double* row_loss) {
    if (!valid(args) || !scratch || !row_loss || !valid_rows(args->rows, row_begin, row_end)) return PALIMPSEST_INVALID_ARGUMENT;
    PALIMPSEST_CALL(palimpsest_multi_teacher_kl, isa, args, row_begin, row_end, scratch, row_loss);
}

int64_t palimpsest_feature_mse_scratch(const palimpsest_feature_mse_args* a) {
    return a && a->teachers >= 0 ? 64 * (a->teachers + 1) : -1;
}

int32_t palimpsest_feature_mse(
    int32_t isa, const palimpsest_feature_mse_args* args, int64_t row_begin, int64_t row_end, void* scratch, double* row_loss) {
    if (!valid(args) || !scratch || !row_loss || !valid_rows(args->rows, row_begin, row_end)) return PALIMPSEST_INVALID_ARGUMENT;
    PALIMPSEST_CALL(palimpsest_feature_mse, isa, args, row_begin, row_end, scratch, row_loss);
}

int32_t palimpsest_snapshot_reconstruction(
    int32_t isa, const palimpsest_snapshot_reconstruction_args* args, int64_t word_begin, int64_t word_end) {
    if (!valid(args, word_begin, word_end)) return PALIMPSEST_INVALID_ARGUMENT;
    PALIMPSEST_CALL(palimpsest_snapshot_reconstruction, isa, args, word_begin, word_end);
}

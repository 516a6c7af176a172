// What each kernel file defines once per instruction set, for library.cpp to choose from.
#pragma once

#include <palimpsest.h>

#define PALIMPSEST_FOR_EACH_ISA(declare) declare(_baseline) declare(_avx2) declare(_avx512)

#define PALIMPSEST_DECLARE(suffix)                                                                                                    \
    void palimpsest_multi_teacher_kl##suffix(                                                                                         \
        const palimpsest_multi_teacher_kl_args* args, int64_t row_begin, int64_t row_end, void* scratch, double* losses);             \
    void palimpsest_feature_mse##suffix(                                                                                              \
        const palimpsest_feature_mse_args* args, int64_t row_begin, int64_t row_end, void* scratch, double* losses);                  \
    void palimpsest_snapshot_reconstruction##suffix(                                                                                  \
        const palimpsest_snapshot_reconstruction_args* args, int64_t word_begin, int64_t word_end);

PALIMPSEST_FOR_EACH_ISA(PALIMPSEST_DECLARE)

// What stands between the functions of palimpsest.h and the kernels: declarations from kernels.def, which library.cpp
// uses and the kernels' files define.
#pragma once

#include <palimpsest.h>

// Of a kernel over rows, and of one over a range of parts: once per instruction set, in <name>/<name>.cpp.
#define PALIMPSEST_ROWS(function, name) \
    void function(                      \
        const palimpsest_##name##_args* args, int64_t row_begin, int64_t row_end, void* scratch, double* row_loss);
#define PALIMPSEST_RANGE(function, name) \
    void function(const palimpsest_##name##_args* args, int64_t begin, int64_t end);

#define ROW_KERNEL(name)                                \
    PALIMPSEST_ROWS(palimpsest_##name##_baseline, name) \
    PALIMPSEST_ROWS(palimpsest_##name##_avx2, name)     \
    PALIMPSEST_ROWS(palimpsest_##name##_avx512, name)
#define RANGE_KERNEL(name)                               \
    PALIMPSEST_RANGE(palimpsest_##name##_baseline, name) \
    PALIMPSEST_RANGE(palimpsest_##name##_avx2, name)     \
    PALIMPSEST_RANGE(palimpsest_##name##_avx512, name)
#include "../kernels.def"

#undef PALIMPSEST_ROWS
#undef PALIMPSEST_RANGE

// Whether the range lies inside of the work and every argument is as palimpsest.h wants it; in <name>/<name>_host.cpp.
#define ROW_KERNEL(name) \
    bool palimpsest_valid(const palimpsest_##name##_args* args, int64_t row_begin, int64_t row_end);
#define RANGE_KERNEL(name) bool palimpsest_valid(const palimpsest_##name##_args* args, int64_t begin, int64_t end);
#include "../kernels.def"

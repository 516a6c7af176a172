// The exported functions that every kernel has, from kernels.def: they check their arguments and pass on to the
// variant for the instruction set. What only one kernel has is in its <name>_host.cpp.
#include <stddef.h>

#include "cuda/launch.h"
#include "simd/arguments.h"
#include "simd/kernels.h"

int32_t palimpsest_abi_version(void) { return PALIMPSEST_ABI_VERSION; }

const char* palimpsest_compiler(void) { return "g++ " __VERSION__; }

int32_t palimpsest_isa_supported(int32_t isa) {
    switch (isa) {
        case PALIMPSEST_BASELINE: return 1;
        case PALIMPSEST_AVX2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
        case PALIMPSEST_AVX512:
            return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                   __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl") &&
                   __builtin_cpu_supports("fma");
        default: return 0;
    }
}

#define PALIMPSEST_CALL(name, isa, ...)                                        \
    do {                                                                       \
        if (!palimpsest_isa_supported(isa)) return PALIMPSEST_UNSUPPORTED_ISA; \
        if (isa == PALIMPSEST_AVX512) {                                        \
            palimpsest_##name##_avx512(__VA_ARGS__);                           \
        } else if (isa == PALIMPSEST_AVX2) {                                   \
            palimpsest_##name##_avx2(__VA_ARGS__);                             \
        } else {                                                               \
            palimpsest_##name##_baseline(__VA_ARGS__);                         \
        }                                                                      \
        return PALIMPSEST_OK;                                                  \
    } while (0)

#define ROW_KERNEL(name)                                                                                     \
    int32_t palimpsest_##name(int32_t isa, const palimpsest_##name##_args* args, int64_t begin, int64_t end, \
        void* scratch, double* row_loss) {                                                                   \
        if (!palimpsest_valid(args, begin, end) || !given(row_loss)) return PALIMPSEST_INVALID_ARGUMENT;     \
        if (!scratch || !aligned_to(64, scratch)) return PALIMPSEST_INVALID_ARGUMENT;                        \
        PALIMPSEST_CALL(name, isa, args, begin, end, scratch, row_loss);                                     \
    }
#define RANGE_KERNEL(name)                                                                                     \
    int32_t palimpsest_##name(int32_t isa, const palimpsest_##name##_args* args, int64_t begin, int64_t end) { \
        if (!palimpsest_valid(args, begin, end)) return PALIMPSEST_INVALID_ARGUMENT;                           \
        PALIMPSEST_CALL(name, isa, args, begin, end);                                                          \
    }
#include "kernels.def"

namespace {

// One after another: a struct's fields need its name.
#define PALIMPSEST_ROW(type, name) {#name, #type, offsetof(Struct, name), sizeof(Struct::name)},
#define STRUCT(name, FIELDS)                                                   \
    struct FieldsOf_##name {                                                   \
        using Struct = name;                                                   \
        static constexpr palimpsest_field fields[] = {FIELDS(PALIMPSEST_ROW)}; \
    };
#include "kernels.def"

#define STRUCT(name, FIELDS) \
    {#name, sizeof(name), sizeof(FieldsOf_##name::fields) / sizeof(palimpsest_field), FieldsOf_##name::fields},
constexpr palimpsest_struct STRUCTS[] = {
#include "kernels.def"
};

using namespace palimpsest_cuda;
#define KERNEL(source, name, geometry, work, ...) \
    {#name, #source, #__VA_ARGS__, #work, geometry.threads, geometry.items, geometry.shared_bytes},
constexpr palimpsest_cuda_kernel CUDA_KERNELS[] = {
#include "kernels.def"
};

}  // namespace

const palimpsest_struct* palimpsest_structs(int64_t* count) {
    if (count) *count = sizeof(STRUCTS) / sizeof(STRUCTS[0]);
    return STRUCTS;
}

const palimpsest_cuda_kernel* palimpsest_cuda_kernels(int64_t* count) {
    if (count) *count = sizeof(CUDA_KERNELS) / sizeof(CUDA_KERNELS[0]);
    return CUDA_KERNELS;
}

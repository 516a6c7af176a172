/*
 * The whole C interface of libpalimpsest.
 *
 * Every call works on a range of rows (or of 64-weight words) into memory that the caller owns, allocates nothing, keeps no pointer and
 * no state, and returns a palimpsest_status. Callers split ranges over threads as they like: no sum crosses a range, so the bits never
 * depend on how the work was split. Formulas, bytes moved and the order of reduction are in kernels/<name>/<name>.md.
 *
 * All fields of the argument structs are 8 bytes wide. Strides count float32 values between the starts of consecutive rows.
 */
#ifndef PALIMPSEST_H
#define PALIMPSEST_H

#include <stdint.h>

#if defined(PALIMPSEST_BUILDING)
#define PALIMPSEST_API __attribute__((visibility("default")))
#else
#define PALIMPSEST_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* Grows whenever a signature or a struct below changes. */
#define PALIMPSEST_ABI_VERSION 1

typedef enum palimpsest_status {
    PALIMPSEST_OK = 0,
    PALIMPSEST_INVALID_ARGUMENT = 1, /* a null pointer, a negative size, or a range outside the data */
    PALIMPSEST_UNSUPPORTED_ISA = 2   /* this processor or operating system lacks the instruction set asked for */
} palimpsest_status;

typedef enum palimpsest_isa {
    PALIMPSEST_BASELINE = 0, /* SSE2, which every x86-64 has */
    PALIMPSEST_AVX2 = 1,     /* AVX2 and FMA */
    PALIMPSEST_AVX512 = 2    /* AVX-512 F, BW, DQ and VL */
} palimpsest_isa;

/* PALIMPSEST_ABI_VERSION of the library that was loaded. */
PALIMPSEST_API int32_t palimpsest_abi_version(void);

/* 1 if this machine runs that palimpsest_isa, else 0. */
PALIMPSEST_API int32_t palimpsest_isa_supported(int32_t isa);

/* The compiler that built the library; static storage. */
PALIMPSEST_API const char* palimpsest_compiler(void);

typedef struct palimpsest_multi_teacher_kl_args {
    int64_t rows;                  /* B, at least 1; losses and gradients are those of the mean over B rows */
    int64_t classes;               /* C, columns of student and gradient */
    int64_t teachers;              /* K */
    double temperature;            /* T, finite and above 0 */
    const float* student;          /* [B, C] logits */
    int64_t student_stride;
    const float* const* teacher;   /* K pointers to [B, class_end[k] - class_begin[k]] logits */
    const int64_t* teacher_stride; /* K strides */
    const int64_t* class_begin;    /* K starts of half-open class ranges in [0, C] */
    const int64_t* class_end;
    const float* weight;           /* [B, K]; a teacher whose weight in a row is 0 is not read there */
    int64_t weight_stride;
    float* gradient;               /* [B, C], overwritten; must not overlap the inputs */
    int64_t gradient_stride;
} palimpsest_multi_teacher_kl_args;

/* Bytes of scratch that one thread needs for these arguments (class ranges and K are looked at); -1 if they are invalid. */
PALIMPSEST_API int64_t palimpsest_multi_teacher_kl_scratch(const palimpsest_multi_teacher_kl_args* args);

/*
 * Writes the gradient rows [row_begin, row_end) and, for each, row_loss[row] = sum over k of w[row,k] T^2 KL(teacher k || student);
 * the loss is the sum of row_loss in row order, divided by B. scratch is aligned to 64 bytes.
 */
PALIMPSEST_API int32_t palimpsest_multi_teacher_kl(
    int32_t isa, const palimpsest_multi_teacher_kl_args* args, int64_t row_begin, int64_t row_end, void* scratch, double* row_loss);

typedef struct palimpsest_feature_mse_args {
    int64_t rows;                  /* B, at least 1 */
    int64_t dims;                  /* D */
    int64_t teachers;              /* K */
    const float* student;          /* [B, D] features */
    int64_t student_stride;
    const float* const* teacher;   /* K pointers to [B, D] features */
    const int64_t* teacher_stride; /* K strides */
    const float* weight;           /* [B, K]; a teacher whose weight in a row is 0 is not read there */
    int64_t weight_stride;
    float* gradient;               /* [B, D], overwritten; must not overlap the inputs */
    int64_t gradient_stride;
} palimpsest_feature_mse_args;

/* Bytes of scratch that one thread needs; -1 if the arguments are invalid. */
PALIMPSEST_API int64_t palimpsest_feature_mse_scratch(const palimpsest_feature_mse_args* args);

/* As palimpsest_multi_teacher_kl, with row_loss[row] = sum over k of w[row,k] ||student - teacher k||^2. */
PALIMPSEST_API int32_t palimpsest_feature_mse(
    int32_t isa, const palimpsest_feature_mse_args* args, int64_t row_begin, int64_t row_end, void* scratch, double* row_loss);

typedef struct palimpsest_snapshot_reconstruction_args {
    int64_t count;               /* weights */
    const float* weights;        /* [count] */
    const uint64_t* planes;      /* [ceil(count / 64), plane_count] words: bit j of word (i, p) is bit p of the code of weight 64 i + j */
    int64_t plane_count;         /* 1 to 8 */
    int64_t step;                /* weights with 0 < code <= step are kept; 0 to 2^plane_count - 1 */
    const float* channel_scale;  /* null, or one factor for each run of weights_per_channel weights */
    int64_t weights_per_channel; /* at least 1 when channel_scale is given, otherwise ignored */
    float* out;                  /* [count], overwritten; may be the same memory as weights */
} palimpsest_snapshot_reconstruction_args;

/* Rebuilds the weights of the words [word_begin, word_end), 64 weights a word: kept bit for bit (times the scale), the others +0. */
PALIMPSEST_API int32_t palimpsest_snapshot_reconstruction(
    int32_t isa, const palimpsest_snapshot_reconstruction_args* args, int64_t word_begin, int64_t word_end);

/*
 * The CUDA kernels (kernels/<name>/<name>.cu) take the structs above by value, with every pointer, also those in the struct's arrays, an
 * address on the device; the first two also take row_loss [B]. They are called palimpsest_cuda_<kernel>_<variant>_<type of the teachers>,
 * as palimpsest_cuda_multi_teacher_kl_wide_float32 (float32, bfloat16 or float16; teachers' strides then count 16-bit values), and
 * palimpsest_cuda_snapshot_reconstruction. They check nothing: the caller validates, and asks here how to launch.
 */
typedef enum palimpsest_cuda_variant {
    PALIMPSEST_CUDA_NARROW = 0,   /* a warp takes a row */
    PALIMPSEST_CUDA_WIDE = 1,     /* a block takes a row and keeps it on chip */
    PALIMPSEST_CUDA_STREAMING = 2 /* a block takes a row that does not fit on chip and reads it more than once */
} palimpsest_cuda_variant;

typedef struct palimpsest_cuda_launch {
    int64_t variant;
    int64_t blocks;
    int64_t threads;      /* of each block */
    int64_t shared_bytes; /* of each block; above 48 KiB the kernel must be allowed to take them */
} palimpsest_cuda_launch;

/*
 * Around the first two, without the host: palimpsest_cuda_row_loss_table(words, int64_t* out, int64_t count) writes a table of up to 64
 * words that come with the launch, one block of 64 threads; palimpsest_cuda_row_loss_mean(const double* row_loss, int64_t rows,
 * double* loss) makes the loss of the row losses, one block of 32 threads.
 */
typedef struct palimpsest_cuda_words {
    int64_t value[64];
} palimpsest_cuda_words;

/* widest is the largest class range; shared_limit what a block may take on the device at most. Invalid where no launch is possible. */
PALIMPSEST_API int32_t palimpsest_multi_teacher_kl_cuda_launch(
    int64_t rows, int64_t classes, int64_t widest, int64_t teachers, int64_t shared_limit, palimpsest_cuda_launch* launch);

PALIMPSEST_API int32_t palimpsest_feature_mse_cuda_launch(
    int64_t rows, int64_t dims, int64_t teachers, int64_t shared_limit, palimpsest_cuda_launch* launch);

/* count is at least 1: no weights, no launch. */
PALIMPSEST_API int32_t palimpsest_snapshot_reconstruction_cuda_launch(int64_t count, palimpsest_cuda_launch* launch);

#ifdef __cplusplus
}
#endif

#endif

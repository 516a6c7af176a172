/*
 * The whole C interface of libpalimpsest.
 *
 * Every call works on a range of rows (or of 64-weight words) into memory that the caller owns, allocates nothing,
 * keeps no pointer and no state, and returns a palimpsest_status. Callers split ranges over threads as they like: no
 * sum crosses a range, so the bits never depend on how the work was split. Formulas, bytes moved and the order of
 * reduction are in kernels/<name>/<name>.md.
 *
 * The argument structs are written as lists of FIELD(type, name), so that the library can also hand them out
 * (palimpsest_structs). All their fields are 8 bytes wide. Strides count float32 values between the starts of
 * consecutive rows: at least 0, and at least a row where rows are written. Pointers are aligned to what they point to.
 */
#ifndef PALIMPSEST_H
#define PALIMPSEST_H

#include <stdint.h>

#if defined(PALIMPSEST_BUILDING)
#define PALIMPSEST_API __attribute__((visibility("default")))
#else
#define PALIMPSEST_API
#endif

#define PALIMPSEST_FIELD(type, name) type name;

#ifdef __cplusplus
extern "C" {
#endif

/* Grows whenever a signature or a struct below changes. */
#define PALIMPSEST_ABI_VERSION 3

typedef enum palimpsest_status {
    PALIMPSEST_OK = 0,
    PALIMPSEST_INVALID_ARGUMENT = 1, /* a null or misaligned pointer, a negative size or stride, sizes whose product */
                                     /* overflows, or a range outside the data */
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

#define PALIMPSEST_MULTI_TEACHER_KL_FIELDS(FIELD)                                                            \
    FIELD(int64_t, rows)         /* B, at least 1; losses and gradients are those of the mean over B rows */ \
    FIELD(int64_t, classes)      /* C, columns of student and gradient */                                    \
    FIELD(int64_t, teachers)     /* K */                                                                     \
    FIELD(double, temperature)   /* T, 1e-30 to 1e30 */                                                      \
    FIELD(const float*, student) /* [B, C] logits */                                                         \
    FIELD(int64_t, student_stride)                                                                           \
    FIELD(const float* const*, teacher)   /* K pointers to [B, class_end[k] - class_begin[k]] logits */      \
    FIELD(const int64_t*, teacher_stride) /* K strides */                                                    \
    FIELD(const int64_t*, class_begin)    /* K starts of half-open class ranges in [0, C] */                 \
    FIELD(const int64_t*, class_end)                                                                         \
    FIELD(const float*, weight) /* [B, K]; a teacher whose weight in a row is 0 is not read there */         \
    FIELD(int64_t, weight_stride)                                                                            \
    FIELD(float*, gradient) /* [B, C], overwritten; must not overlap the inputs */                           \
    FIELD(int64_t, gradient_stride)
typedef struct palimpsest_multi_teacher_kl_args {
    PALIMPSEST_MULTI_TEACHER_KL_FIELDS(PALIMPSEST_FIELD)
} palimpsest_multi_teacher_kl_args;

/* Bytes of scratch that one thread needs (class ranges and K are looked at); -1 if the arguments are invalid. */
PALIMPSEST_API int64_t palimpsest_multi_teacher_kl_scratch(const palimpsest_multi_teacher_kl_args* args);

/*
 * Writes the gradient rows [row_begin, row_end) and, for each, row_loss[row] = sum over k of w[row,k] T^2 KL(teacher k
 * || student); the loss is the sum of row_loss in row order, divided by B. scratch is aligned to 64 bytes.
 */
PALIMPSEST_API int32_t palimpsest_multi_teacher_kl(int32_t isa, const palimpsest_multi_teacher_kl_args* args,
    int64_t row_begin, int64_t row_end, void* scratch, double* row_loss);

#define PALIMPSEST_FEATURE_MSE_FIELDS(FIELD)                                                                   \
    FIELD(int64_t, rows)         /* B, at least 1 */                                                           \
    FIELD(int64_t, dims)         /* D */                                                                       \
    FIELD(int64_t, teachers)     /* K */                                                                       \
    FIELD(const float*, student) /* [B, D] features */                                                         \
    FIELD(int64_t, student_stride)                                                                             \
    FIELD(const float* const*, teacher)   /* K pointers to [B, D] features */                                  \
    FIELD(const int64_t*, teacher_stride) /* K strides */                                                      \
    FIELD(const float*, weight)           /* [B, K]; a teacher whose weight in a row is 0 is not read there */ \
    FIELD(int64_t, weight_stride)                                                                              \
    FIELD(float*, gradient) /* [B, D], overwritten; must not overlap the inputs */                             \
    FIELD(int64_t, gradient_stride)
typedef struct palimpsest_feature_mse_args {
    PALIMPSEST_FEATURE_MSE_FIELDS(PALIMPSEST_FIELD)
} palimpsest_feature_mse_args;

/* Bytes of scratch that one thread needs; -1 if the arguments are invalid. */
PALIMPSEST_API int64_t palimpsest_feature_mse_scratch(const palimpsest_feature_mse_args* args);

/* As palimpsest_multi_teacher_kl, with row_loss[row] = sum over k of w[row,k] ||student - teacher k||^2. */
PALIMPSEST_API int32_t palimpsest_feature_mse(int32_t isa, const palimpsest_feature_mse_args* args, int64_t row_begin,
    int64_t row_end, void* scratch, double* row_loss);

#define PALIMPSEST_SNAPSHOT_RECONSTRUCTION_FIELDS(FIELD)                                                              \
    FIELD(int64_t, count)               /* weights */                                                                 \
    FIELD(const float*, weights)        /* [count] */                                                                 \
    FIELD(const uint64_t*, planes)      /* [ceil(count / 64), plane_count] words: bit j of word (i, p) is bit p of */ \
                                        /* the code of weight 64 i + j */                                             \
    FIELD(int64_t, plane_count)         /* 1 to 8 */                                                                  \
    FIELD(int64_t, step)                /* weights with 0 < code <= step are kept; 0 to 2^plane_count - 1 */          \
    FIELD(const float*, channel_scale)  /* null, or one factor for each run of weights_per_channel weights */         \
    FIELD(int64_t, weights_per_channel) /* at least 1 when channel_scale is given, otherwise ignored */               \
    FIELD(float*, out)                  /* [count], overwritten; may be the same memory as weights */
typedef struct palimpsest_snapshot_reconstruction_args {
    PALIMPSEST_SNAPSHOT_RECONSTRUCTION_FIELDS(PALIMPSEST_FIELD)
} palimpsest_snapshot_reconstruction_args;

/* Rebuilds the weights of the words [word_begin, word_end), 64 each: kept bit for bit (times the scale), others +0. */
PALIMPSEST_API int32_t palimpsest_snapshot_reconstruction(
    int32_t isa, const palimpsest_snapshot_reconstruction_args* args, int64_t word_begin, int64_t word_end);

/*
 * Passes over activations [images, channels / width, positions, width] (channels last where width is all channels).
 * Each reads and writes what its line says; other pointers are not looked at.
 */
typedef enum palimpsest_batch_norm_pass {
    PALIMPSEST_MOMENTS = 0,       /* x -> sums: mean, and sum of (x - mean)^2, over the positions of each image */
    PALIMPSEST_NORMALISE = 1,     /* x, first, second, residual -> out = x * first + second (+ residual), then ReLU */
    PALIMPSEST_GRADIENT_SUMS = 2, /* gradient, x, mean -> sums: of g', of g' * (x - mean), for each image */
    PALIMPSEST_NORM_GRADIENT = 3  /* gradient, x, mean, first to third -> out = first * g' + (second * (x - mean) + */
                                  /* third); second null: out = first * g', without mean and third */
} palimpsest_batch_norm_pass;

#define PALIMPSEST_BATCH_NORM_FIELDS(FIELD)                                                                   \
    FIELD(int64_t, pass)   /* a palimpsest_batch_norm_pass */                                                 \
    FIELD(int64_t, images) /* N */                                                                            \
    FIELD(int64_t, channels)                                                                                  \
    FIELD(int64_t, width) /* divides channels */                                                              \
    FIELD(int64_t, positions)                                                                                 \
    FIELD(const float*, x)                                                                                    \
    FIELD(const float*, residual)   /* null for none */                                                       \
    FIELD(const float*, relu_scale) /* null: g' is the gradient; else g' is 0 unless x * scale + shift > 0 */ \
    FIELD(const float*, relu_shift) /* [channels], as the scale */                                            \
    FIELD(const float*, gradient)                                                                             \
    FIELD(const float*, mean)  /* [channels] */                                                               \
    FIELD(const float*, first) /* [channels], as are the next two */                                          \
    FIELD(const float*, second)                                                                               \
    FIELD(const float*, third)                                                                                \
    FIELD(int64_t, relu) /* 0 or 1: whether PALIMPSEST_NORMALISE ends with max(0, .) */                       \
    FIELD(float*, out)   /* may be the memory of residual or gradient */                                      \
    FIELD(float*, sums)  /* [images, 2, channels] */
typedef struct palimpsest_batch_norm_args {
    PALIMPSEST_BATCH_NORM_FIELDS(PALIMPSEST_FIELD)
} palimpsest_batch_norm_args;

/* One pass over the images [image_begin, image_end). */
PALIMPSEST_API int32_t palimpsest_batch_norm(
    int32_t isa, const palimpsest_batch_norm_args* args, int64_t image_begin, int64_t image_end);

typedef enum palimpsest_elementwise_operation {
    PALIMPSEST_ADD = 0,           /* a + b */
    PALIMPSEST_ADD_RELU = 1,      /* max(0, a + b) */
    PALIMPSEST_RELU = 2,          /* max(0, a) */
    PALIMPSEST_RELU_GRADIENT = 3, /* a where b is above 0, else 0 */
    PALIMPSEST_SUM = 4            /* a[i] + a[i + stride] + ..., of `terms` terms in this order */
} palimpsest_elementwise_operation;

#define PALIMPSEST_ELEMENTWISE_FIELDS(FIELD)                                               \
    FIELD(int64_t, operation) /* a palimpsest_elementwise_operation */                     \
    FIELD(int64_t, count)                                                                  \
    FIELD(const float*, a)                                                                 \
    FIELD(const float*, b) /* not looked at by PALIMPSEST_RELU and _SUM */                 \
    FIELD(float*, out)     /* may be the memory of a or b */                               \
    FIELD(int64_t, terms)  /* at least 1, as the next looked at by PALIMPSEST_SUM alone */ \
    FIELD(int64_t, stride)
typedef struct palimpsest_elementwise_args {
    PALIMPSEST_ELEMENTWISE_FIELDS(PALIMPSEST_FIELD)
} palimpsest_elementwise_args;

/* The elements [begin, end). max(0, x) keeps -0 and NaN. */
PALIMPSEST_API int32_t palimpsest_elementwise(
    int32_t isa, const palimpsest_elementwise_args* args, int64_t begin, int64_t end);

/*
 * Convolutions 3 x 3 of stride 1 and padding 1 by Winograd's F(2 x 2, 3 x 3), over activations [images, channels / 16,
 * height, width, 16]. C inputs and K outputs are multiples of 16. Each pass reads x and writes out:
 */
typedef enum palimpsest_winograd_pass {
    PALIMPSEST_WINOGRAD_WEIGHTS =
        0, /* weights [K, C, 3, 3] -> transformed [16, K / 16, C, 16], by blocks of outputs */
    PALIMPSEST_WINOGRAD_CONVOLVE = 1, /* activations, transformed (bias, residual) -> activations, by images */
    PALIMPSEST_WINOGRAD_GRADIENT = 2, /* activations, gradient -> [parts, 9, K / 16, C, 16], by parts */
    PALIMPSEST_WINOGRAD_ADD = 3       /* one such part -> is added to [K, C, 3, 3], by blocks of outputs */
} palimpsest_winograd_pass;

#define PALIMPSEST_WINOGRAD_FIELDS(FIELD)                                                                            \
    FIELD(int64_t, pass)   /* a palimpsest_winograd_pass */                                                          \
    FIELD(int64_t, images) /* N */                                                                                   \
    FIELD(int64_t, inputs)                                                                                           \
    FIELD(int64_t, outputs)                                                                                          \
    FIELD(int64_t, height)                                                                                           \
    FIELD(int64_t, width)                                                                                            \
    FIELD(int64_t, flipped) /* 0 or 1: the weights are [C, K, 3, 3] and turned by 180 degrees, as the gradient by */ \
                            /* the images has them */                                                                \
    FIELD(int64_t, part)    /* images of a part, 1 to N (1 where N is 0); the last may have fewer */                 \
    FIELD(const float*, x)                                                                                           \
    FIELD(const float*, transformed)                                                                                 \
    FIELD(const float*, gradient) /* of the outputs */                                                               \
    FIELD(const float*, bias)     /* [K], null for none */                                                           \
    FIELD(const float*, residual) /* null for none; is added before the ReLU */                                      \
    FIELD(int64_t, relu)          /* 0 or 1: whether PALIMPSEST_WINOGRAD_CONVOLVE ends with max(0, .) */             \
    FIELD(float*, out)            /* may be the memory of residual */                                                \
    FIELD(float*, scratch)        /* of the calling thread; palimpsest_winograd_scratch bytes, aligned to 64 */
typedef struct palimpsest_winograd_args {
    PALIMPSEST_WINOGRAD_FIELDS(PALIMPSEST_FIELD)
} palimpsest_winograd_args;

/* Bytes of scratch that the pass needs for so many channels; -1 if the arguments are invalid. */
PALIMPSEST_API int64_t palimpsest_winograd_scratch(const palimpsest_winograd_args* args);

/* One pass over [begin, end) of what its line says. */
PALIMPSEST_API int32_t palimpsest_winograd(
    int32_t isa, const palimpsest_winograd_args* args, int64_t begin, int64_t end);

/*
 * The CUDA kernels (kernels/<name>/<name>.cu) take the structs above by value, with every pointer, also those in the
 * struct's arrays, an address on the device; the first two also take row_loss [B]. They are called
 * palimpsest_cuda_<kernel>_<variant>_<type of the teachers>, as palimpsest_cuda_multi_teacher_kl_wide_float32
 * (float32, bfloat16 or float16; teachers' strides then count 16-bit values), and
 * palimpsest_cuda_snapshot_reconstruction. They check nothing: the caller validates, and asks here how to launch.
 */
typedef enum palimpsest_cuda_variant {
    PALIMPSEST_CUDA_NARROW = 0,   /* a warp takes a row */
    PALIMPSEST_CUDA_WIDE = 1,     /* a block takes a row and keeps it on chip */
    PALIMPSEST_CUDA_STREAMING = 2 /* a block takes a row that does not fit on chip and reads it more than once */
} palimpsest_cuda_variant;

#define PALIMPSEST_CUDA_LAUNCH_FIELDS(FIELD)         \
    FIELD(int64_t, variant)                          \
    FIELD(int64_t, blocks)                           \
    FIELD(int64_t, threads)      /* of each block */ \
    FIELD(int64_t, shared_bytes) /* of each block; above 48 KiB the kernel must be allowed to take them */
typedef struct palimpsest_cuda_launch {
    PALIMPSEST_CUDA_LAUNCH_FIELDS(PALIMPSEST_FIELD)
} palimpsest_cuda_launch;

/*
 * Around the first two, without the host: palimpsest_cuda_row_loss_table(words, int64_t* out, int64_t count) writes a
 * table of up to 64 words that come with the launch, one block of 64 threads; palimpsest_cuda_row_loss_mean(const
 * double* row_loss, int64_t rows, double* loss) makes the loss of the row losses, one block of 32 threads.
 */
typedef int64_t palimpsest_cuda_word_table[64];
#define PALIMPSEST_CUDA_WORDS_FIELDS(FIELD) FIELD(palimpsest_cuda_word_table, value)
typedef struct palimpsest_cuda_words {
    PALIMPSEST_CUDA_WORDS_FIELDS(PALIMPSEST_FIELD)
} palimpsest_cuda_words;

/* What the optimiser's kernels find in their table for each parameter; a block takes weights of one parameter only. */
#define PALIMPSEST_CUDA_PARAMETER_FIELDS(FIELD)                      \
    FIELD(float*, value)                                             \
    FIELD(float*, gradient)                                          \
    FIELD(float*, first_state) /* null: the optimiser keeps none */  \
    FIELD(float*, second_state)                                      \
    FIELD(const unsigned char*, mask) /* null: every weight moves */ \
    FIELD(int64_t, size)              /* weights */                  \
    FIELD(int64_t, first_block)       /* number of the block that takes its first weights */
typedef struct palimpsest_cuda_parameter {
    PALIMPSEST_CUDA_PARAMETER_FIELDS(PALIMPSEST_FIELD)
} palimpsest_cuda_parameter;

/* The same for palimpsest_cuda_follow: a target, and the source that it moves towards. */
#define PALIMPSEST_CUDA_PAIR_FIELDS(FIELD)                                           \
    FIELD(float*, target)                                                            \
    FIELD(const float*, source)                                                      \
    FIELD(int64_t, kept_bits) /* of the share of the target that stays, a float32 */ \
    FIELD(int64_t, size)                                                             \
    FIELD(int64_t, first_block)
typedef struct palimpsest_cuda_pair {
    PALIMPSEST_CUDA_PAIR_FIELDS(PALIMPSEST_FIELD)
} palimpsest_cuda_pair;

/* widest: the largest class range; shared_limit: what a block may take at most. Invalid where no launch is possible.
 */
PALIMPSEST_API int32_t palimpsest_multi_teacher_kl_cuda_launch(int64_t rows, int64_t classes, int64_t widest,
    int64_t teachers, int64_t shared_limit, palimpsest_cuda_launch* launch);

PALIMPSEST_API int32_t palimpsest_feature_mse_cuda_launch(
    int64_t rows, int64_t dims, int64_t teachers, int64_t shared_limit, palimpsest_cuda_launch* launch);

/* count is at least 1: no weights, no launch. */
PALIMPSEST_API int32_t palimpsest_snapshot_reconstruction_cuda_launch(int64_t count, palimpsest_cuda_launch* launch);

/*
 * The library's list of its structs and CUDA kernels (kernels/kernels.def), for callers that bind at run time: they
 * build layouts and check arguments by it. Static storage; the functions return the first entry and, unless count is
 * null, set how many there are.
 */
typedef struct palimpsest_field {
    const char* name;
    const char* type; /* as C has it, as in "const float*" */
    int64_t offset;
    int64_t bytes;
} palimpsest_field;

typedef struct palimpsest_struct {
    const char* name; /* as in "palimpsest_feature_mse_args" */
    int64_t bytes;
    int64_t field_count;
    const palimpsest_field* fields;
} palimpsest_struct;

/*
 * parameters are as C has them, as in "float* x, int64_t count"; a pointer may be null only if its name ends in
 * _or_null. work is the parameter that says how many work items there are; or "one": a single block; "given": the
 * caller says how many blocks; "plan": palimpsest_<source>_cuda_launch says everything, and the numbers are 0.
 */
typedef struct palimpsest_cuda_kernel {
    const char* name;   /* without palimpsest_cuda_, as in "relu" */
    const char* source; /* stem of its .cu file */
    const char* parameters;
    const char* work;
    int64_t threads;      /* of each block */
    int64_t items;        /* work items that a block takes */
    int64_t shared_bytes; /* of each block */
} palimpsest_cuda_kernel;

PALIMPSEST_API const palimpsest_struct* palimpsest_structs(int64_t* count);
PALIMPSEST_API const palimpsest_cuda_kernel* palimpsest_cuda_kernels(int64_t* count);

#undef PALIMPSEST_FIELD

#ifdef __cplusplus
}
#endif

#endif

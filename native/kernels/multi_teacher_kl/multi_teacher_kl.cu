// Per row: reads 4·C + Σ_k C_k·(bytes of a teacher's element), writes 4·C, each element once while the row fits on
// chip. The twin of multi_teacher_kl.cpp: the same sums in the same order, see cuda/team.cuh.
#include "../cuda/team.cuh"

namespace {

using namespace palimpsest_cuda;
using Args = palimpsest_multi_teacher_kl_args;

// A run of consecutive teachers that cover the same classes shares the student's exponentials.
struct Range {
    int begin;
    int size;
};

__device__ Range range_of(const Args& args, int k) {
    int begin = static_cast<int>(load(args.class_begin + k));
    return {begin, static_cast<int>(load(args.class_end + k)) - begin};
}

__device__ bool operator==(Range a, Range b) { return a.begin == b.begin && a.size == b.size; }

template <class T>
__device__ const T* teacher_row(const Args& args, int k, long long row) {
    return reinterpret_cast<const T*>(load(args.teacher + k)) + row * load(args.teacher_stride + k);
}

// w T² KL, from the two sums over a teacher's exponentials and the logarithm of the student's.
__device__ double divergence(double weight, double t, const Sums& teacher, double log_student) {
    return weight * t * t * (teacher.cross / (teacher.e * t) + (log_student - logarithm(teacher.e)));
}

// cross + e·(d - a). Where e = 0 the student's distance a may be -inf and must not make 0·inf; clamped, d is finite.
__device__ float add_cross(float e, float d, float a, float cross) {
    return __fmaf_rn(e, e > 0 ? d - a : 0.0f, cross);
}

__device__ float gradient_weight(const Args& args, float weight) {
    return static_cast<float>(static_cast<double>(weight) * args.temperature / static_cast<double>(args.rows));
}

__device__ float inverse(double sum) { return static_cast<float>(1.0 / sum); }

template <class Team>
__device__ void load_weights(const Team& team, const Args& args, long long row, float* weight) {
    // Without teachers the stride is not looked at: it may be any number.
    const float* from = args.teachers > 0 ? args.weight + row * args.weight_stride : nullptr;
    for (int k = team.thread; k < static_cast<int>(args.teachers); k += team.threads()) weight[k] = load(from + k);
}

// A row into shared memory, 16 bytes at a time where it is aligned. Returns the largest value that this thread saw.
template <class Team, class T>
__device__ float stage(const Team& team, const T* from, int n, float* to) {
    float most = -__int_as_float(0x7f800000);
    int done = 0;
    if (aligned(from)) {
        constexpr int SIZE = Pack<T>::SIZE;
        done = n / SIZE * SIZE;
        for (int at = SIZE * team.thread; at < done; at += team.threads() * SIZE) {
            Pack<T> pack = load_pack(from + at);
#pragma unroll
            for (int v = 0; v < SIZE; v += 4) {
                *reinterpret_cast<float4*>(to + at + v) =
                    float4{pack.value[v], pack.value[v + 1], pack.value[v + 2], pack.value[v + 3]};
                most = larger(larger(larger(larger(most, pack.value[v]), pack.value[v + 1]), pack.value[v + 2]),
                    pack.value[v + 3]);
            }
        }
    }
    for (int i = done + team.thread; i < n; i += team.threads()) {
        to[i] = widen(load(from + i));
        most = larger(most, to[i]);
    }
    return most;
}

template <class Team>
__device__ void store_row(const Team& team, const float* from, int n, float* to) {
    int done = 0;
    if (aligned(to)) {
        done = n / 4 * 4;
        for (int at = 4 * team.thread; at < done; at += 4 * team.threads()) {
            float4 four = *reinterpret_cast<const float4*>(from + at);
            const float value[4] = {four.x, four.y, four.z, four.w};
            store_pack(to + at, value);
        }
    }
    for (int i = done + team.thread; i < n; i += team.threads()) store(to + i, from[i]);
}

// The row lives in shared memory from its first read to its last write.
template <class Team, class T>
__device__ void resident_row(
    const Team& team, const Args& args, long long row, int widest, float* shared, double* row_loss) {
    const double t = args.temperature;
    const Exponential exponential(t);
    const int classes = static_cast<int>(args.classes);
    const int teachers = static_cast<int>(args.teachers);
    float* student = shared;
    float* gradient = student + padded(classes);
    float* student_e = gradient + padded(classes);
    float* teacher_e = student_e + padded(widest);
    float* weight = teacher_e + padded(widest);

    load_weights(team, args, row, weight);
    stage(team, args.student + row * args.student_stride, classes, student);
    for (int i = team.thread; i < classes; i += team.threads()) gradient[i] = 0;
    PALIMPSEST_SYNC(team);

    double loss = 0;
    int k = 0;
    while (k < teachers) {
        const Range range = range_of(args, k);
        const float* x = student + range.begin;
        float* g = gradient + range.begin;
        float student_top = 0;
        float student_inverse = 0;
        double log_student = 0;
        bool first = true;
        for (; k < teachers && range_of(args, k) == range; k++) {
            const float w = weight[k];
            if (w == 0) continue;
            if (first) {
                float most = x[0];
                for (int i = team.thread; i < range.size; i += team.threads()) most = larger(most, x[i]);
                student_top = team.largest(most);
                Sums sums = sum_elements(team, range.size, [&](int i, float& slot, float&) {
                    float e = exponential(exponential.clamp(x[i] - student_top));
                    student_e[i] = e;
                    slot = slot + e;
                });
                student_inverse = inverse(sums.e);
                if (team.thread == 0) log_student = logarithm(sums.e);
                first = false;
            }
            const float top = team.largest(stage(team, teacher_row<T>(args, k, row), range.size, teacher_e));
            Sums sums = sum_elements(team, range.size, [&](int i, float& slot, float& cross) {
                float clamped = exponential.clamp(teacher_e[i] - top);
                float e = exponential(clamped);
                teacher_e[i] = e;
                slot = slot + e;
                cross = add_cross(e, clamped, x[i] - student_top, cross);
            });
            const float by = gradient_weight(args, w);
            const float teacher_inverse = inverse(sums.e);
            for_each(team, range.size, [&](int i) {
                g[i] = __fmaf_rn(by, student_e[i] * student_inverse - teacher_e[i] * teacher_inverse, g[i]);
            });
            if (team.thread == 0) loss += divergence(w, t, sums, log_student);
            PALIMPSEST_SYNC(
                team);  // the next teacher takes the place of this one, the next range other elements of the gradient
        }
    }
    store_row(team, gradient, classes, args.gradient + row * args.gradient_stride);
    if (team.thread == 0) store(row_loss + row, loss);
}

__device__ int widest_range(const Args& args) {
    int widest = 0;
    for (int k = 0; k < static_cast<int>(args.teachers); k++) widest = max(widest, range_of(args, k).size);
    return widest;
}

template <class T>
__device__ void narrow(const Args& args, double* row_loss) {
    PALIMPSEST_SHARED(shared);
    const int warp = static_cast<int>(threadIdx.x) / WARP;
    const long long row = static_cast<long long>(blockIdx.x) * (blockDim.x / WARP) + warp;
    if (row >= args.rows) return;  // whole warps leave; the others meet no barrier of the block
    const int widest = widest_range(args);
    unsigned char* mine = shared + warp * kl_row_bytes(args.classes, widest, args.teachers);
    resident_row<Warp, T>(Warp(mine), args, row, widest, reinterpret_cast<float*>(mine), row_loss);
}

template <class T>
__device__ void wide(const Args& args, double* row_loss) {
    PALIMPSEST_SHARED(shared);
    const Block team(shared);
    float* floats = reinterpret_cast<float*>(shared + kl_scratch_bytes(team.groups()));
    resident_row<Block, T>(team, args, blockIdx.x, widest_range(args), floats, row_loss);
}

// Largest value of a row in device memory, and the sums over its exponentials; nothing is kept.
template <class T>
__device__ float largest_of(const Block& team, const T* x, int n) {
    float most = -__int_as_float(0x7f800000);
    for (int i = team.thread; i < n; i += team.threads()) most = larger(most, widen(load(x + i)));
    return team.largest(most);
}

// A row that does not fit on chip: maxima, sums and gradient are three passes over device memory (mostly the L2
// cache).
template <class T>
__device__ void streaming(const Args& args, double* row_loss) {
    PALIMPSEST_SHARED(shared);
    const Block team(shared);
    const long long row = blockIdx.x;
    const double t = args.temperature;
    const Exponential exponential(t);
    const int teachers = static_cast<int>(args.teachers);
    float* weight = reinterpret_cast<float*>(shared + kl_scratch_bytes(team.groups()));
    float* top = weight + padded(teachers);
    float* inverse_sum = top + padded(teachers);
    float* by = inverse_sum + padded(teachers);
    int* index = reinterpret_cast<int*>(by + padded(teachers));
    const float* student = args.student + row * args.student_stride;
    float* gradient = args.gradient + row * args.gradient_stride;

    load_weights(team, args, row, weight);
    for (int i = team.thread; i < static_cast<int>(args.classes); i += team.threads()) store(gradient + i, 0.0f);
    PALIMPSEST_SYNC(team);

    double loss = 0;
    int k = 0;
    while (k < teachers) {
        const Range range = range_of(args, k);
        const float* x = student + range.begin;
        float student_top = 0;
        float student_inverse = 0;
        double log_student = 0;
        int active = 0;
        for (; k < teachers && range_of(args, k) == range; k++) {
            const float w = weight[k];
            if (w == 0) continue;
            if (active == 0) {
                student_top = largest_of(team, x, range.size);
                Sums sums = sum_elements(team, range.size, [&](int i, float& slot, float&) {
                    slot = slot + exponential(exponential.clamp(load(x + i) - student_top));
                });
                student_inverse = inverse(sums.e);
                if (team.thread == 0) log_student = logarithm(sums.e);
            }
            const T* from = teacher_row<T>(args, k, row);
            const float teacher_top = largest_of(team, from, range.size);
            Sums sums = sum_elements(team, range.size, [&](int i, float& slot, float& cross) {
                float clamped = exponential.clamp(widen(load(from + i)) - teacher_top);
                float e = exponential(clamped);
                slot = slot + e;
                cross = add_cross(e, clamped, load(x + i) - student_top, cross);
            });
            if (team.thread == 0) {
                loss += divergence(w, t, sums, log_student);
                index[active] = k;
                top[active] = teacher_top;
                inverse_sum[active] = inverse(sums.e);
                by[active] = gradient_weight(args, w);
            }
            active++;
        }
        PALIMPSEST_SYNC(team);  // the teachers' sums
        if (active == 0) continue;
        for_each(team, range.size, [&](int i) {
            float q = exponential(exponential.clamp(load(x + i) - student_top)) * student_inverse;
            float g = load(gradient + range.begin + i);
            for (int a = 0; a < active; a++) {
                float e =
                    exponential(exponential.clamp(widen(load(teacher_row<T>(args, index[a], row) + i)) - top[a]));
                g = __fmaf_rn(by[a], q - e * inverse_sum[a], g);
            }
            store(gradient + range.begin + i, g);
        });
        // The next range touches the gradient and the list only after barriers of its own.
    }
    if (team.thread == 0) store(row_loss + row, loss);
}

}  // namespace

// Seven narrow blocks on a multiprocessor leave a thread 73 registers; without a number the compiler aims at eight and
// spills.
#define PALIMPSEST_KERNELS(type, element)                                                      \
    extern "C" __global__ void __launch_bounds__(WARP* ROWS_A_BLOCK, 7)                        \
        palimpsest_cuda_multi_teacher_kl_narrow_##type(const Args args, double* row_loss) {    \
        narrow<element>(args, row_loss);                                                       \
    }                                                                                          \
    extern "C" __global__ void __launch_bounds__(SLOTS* MOST_GROUPS)                           \
        palimpsest_cuda_multi_teacher_kl_wide_##type(const Args args, double* row_loss) {      \
        wide<element>(args, row_loss);                                                         \
    }                                                                                          \
    extern "C" __global__ void __launch_bounds__(SLOTS* MOST_GROUPS)                           \
        palimpsest_cuda_multi_teacher_kl_streaming_##type(const Args args, double* row_loss) { \
        streaming<element>(args, row_loss);                                                    \
    }

PALIMPSEST_KERNELS(float32, float)
PALIMPSEST_KERNELS(bfloat16, bfloat16)
PALIMPSEST_KERNELS(float16, float16)

// Per row: reads 4·(C + Σ_k C_k) bytes, writes 4·C; the exponentials (4·(K + 2) bytes a class) stay in L1 or L2.
#include "../simd/exponential.h"
#include "../simd/kernels.h"

namespace {

// A teacher whose weight in the current row is not 0.
struct Active {
    int64_t index;
    double sum;             // Σ e, e = exp((t - max t) / T)
    double cross;           // Σ e·((t - max t) - (s - max s))
    const float* e;         // padded to whole vectors with +0
    float gradient_weight;  // w·T / B
    float inverse_sum;
};

struct Sums {
    double e;
    double cross;
};

// One vector of a chunk. The student's pass writes its distances, a teacher's pass reads them. Lanes from n on count
// as +0.
template <bool TEACHER>
inline void step(
    const Exponential& exponential, Vec x, Vec top, int n, float* distance, float* e, Vec& slot, Vec& cross_slot) {
    Vec d = x - top;
    Vec clamped = exponential.clamp(d);
    Vec value = exponential(clamped);
    if (n < LANES) value = keep_first(value, n);
    store(e, value);
    slot = slot + value;
    if (TEACHER) {
        // Where e = 0 the student's distance may be -inf and must not make 0·inf; clamped, the teacher's is finite.
        cross_slot = fma(value, keep_positive(clamped - load(distance), value), cross_slot);
    } else {
        store(distance, d);
    }
}

template <bool TEACHER>
Sums exponentials(const Exponential& exponential, const float* x, int64_t n, float* distance, float* e) {
    const Vec top = splat(largest(x, n));
    Sums sums = {0, 0};
    for (int64_t begin = 0; begin < n; begin += CHUNK) {
        int64_t end = smaller(begin + CHUNK, n);
        Vec slot[SLOT_VECTORS];
        Vec cross_slot[SLOT_VECTORS];
        for (int v = 0; v < SLOT_VECTORS; v++) slot[v] = cross_slot[v] = splat(0);
        int64_t i = begin;
        for (; i + SLOTS <= end; i += SLOTS) {
            for (int v = 0; v < SLOT_VECTORS; v++) {
                int64_t at = i + v * LANES;
                step<TEACHER>(exponential, load(x + at), top, LANES, distance + at, e + at, slot[v], cross_slot[v]);
            }
        }
        int v = 0;
        for (; i + LANES <= end; i += LANES, v++) {
            step<TEACHER>(exponential, load(x + i), top, LANES, distance + i, e + i, slot[v], cross_slot[v]);
        }
        if (i < end) {
            int rest = int(end - i);
            step<TEACHER>(
                exponential, load_first(x + i, rest, top), top, rest, distance + i, e + i, slot[v], cross_slot[v]);
        }
        sums.e += sum_slots(slot);
        if (TEACHER) sums.cross += sum_slots(cross_slot);
    }
    return sums;
}

// gradient += Σ_k w_k·T/B·(q - p_k) over the classes of one range.
void add_gradients(const float* student_e, float student_inverse_sum, const Active* active, int64_t count, int64_t n,
    float* gradient) {
    const Vec inverse = splat(student_inverse_sum);
    for (int64_t i = 0; i < n; i += LANES) {
        int rest = int(smaller(LANES, n - i));
        Vec q = load(student_e + i) * inverse;
        Vec g = rest == LANES ? load(gradient + i) : load_first(gradient + i, rest, q);
        for (int64_t a = 0; a < count; a++) {
            Vec p = load(active[a].e + i) * splat(active[a].inverse_sum);
            g = fma(splat(active[a].gradient_weight), q - p, g);
        }
        if (rest == LANES) {
            store(gradient + i, g);
        } else {
            store_first(gradient + i, g, rest);
        }
    }
}

// One row; `active` and `floats` are scratch.
double row_loss(const palimpsest_multi_teacher_kl_args& args, const Exponential& exponential, int64_t row,
    Active* active, float* floats) {
    const double t = args.temperature;
    const float* student = args.student + row * args.student_stride;
    // Without teachers the stride is not looked at: it may be any number.
    const float* weight = args.teachers > 0 ? args.weight + row * args.weight_stride : nullptr;
    float* gradient = args.gradient + row * args.gradient_stride;
    for (int64_t c = 0; c < args.classes; c++) gradient[c] = 0;

    double loss = 0;
    int64_t k = 0;
    while (k < args.teachers) {
        // A run of consecutive teachers with the same classes shares the student's exponentials.
        int64_t begin = args.class_begin[k];
        int64_t n = args.class_end[k] - begin;
        int64_t padded = (n + LANES - 1) / LANES * LANES;
        float* distance = floats;
        float* student_e = distance + padded;
        float* teacher_e = student_e + padded;
        Sums of_student = {0, 0};
        int64_t count = 0;
        for (; k < args.teachers && args.class_begin[k] == begin && args.class_end[k] - begin == n; k++) {
            if (weight[k] == 0) continue;
            if (count == 0) of_student = exponentials<false>(exponential, student + begin, n, distance, student_e);
            float* e = teacher_e + count * padded;
            Sums sums =
                exponentials<true>(exponential, args.teacher[k] + row * args.teacher_stride[k], n, distance, e);
            active[count++] = {
                k, sums.e, sums.cross, e, float(double(weight[k]) * t / double(args.rows)), float(1.0 / sums.e)};
        }
        if (count == 0) continue;
        double log_student = logarithm(of_student.e);
        for (int64_t a = 0; a < count; a++) {
            double divergence = active[a].cross / (active[a].sum * t) + (log_student - logarithm(active[a].sum));
            loss += double(weight[active[a].index]) * t * t * divergence;
        }
        add_gradients(student_e, float(1.0 / of_student.e), active, count, n, gradient + begin);
    }
    return loss;
}

}  // namespace

void PALIMPSEST_VARIANT(palimpsest_multi_teacher_kl)(
    const palimpsest_multi_teacher_kl_args* args, int64_t row_begin, int64_t row_end, void* scratch, double* losses) {
    const Exponential exponential(args->temperature);
    Active* active = static_cast<Active*>(scratch);
    int64_t records = (args->teachers * int64_t(sizeof(Active)) + 63) / 64 * 64;
    float* floats = reinterpret_cast<float*>(static_cast<char*>(scratch) + records);
    for (int64_t row = row_begin; row < row_end; row++)
        losses[row] = row_loss(*args, exponential, row, active, floats);
}

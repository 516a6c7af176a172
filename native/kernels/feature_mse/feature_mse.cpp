// Per row: reads 4·D·(K + 1) bytes, writes 4·D; nothing is read twice.
#include "../simd/kernels.h"
#include "../simd/simd.h"

namespace {

// A teacher whose weight in the current row is not 0.
struct Active {
    const float* row;
    float weight;
    float gradient_weight;  // 2·w / B
};

constexpr int BLOCK = 4;  // vectors that share one look at a teacher's weights

// Whole vectors at x: each element's terms are added over the teachers in order, then the element to its slot.
template <int VECTORS>
inline void block(const float* x, const Active* active, int64_t count, int64_t at, float* gradient, Vec* slot) {
    Vec f[VECTORS];
    Vec g[VECTORS];
    Vec s[VECTORS];
    for (int v = 0; v < VECTORS; v++) {
        f[v] = load(x + at + v * LANES);
        g[v] = splat(0);
        s[v] = splat(0);
    }
    for (int64_t a = 0; a < count; a++) {
        const Vec weight = splat(active[a].weight);
        const Vec gradient_weight = splat(active[a].gradient_weight);
        for (int v = 0; v < VECTORS; v++) {
            Vec difference = f[v] - load(active[a].row + at + v * LANES);
            g[v] = fma(gradient_weight, difference, g[v]);
            s[v] = fma(weight * difference, difference, s[v]);
        }
    }
    for (int v = 0; v < VECTORS; v++) {
        store(gradient + at + v * LANES, g[v]);
        slot[v] = slot[v] + s[v];
    }
}

// The last elements of a row, fewer than a vector.
inline void rest(const float* x, const Active* active, int64_t count, int64_t at, int n, float* gradient, Vec& slot) {
    const Vec zero = splat(0);
    Vec f = load_first(x + at, n, zero);
    Vec g = zero;
    Vec s = zero;
    for (int64_t a = 0; a < count; a++) {
        Vec difference = f - load_first(active[a].row + at, n, zero);
        g = fma(splat(active[a].gradient_weight), difference, g);
        // Lanes past the end hold 0 - 0, but an infinite weight would make 0·inf of them.
        s = fma(keep_first(splat(active[a].weight) * difference, n), difference, s);
    }
    slot = slot + s;
    store_first(gradient + at, g, n);
}

double row_loss(const palimpsest_feature_mse_args& args, int64_t row, Active* active) {
    const float* x = args.student + row * args.student_stride;
    // Without teachers the stride is not looked at: it may be any number.
    const float* weight = args.teachers > 0 ? args.weight + row * args.weight_stride : nullptr;
    float* gradient = args.gradient + row * args.gradient_stride;
    int64_t count = 0;
    for (int64_t k = 0; k < args.teachers; k++) {
        if (weight[k] == 0) continue;
        float gradient_weight = float(2.0 * double(weight[k]) / double(args.rows));
        active[count++] = {args.teacher[k] + row * args.teacher_stride[k], weight[k], gradient_weight};
    }

    double loss = 0;
    for (int64_t begin = 0; begin < args.dims; begin += CHUNK) {
        int64_t end = smaller(begin + CHUNK, args.dims);
        Vec slot[SLOT_VECTORS];
        for (int v = 0; v < SLOT_VECTORS; v++) slot[v] = splat(0);
        int64_t v = 0;
        int64_t i = begin;
        for (; i + BLOCK * LANES <= end; i += BLOCK * LANES, v += BLOCK) {
            block<BLOCK>(x, active, count, i, gradient, slot + v % SLOT_VECTORS);
        }
        for (; i + LANES <= end; i += LANES, v++) block<1>(x, active, count, i, gradient, slot + v % SLOT_VECTORS);
        if (i < end) rest(x, active, count, i, int(end - i), gradient, slot[v % SLOT_VECTORS]);
        loss += sum_slots(slot);
    }
    return loss;
}

}  // namespace

void PALIMPSEST_VARIANT(palimpsest_feature_mse)(
    const palimpsest_feature_mse_args* args, int64_t row_begin, int64_t row_end, void* scratch, double* losses) {
    Active* active = static_cast<Active*>(scratch);
    for (int64_t row = row_begin; row < row_end; row++) losses[row] = row_loss(*args, row, active);
}

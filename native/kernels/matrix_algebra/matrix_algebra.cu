// Small matrices in double precision, row-major and dense: what the losses of a batch's logits and features are made
// of besides products, which are cuBLAS's. See matrix_algebra.md. The arithmetic is that of
// dev.palimpsest.engine.CpuMatrix; sums run over a warp's lanes.
#include "../cuda/rows.cuh"

using namespace palimpsest_cuda;

namespace {

constexpr int THREADS = ONE_A_THREAD.threads;  // of kernels with a thread an element

__device__ __forceinline__ int64_t element() { return static_cast<int64_t>(blockIdx.x) * THREADS + threadIdx.x; }

// Of a column that a constant stands in for; NaN where there is none.
__device__ __forceinline__ double constant_of(const double* constant, int64_t column) {
    return constant ? load(constant + column) : __longlong_as_double(0x7ff8000000000000);
}

}  // namespace

#define ELEMENTS extern "C" __global__ void __launch_bounds__(THREADS)
#define ROWS extern "C" __global__ void __launch_bounds__(WARP* WARPS)

// constant: null, or a value a column; NaN leaves the matrix's own.
ELEMENTS palimpsest_cuda_matrix_widened(
    const float* values, const double* constant, const int64_t columns, double* out, const int64_t count) {
    const int64_t i = element();
    if (i >= count) return;
    const double fixed = constant_of(constant, i % columns);
    store(out + i, fixed == fixed ? fixed : static_cast<double>(load(values + i)));
}

// The way back; columns with a constant become 0.
ELEMENTS palimpsest_cuda_matrix_rounded(
    const double* values, const double* constant, const int64_t columns, float* out, const int64_t count) {
    const int64_t i = element();
    if (i >= count) return;
    const double fixed = constant_of(constant, i % columns);
    store(out + i, fixed == fixed ? 0.0f : static_cast<float>(load(values + i)));
}

ELEMENTS palimpsest_cuda_matrix_transposed(
    const double* m, const int64_t rows, const int64_t columns, double* out, const int64_t count) {
    const int64_t i = element();
    if (i < count) store(out + i, load(m + i % rows * columns + i / rows));
}

// a + factor b; null a is 0.
ELEMENTS palimpsest_cuda_matrix_plus(
    const double* a, const double factor, const double* b, double* out, const int64_t count) {
    const int64_t i = element();
    if (i < count) store(out + i, (a ? load(a + i) : 0.0) + factor * load(b + i));
}

// In place.
ELEMENTS palimpsest_cuda_matrix_diagonal(double* m, const int64_t columns, const double value, const int64_t count) {
    const int64_t i = element();
    if (i < count) store(m + i * columns + i, value);
}

// A thread a column.
ELEMENTS palimpsest_cuda_matrix_centred(const double* m, const int64_t rows, double* out, const int64_t columns) {
    const int64_t c = element();
    if (c >= columns) return;
    double mean = 0;
    for (int64_t r = 0; r < rows; r++) mean += load(m + r * columns + c) / static_cast<double>(rows);
    for (int64_t r = 0; r < rows; r++) store(out + r * columns + c, load(m + r * columns + c) - mean);
}

ROWS palimpsest_cuda_matrix_dots(
    const double* a, const double* b, const int64_t rows, const int64_t columns, double* out) {
    const int64_t row = row_of_warp();
    if (row >= rows) return;  // whole warps leave; the others meet no barrier of the block
    const double sum =
        sum_of_columns(columns, [&](int64_t c) { return load(a + row * columns + c) * load(b + row * columns + c); });
    if (lane_of_warp() == 0) store(out + row, sum);
}

ROWS palimpsest_cuda_matrix_softmax(const double* m, const int64_t rows, const int64_t columns, double* p) {
    const int64_t row = row_of_warp();
    if (row >= rows) return;
    m += row * columns;
    p += row * columns;
    double top = -__longlong_as_double(0x7ff0000000000000);
    for (int64_t c = lane_of_warp(); c < columns; c += WARP) {
        const double x = load(m + c);
        top = x > top ? x : top;
    }
    top = largest_of_lanes(top);
    const double sum = sum_of_columns(columns, [&](int64_t c) {
        const double e = exp(load(m + c) - top);
        store(p + c, e);
        return e;
    });
    for (int64_t c = lane_of_warp(); c < columns; c += WARP) store(p + c, load(p + c) / sum);
}

// p (d - sum of d p): from a gradient d by probabilities to that by logits.
ROWS palimpsest_cuda_matrix_softmax_gradient(
    const double* p, const double* d, const int64_t rows, const int64_t columns, double* out) {
    const int64_t row = row_of_warp();
    if (row >= rows) return;
    const int64_t at = row * columns;
    const double mean = sum_of_columns(columns, [&](int64_t c) { return load(d + at + c) * load(p + at + c); });
    for (int64_t c = lane_of_warp(); c < columns; c += WARP)
        store(out + at + c, load(p + at + c) * (load(d + at + c) - mean));
}

ROWS palimpsest_cuda_matrix_unit(
    const double* m, const int64_t rows, const int64_t columns, double* unit, double* length) {
    const int64_t row = row_of_warp();
    if (row >= rows) return;
    const int64_t at = row * columns;
    const double squares = sum_of_columns(columns, [&](int64_t c) { return load(m + at + c) * load(m + at + c); });
    const double own = sqrt(squares) > 1e-12 ? sqrt(squares) : 1e-12;
    for (int64_t c = lane_of_warp(); c < columns; c += WARP) store(unit + at + c, load(m + at + c) / own);
    if (lane_of_warp() == 0) store(length + row, own);
}

// (d - (d u) u) / length: from a gradient d by rows of length 1 to that by the rows that were divided.
ROWS palimpsest_cuda_matrix_unit_gradient(const double* unit, const double* length, const double* d,
    const int64_t rows, const int64_t columns, double* out) {
    const int64_t row = row_of_warp();
    if (row >= rows) return;
    const int64_t at = row * columns;
    const double along = sum_of_columns(columns, [&](int64_t c) { return load(d + at + c) * load(unit + at + c); });
    const double own = load(length + row);
    for (int64_t c = lane_of_warp(); c < columns; c += WARP) {
        store(out + at + c, (load(d + at + c) - along * load(unit + at + c)) / own);
    }
}

// -log p[label]; the gradient is of the mean over rows, by the logits.
ROWS palimpsest_cuda_matrix_log_loss(const double* p, const int32_t* label, const int64_t rows, const int64_t columns,
    double* gradient, double* row_loss) {
    const int64_t row = row_of_warp();
    if (row >= rows) return;
    const int64_t at = row * columns;
    const int64_t own = load(label + row);
    for (int64_t c = lane_of_warp(); c < columns; c += WARP) {
        store(gradient + at + c, (load(p + at + c) - (c == own ? 1 : 0)) / static_cast<double>(rows));
    }
    if (lane_of_warp() == 0) store(row_loss + row, -log(load(p + at + own)));
}

// Sum of q (log q - log p); a q that underflowed adds nothing.
ROWS palimpsest_cuda_matrix_divergence(
    const double* q, const double* p, const int64_t rows, const int64_t columns, double* row_loss) {
    const int64_t row = row_of_warp();
    if (row >= rows) return;
    const double sum = sum_of_columns(columns, [&](int64_t c) {
        const double target = load(q + row * columns + c);
        return target > 0 ? target * (log(target) - log(load(p + row * columns + c))) : 0.0;
    });
    if (lane_of_warp() == 0) store(row_loss + row, sum);
}

// Row a of a covariance v [D, D]: (target - sqrt(v_aa + epsilon))+ / hinge_divisor + sum over b other than a of
// v_ab^2 / square_divisor, and the gradient by v.
ROWS palimpsest_cuda_matrix_spread(const double* covariance, const int64_t dims, const double target,
    const double epsilon, const double hinge_divisor, const double square_divisor, double* by, double* row_loss) {
    const int64_t a = row_of_warp();
    if (a >= dims) return;
    const double loss = sum_of_columns(dims, [&](int64_t b) {
        const double v = load(covariance + a * dims + b);
        if (a != b) {
            store(by + a * dims + b, 2 * v / square_divisor);
            return v * v / square_divisor;
        }
        const double deviation = sqrt(v + epsilon);
        store(by + a * dims + b, deviation < target ? -1 / (2 * hinge_divisor * deviation) : 0.0);
        return deviation < target ? (target - deviation) / hinge_divisor : 0.0;
    });
    if (lane_of_warp() == 0) store(row_loss + a, loss);
}

// Of each row: the value in its column, or the highest one where no columns are given.
ROWS palimpsest_cuda_matrix_highest(const double* m, const int32_t* column, const int64_t rows, const int64_t columns,
    double* out, const int64_t stride) {
    const int64_t row = row_of_warp();
    if (row >= rows) return;
    double highest = -__longlong_as_double(0x7ff0000000000000);
    if (column) {
        highest = load(m + row * columns + load(column + row));
    } else {
        for (int64_t c = lane_of_warp(); c < columns; c += WARP) {
            const double x = load(m + row * columns + c);
            highest = x > highest ? x : highest;
        }
        highest = largest_of_lanes(highest);
    }
    if (lane_of_warp() == 0) store(out + row * stride, highest);
}

// One-hot rows: 1 at the first of the highest. A thread a row.
ELEMENTS palimpsest_cuda_matrix_argmax(const double* m, const int64_t columns, float* out, const int64_t rows) {
    const int64_t row = element();
    if (row >= rows) return;
    int64_t best = 0;
    for (int64_t k = 1; k < columns; k++) {
        if (load(m + row * columns + k) > load(m + row * columns + best)) best = k;
    }
    for (int64_t k = 0; k < columns; k++) store(out + row * columns + k, k == best ? 1.0f : 0.0f);
}

namespace {

// Position in `column`, not the column; the first of the highest.
struct Best {
    int64_t at;
    double value;
    double inverse;  // of the sum of exp(z - value) over the columns
};

__device__ __forceinline__ Best best_of(const double* z, const int32_t* column, int64_t count) {
    Best best = {0, -__longlong_as_double(0x7ff0000000000000), 0};
    for (int64_t i = lane_of_warp(); i < count; i += WARP) {
        const double x = load(z + load(column + i));
        if (x > best.value) best = {i, x, 0};
    }
    const double mine = best.value;
    best.value = largest_of_lanes(mine);
    const double first =
        mine == best.value ? static_cast<double>(-best.at) : -__longlong_as_double(0x7ff0000000000000);
    best.at = static_cast<int64_t>(-largest_of_lanes(first));
    best.inverse =
        1.0 / sum_of_columns(count, [&](int64_t i) { return exp(load(z + load(column + i)) - best.value); });
    return best;
}

}  // namespace

// What the highest of a row's current columns lacks to pass the highest of the others by the margin, and its gradient,
// not yet divided by the rows that count; the gradient must be 0 before. constant_others: probabilities of softmaxes
// over each side, of which the others' stays as it is.
ROWS palimpsest_cuda_matrix_margin(const double* z, const int64_t rows, const int64_t columns, const int32_t* other,
    const int64_t others, const int32_t* current, const int64_t currents, const double margin,
    const int64_t constant_others, double* gradient, double* missing) {
    const int64_t row = row_of_warp();
    if (row >= rows) return;
    z += row * columns;
    gradient += row * columns;
    const Best bad = best_of(z, other, others);
    const Best good = best_of(z, current, currents);
    const double lack = constant_others ? bad.inverse + margin - good.inverse : bad.value + margin - good.value;
    if (lane_of_warp() == 0) store(missing + row, lack);
    if (!(lack > 0)) return;
    if (constant_others) {
        for (int64_t i = lane_of_warp(); i < currents; i += WARP) {
            const int64_t c = load(current + i);
            const double p = exp(load(z + c) - good.value) * good.inverse;
            store(gradient + c, -good.inverse * ((i == good.at ? 1 : 0) - p));
        }
    } else if (lane_of_warp() == 0) {
        store(gradient + load(current + good.at), -1.0);
        store(gradient + load(other + bad.at), 1.0);
    }
}

// The mean of what is missing over the rows where it is above 0, and the gradient divided by their number, in place.
ELEMENTS palimpsest_cuda_matrix_margin_mean(
    const double* missing, const int64_t rows, double* gradient, const int64_t count, double* mean) {
    const int64_t i = element();
    if (i >= count) return;
    double sum = 0;
    int64_t positive = 0;
    for (int64_t r = 0; r < rows; r++) {
        const double lack = load(missing + r);
        if (lack > 0) {
            sum += lack;
            positive++;
        }
    }
    const double by = static_cast<double>(positive > 0 ? positive : 1);
    store(gradient + i, 1.0 / by * load(gradient + i));
    if (i == 0) store(mean, sum / by);
}

// Convolutions as matrix products with the images' windows side by side, and the choice of algorithms.
#include <cstring>
#include <limits>

#include "cudnn_double.h"

using namespace cudnn_double;

namespace {

enum Direction { FORWARD, DATA, FILTER };

// As in cudnn_cnn.h.
struct Performance {
    int algorithm;
    int status;
    float milliseconds;
    size_t workspace;
    int deterministic;
    int math;
    int reserved[3];
};

struct Algorithm {
    int number;
    bool deterministic;
    int windows;  // of images in its workspace
};

// Fastest first, as a search would find them on some card: those that add in any order come before those that do not.
const std::vector<Algorithm>& algorithms(Direction direction) {
    static const std::vector<Algorithm> forward = {{1, true, 1}, {0, true, 0}}, data = {{0, false, 0}, {1, true, 1}},
                                        filter = {{0, false, 0}, {3, false, 1}, {1, true, 2}};
    return direction == FORWARD ? forward : direction == DATA ? data : filter;
}

const Algorithm* algorithm(Direction direction, int number) {
    for (const Algorithm& a : algorithms(direction)) {
        if (a.number == number) return &a;
    }
    return nullptr;
}

struct Shape {
    Tensor x, w, y;
    Convolution c;

    bool valid() const {
        return x.valid() && w.valid() && y.size[0] == x.size[0] && y.size[1] == w.size[0] && w.size[1] == x.size[1] &&
               y.size[2] == c.output(0, x.size[2], w.size[2]) && y.size[3] == c.output(1, x.size[3], w.size[3]);
    }
    bool supported() const { return c.groups == 1 && c.cross_correlation == 1; }
    int64_t window() const { return w.size[1] * w.size[2] * w.size[3]; }
    int64_t positions() const { return y.size[2] * y.size[3]; }
    size_t workspace(const Algorithm& a) const {
        return static_cast<size_t>(a.windows * window() * positions()) * sizeof(float);
    }

    // Calls body(row of the window, position, offset in x) for every pair of image `n` that does not lie in the
    // padding.
    template <class Body>
    void for_windows(int64_t n, Body body) const {
        int64_t row = 0;
        for (int64_t i = 0; i < w.size[1]; i++) {
            for (int64_t r = 0; r < w.size[2]; r++) {
                for (int64_t s = 0; s < w.size[3]; s++, row++) {
                    for (int64_t p = 0; p < y.size[2]; p++) {
                        const int64_t h = p * c.stride[0] - c.pad[0] + r * c.dilation[0];
                        if (h < 0 || h >= x.size[2]) continue;
                        for (int64_t q = 0; q < y.size[3]; q++) {
                            const int64_t v = q * c.stride[1] - c.pad[1] + s * c.dilation[1];
                            if (v >= 0 && v < x.size[3]) body(row, p * y.size[3] + q, x.at(n, i, h, v));
                        }
                    }
                }
            }
        }
    }
};

// [K, window], or [window, K].
std::vector<float> filter_matrix(const Shape& shape, const float* w, bool transposed) {
    const Tensor& f = shape.w;
    std::vector<float> all(static_cast<size_t>(f.elements()));
    int64_t at = 0;
    for_each(f, [&](int64_t k, int64_t c, int64_t r, int64_t s) {
        const int64_t row = at % shape.window();
        all[transposed ? row * f.size[0] + k : at] = w[f.at(k, c, r, s)];
        at++;
    });
    return all;
}

// Image n of y as [K, positions].
std::vector<float> image_matrix(const Shape& shape, const float* y, int64_t n) {
    std::vector<float> all;
    all.reserve(static_cast<size_t>(shape.w.size[0] * shape.positions()));
    for (int64_t k = 0; k < shape.y.size[1]; k++) {
        for (int64_t p = 0; p < shape.y.size[2]; p++) {
            for (int64_t q = 0; q < shape.y.size[3]; q++) all.push_back(y[shape.y.at(n, k, p, q)]);
        }
    }
    return all;
}

// Without blending: dense [N, K, P, Q].
std::vector<float> forward(const Shape& shape, const float* x, const float* w) {
    const int64_t outputs = shape.w.size[0], window = shape.window(), positions = shape.positions();
    const std::vector<float> filter = filter_matrix(shape, w, false);
    std::vector<float> all(static_cast<size_t>(shape.y.elements())), windows(static_cast<size_t>(window * positions));
    for (int64_t n = 0; n < shape.x.size[0]; n++) {
        std::fill(windows.begin(), windows.end(), 0.0f);
        shape.for_windows(
            n, [&](int64_t row, int64_t position, int64_t at) { windows[row * positions + position] = x[at]; });
        driver_double::multiply_add(
            outputs, positions, window, filter.data(), windows.data(), all.data() + n * outputs * positions);
    }
    return all;
}

// dx as it lies in memory.
std::vector<float> backward_data(const Shape& shape, const float* w, const float* dy) {
    const int64_t outputs = shape.w.size[0], window = shape.window(), positions = shape.positions();
    const std::vector<float> filter = filter_matrix(shape, w, true);
    std::vector<float> all(shape.x.extent());
    for (int64_t n = 0; n < shape.x.size[0]; n++) {
        std::vector<float> windows(static_cast<size_t>(window * positions));
        driver_double::multiply_add(
            window, positions, outputs, filter.data(), image_matrix(shape, dy, n).data(), windows.data());
        shape.for_windows(
            n, [&](int64_t row, int64_t position, int64_t at) { all[at] += windows[row * positions + position]; });
    }
    return all;
}

// Dense [K, C, R, S].
std::vector<float> backward_filter(const Shape& shape, const float* x, const float* dy) {
    const int64_t outputs = shape.w.size[0], window = shape.window(), positions = shape.positions();
    std::vector<float> all(static_cast<size_t>(outputs * window)), windows(static_cast<size_t>(window * positions));
    for (int64_t n = 0; n < shape.x.size[0]; n++) {
        std::fill(windows.begin(), windows.end(), 0.0f);
        shape.for_windows(
            n, [&](int64_t row, int64_t position, int64_t at) { windows[position * window + row] = x[at]; });
        driver_double::multiply_add(
            outputs, window, positions, image_matrix(shape, dy, n).data(), windows.data(), all.data());
    }
    return all;
}

void blend_dense(const Tensor& t, float alpha, const std::vector<float>& values, float beta, float* to) {
    int64_t i = 0;
    for_each(t, [&](int64_t n, int64_t c, int64_t h, int64_t w) {
        float& old = to[t.at(n, c, h, w)];
        old = blend(alpha, values[i++], beta, old);
    });
}

// What every convolution checks and counts; the workspace then holds garbage, so that two streams that share one are
// found out.
Status prepare(const Shape& shape, Direction direction, int number, size_t workspace_bytes, const void* workspace) {
    if (!shape.valid()) return BAD_PARAM;
    const Algorithm* chosen = algorithm(direction, number);
    if (!shape.supported() || !chosen) return NOT_SUPPORTED;
    if (workspace_bytes < shape.workspace(*chosen) || (shape.workspace(*chosen) > 0 && !workspace)) return BAD_PARAM;
    driver_double::library_count(shape.c.math == FMA_MATH ? "cudnn.float32" : "cudnn.tf32", 1);
    driver_double::library_count(chosen->deterministic ? "cudnn.deterministic" : "cudnn.nondeterministic", 1);
    return SUCCESS;
}

void spoil(void* workspace, size_t bytes) {
    if (bytes > 0) std::memset(writable(static_cast<unsigned char*>(workspace), bytes), 0xff, bytes);
}

Status list(
    const Shape& shape, Direction direction, size_t most_workspace, int asked, int* found, Performance* performance) {
    if (!shape.valid() || asked < 1) return BAD_PARAM;
    if (!shape.supported()) return NOT_SUPPORTED;
    *found = 0;
    for (const Algorithm& a : algorithms(direction)) {
        if (*found == asked || shape.workspace(a) > most_workspace) continue;
        performance[*found] = {
            a.number, SUCCESS, static_cast<float>(*found + 1), shape.workspace(a), a.deterministic, shape.c.math, {}};
        ++*found;
    }
    return SUCCESS;
}

// A search runs the algorithms, waits for them, and leaves its output undefined.
Status search(const char* function, const Handle* handle, const Shape& shape, Direction direction, float* output,
    size_t extent, size_t most_workspace, int asked, int* found, Performance* performance) {
    return call(function, handle, [&] {
        const Status status = list(shape, direction, most_workspace, asked, found, performance);
        if (status != SUCCESS) return status;
        if (output) {
            library_enqueue(handle->stream, function,
                [=] { std::fill_n(writable(output, extent), extent, std::numeric_limits<float>::quiet_NaN()); });
        }
        driver_double::library_synchronise(handle->stream);
        return SUCCESS;
    });
}

constexpr size_t ANY = std::numeric_limits<size_t>::max();

Status most(const Handle*, Direction direction, int* count) {
    *count = static_cast<int>(algorithms(direction).size());
    return SUCCESS;
}

Status workspace_size(const Shape& shape, Direction direction, int number, size_t* bytes) {
    const Algorithm* chosen = algorithm(direction, number);
    if (!shape.valid()) return BAD_PARAM;
    if (!chosen) return NOT_SUPPORTED;
    *bytes = shape.workspace(*chosen);
    return SUCCESS;
}

}  // namespace

DOUBLE_API Status cudnnGetConvolution2dForwardOutputDim(
    const Convolution* c, const Tensor* x, const Tensor* w, int* n, int* k, int* p, int* q) {
    if (!all_known(c, x, w)) return BAD_PARAM;
    *n = static_cast<int>(x->size[0]);
    *k = static_cast<int>(w->size[0]);
    *p = static_cast<int>(c->output(0, x->size[2], w->size[2]));
    *q = static_cast<int>(c->output(1, x->size[3], w->size[3]));
    return SUCCESS;
}

DOUBLE_API Status cudnnConvolutionForward(const Handle* handle, const float* alpha, const Tensor* x,
    const float* x_data, const Tensor* w, const float* w_data, const Convolution* c, int number, void* workspace,
    size_t bytes, const float* beta, const Tensor* y, float* y_data) {
    return call("cudnnConvolutionForward", handle, [&] {
        if (!all_known(x, w, c, y)) return BAD_PARAM;
        const Shape shape = {*x, *w, *y, *c};
        const Status status = prepare(shape, FORWARD, number, bytes, workspace);
        if (status != SUCCESS) return status;
        const float by = *alpha, keep = *beta;
        library_enqueue(handle->stream, "cudnnConvolutionForward", [=] {
            spoil(workspace, bytes);
            const std::vector<float> all =
                forward(shape, readable(x_data, shape.x.extent()), readable(w_data, shape.w.extent()));
            blend_dense(shape.y, by, all, keep, writable(y_data, shape.y.extent()));
        });
        return SUCCESS;
    });
}

// y = activation(alpha1 conv(x) + alpha2 z + bias)
DOUBLE_API Status cudnnConvolutionBiasActivationForward(const Handle* handle, const float* alpha1, const Tensor* x,
    const float* x_data, const Tensor* w, const float* w_data, const Convolution* c, int number, void* workspace,
    size_t bytes, const float* alpha2, const Tensor* z, const float* z_data, const Tensor* bias,
    const float* bias_data, const ActivationDescriptor* activation, const Tensor* y, float* y_data) {
    return call("cudnnConvolutionBiasActivationForward", handle, [&] {
        if (!all_known(x, w, c, z, bias, activation, y) || !z->same_size(*y) || !bias->spreads_over(*y))
            return BAD_PARAM;
        // cuDNN does the identity with IMPLICIT_PRECOMP_GEMM alone.
        if (!activation->known() || (activation->mode == IDENTITY && number != 1)) return NOT_SUPPORTED;
        const Shape shape = {*x, *w, *y, *c};
        const Status status = prepare(shape, FORWARD, number, bytes, workspace);
        if (status != SUCCESS) return status;
        const float by = *alpha1, and_by = *alpha2;
        const Tensor other = *z, shift = *bias;
        const ActivationDescriptor last = *activation;
        library_enqueue(handle->stream, "cudnnConvolutionBiasActivationForward", [=] {
            spoil(workspace, bytes);
            const std::vector<float> all =
                forward(shape, readable(x_data, shape.x.extent()), readable(w_data, shape.w.extent()));
            const float* b = readable(bias_data, shift.extent());
            const float* from = and_by == 0 ? nullptr : readable(z_data, other.extent());
            float* to = writable(y_data, shape.y.extent());
            int64_t i = 0;
            for_each(shape.y, [&](int64_t n, int64_t k, int64_t p, int64_t q) {
                const float sum = by * all[i++] + (from ? and_by * from[other.at(n, k, p, q)] : 0);
                to[shape.y.at(n, k, p, q)] = last(sum + b[shift.spread(n, k, p, q)]);
            });
        });
        return SUCCESS;
    });
}

DOUBLE_API Status cudnnConvolutionBackwardData(const Handle* handle, const float* alpha, const Tensor* w,
    const float* w_data, const Tensor* dy, const float* dy_data, const Convolution* c, int number, void* workspace,
    size_t bytes, const float* beta, const Tensor* dx, float* dx_data) {
    return call("cudnnConvolutionBackwardData", handle, [&] {
        if (!all_known(w, dy, c, dx)) return BAD_PARAM;
        const Shape shape = {*dx, *w, *dy, *c};
        const Status status = prepare(shape, DATA, number, bytes, workspace);
        if (status != SUCCESS) return status;
        const float by = *alpha, keep = *beta;
        library_enqueue(handle->stream, "cudnnConvolutionBackwardData", [=] {
            spoil(workspace, bytes);
            const std::vector<float> all =
                backward_data(shape, readable(w_data, shape.w.extent()), readable(dy_data, shape.y.extent()));
            float* to = writable(dx_data, shape.x.extent());
            for_each(shape.x, [&](int64_t n, int64_t i, int64_t h, int64_t v) {
                const int64_t at = shape.x.at(n, i, h, v);
                to[at] = blend(by, all[at], keep, to[at]);
            });
        });
        return SUCCESS;
    });
}

DOUBLE_API Status cudnnConvolutionBackwardFilter(const Handle* handle, const float* alpha, const Tensor* x,
    const float* x_data, const Tensor* dy, const float* dy_data, const Convolution* c, int number, void* workspace,
    size_t bytes, const float* beta, const Tensor* dw, float* dw_data) {
    return call("cudnnConvolutionBackwardFilter", handle, [&] {
        if (!all_known(x, dy, c, dw)) return BAD_PARAM;
        const Shape shape = {*x, *dw, *dy, *c};
        const Status status = prepare(shape, FILTER, number, bytes, workspace);
        if (status != SUCCESS) return status;
        const float by = *alpha, keep = *beta;
        library_enqueue(handle->stream, "cudnnConvolutionBackwardFilter", [=] {
            spoil(workspace, bytes);
            const std::vector<float> all =
                backward_filter(shape, readable(x_data, shape.x.extent()), readable(dy_data, shape.y.extent()));
            blend_dense(shape.w, by, all, keep, writable(dw_data, shape.w.extent()));
        });
        return SUCCESS;
    });
}

DOUBLE_API Status cudnnConvolutionBackwardBias(const Handle* handle, const float* alpha, const Tensor* dy,
    const float* dy_data, const float* beta, const Tensor* db, float* db_data) {
    return call("cudnnConvolutionBackwardBias", handle, [&] {
        if (!all_known(dy, db) || db->elements() != dy->size[1] || db->size[1] != dy->size[1]) return BAD_PARAM;
        const float by = *alpha, keep = *beta;
        const Tensor from_shape = *dy, to_shape = *db;
        library_enqueue(handle->stream, "cudnnConvolutionBackwardBias", [=] {
            const float* from = readable(dy_data, from_shape.extent());
            std::vector<double> sum(static_cast<size_t>(from_shape.size[1]));
            for_each(from_shape,
                [&](int64_t n, int64_t k, int64_t p, int64_t q) { sum[k] += from[from_shape.at(n, k, p, q)]; });
            float* to = writable(db_data, to_shape.extent());
            for (int64_t k = 0; k < to_shape.size[1]; k++) {
                float& old = to[to_shape.at(0, k, 0, 0)];
                old = blend(by, static_cast<float>(sum[k]), keep, old);
            }
        });
        return SUCCESS;
    });
}

// The three directions name their descriptors in different orders; Shape is always x, w, y.
#define CHOICE(Name, direction, A, B, D, shape_of)                                                                   \
    DOUBLE_API Status cudnnGetConvolution##Name##AlgorithmMaxCount(const Handle* handle, int* count) {               \
        return most(handle, direction, count);                                                                       \
    }                                                                                                                \
    DOUBLE_API Status cudnnGetConvolution##Name##WorkspaceSize(const Handle*, const Tensor* A, const Tensor* B,      \
        const Convolution* c, const Tensor* D, int number, size_t* bytes) {                                          \
        return all_known(A, B, c, D) ? workspace_size(shape_of, direction, number, bytes) : BAD_PARAM;               \
    }                                                                                                                \
    DOUBLE_API Status cudnnGetConvolution##Name##Algorithm_v7(const Handle*, const Tensor* A, const Tensor* B,       \
        const Convolution* c, const Tensor* D, int asked, int* found, Performance* performance) {                    \
        return all_known(A, B, c, D) ? list(shape_of, direction, ANY, asked, found, performance) : BAD_PARAM;        \
    }                                                                                                                \
    DOUBLE_API Status cudnnFindConvolution##Name##Algorithm(const Handle* handle, const Tensor* A, const Tensor* B,  \
        const Convolution* c, const Tensor* D, int asked, int* found, Performance* performance) {                    \
        if (!all_known(A, B, c, D)) return BAD_PARAM;                                                                \
        return search("cudnnFindConvolution" #Name "Algorithm", handle, shape_of, direction, nullptr, 0, ANY, asked, \
            found, performance);                                                                                     \
    }                                                                                                                \
    DOUBLE_API Status cudnnFindConvolution##Name##AlgorithmEx(const Handle* handle, const Tensor* A, const float*,   \
        const Tensor* B, const float*, const Convolution* c, const Tensor* D, float* output, int asked, int* found,  \
        Performance* performance, void*, size_t bytes) {                                                             \
        if (!all_known(A, B, c, D)) return BAD_PARAM;                                                                \
        return search("cudnnFindConvolution" #Name "AlgorithmEx", handle, shape_of, direction, output, D->extent(),  \
            bytes, asked, found, performance);                                                                       \
    }
CHOICE(Forward, FORWARD, x, w, y, (Shape{*x, *w, *y, *c}))
CHOICE(BackwardData, DATA, w, dy, dx, (Shape{*dx, *w, *dy, *c}))
CHOICE(BackwardFilter, FILTER, x, dy, dw, (Shape{*x, *dw, *dy, *c}))

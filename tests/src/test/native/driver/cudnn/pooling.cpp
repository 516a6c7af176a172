// Pooling by maximum and average.
#include <limits>

#include "cudnn_double.h"

using namespace cudnn_double;

namespace {

enum Mode : int { MAXIMUM = 0, AVERAGE_WITH_PADDING = 1, AVERAGE = 2, MAXIMUM_DETERMINISTIC = 3 };

bool maximum(const Pooling& p) { return p.mode == MAXIMUM || p.mode == MAXIMUM_DETERMINISTIC; }

int64_t output(const Pooling& p, int d, int64_t input) {
    return (input + 2 * p.pad[d] - p.window[d]) / p.stride[d] + 1;
}

bool valid(const Pooling& p, const Tensor& x, const Tensor& y) {
    return x.size[0] == y.size[0] && x.size[1] == y.size[1] && y.size[2] == output(p, 0, x.size[2]) &&
           y.size[3] == output(p, 1, x.size[3]);
}

// Calls body(offset in x) for what the window at (h, w) of the result holds, without the padding; returns how many
// that are.
template <class Body>
int64_t for_window(const Pooling& p, const Tensor& x, int64_t n, int64_t c, int64_t h, int64_t w, Body body) {
    int64_t inside = 0;
    for (int64_t i = h * p.stride[0] - p.pad[0]; i < h * p.stride[0] - p.pad[0] + p.window[0]; i++) {
        for (int64_t j = w * p.stride[1] - p.pad[1]; j < w * p.stride[1] - p.pad[1] + p.window[1]; j++) {
            if (i < 0 || i >= x.size[2] || j < 0 || j >= x.size[3]) continue;
            body(x.at(n, c, i, j));
            inside++;
        }
    }
    return inside;
}

double divisor(const Pooling& p, int64_t inside) {
    return static_cast<double>(p.mode == AVERAGE ? inside : int64_t(p.window[0]) * p.window[1]);
}

// The first of the largest.
int64_t largest(const Pooling& p, const Tensor& x, const float* from, int64_t n, int64_t c, int64_t h, int64_t w) {
    int64_t best = -1;
    for_window(p, x, n, c, h, w, [&](int64_t at) {
        if (best < 0 || from[at] > from[best] || (from[at] != from[at] && from[best] == from[best])) best = at;
    });
    return best;
}

}  // namespace

DOUBLE_API Status cudnnGetPooling2dForwardOutputDim(
    const Pooling* p, const Tensor* x, int* n, int* c, int* h, int* w) {
    if (!all_known(p, x)) return BAD_PARAM;
    *n = static_cast<int>(x->size[0]);
    *c = static_cast<int>(x->size[1]);
    *h = static_cast<int>(output(*p, 0, x->size[2]));
    *w = static_cast<int>(output(*p, 1, x->size[3]));
    return SUCCESS;
}

DOUBLE_API Status cudnnPoolingForward(const Handle* handle, const Pooling* pooling, const float* alpha,
    const Tensor* x, const float* x_data, const float* beta, const Tensor* y, float* y_data) {
    return call("cudnnPoolingForward", handle, [&] {
        if (!all_known(pooling, x, y) || !valid(*pooling, *x, *y)) return BAD_PARAM;
        const float by = *alpha, keep = *beta;
        const Pooling p = *pooling;
        const Tensor in = *x, out = *y;
        library_enqueue(handle->stream, "cudnnPoolingForward", [=] {
            const float* from = readable(x_data, in.extent());
            float* to = writable(y_data, out.extent());
            for_each(out, [&](int64_t n, int64_t c, int64_t h, int64_t w) {
                double value = 0;
                if (maximum(p)) {
                    value = from[largest(p, in, from, n, c, h, w)];
                } else {
                    const int64_t inside = for_window(p, in, n, c, h, w, [&](int64_t at) { value += from[at]; });
                    value /= divisor(p, inside);
                }
                float& old = to[out.at(n, c, h, w)];
                old = blend(by, static_cast<float>(value), keep, old);
            });
        });
        return SUCCESS;
    });
}

DOUBLE_API Status cudnnPoolingBackward(const Handle* handle, const Pooling* pooling, const float* alpha,
    const Tensor* y, const float* y_data, const Tensor* dy, const float* dy_data, const Tensor* x, const float* x_data,
    const float* beta, const Tensor* dx, float* dx_data) {
    return call("cudnnPoolingBackward", handle, [&] {
        if (!all_known(pooling, y, dy, x, dx) || !valid(*pooling, *x, *y) || !y->same_size(*dy) || !x->same_size(*dx))
            return BAD_PARAM;
        driver_double::library_count(pooling->mode == MAXIMUM ? "cudnn.nondeterministic" : "cudnn.deterministic", 1);
        const float by = *alpha, keep = *beta;
        const Pooling p = *pooling;
        const Tensor result = *y, above = *dy, in = *x, out = *dx;
        library_enqueue(handle->stream, "cudnnPoolingBackward", [=] {
            readable(y_data, result.extent());
            const float *from = readable(x_data, in.extent()), *gradient = readable(dy_data, above.extent());
            std::vector<double> sum(out.extent());
            for_each(above, [&](int64_t n, int64_t c, int64_t h, int64_t w) {
                const double d = gradient[above.at(n, c, h, w)];
                if (maximum(p)) {
                    // x and dx may be laid out differently; find the place again in dx.
                    const int64_t best = largest(p, in, from, n, c, h, w);
                    int64_t nth = 0, wanted = 0;
                    for_window(p, in, n, c, h, w, [&](int64_t at) {
                        if (at == best) wanted = nth;
                        nth++;
                    });
                    nth = 0;
                    for_window(p, out, n, c, h, w, [&](int64_t at) {
                        if (nth++ == wanted) sum[at] += d;
                    });
                } else {
                    const int64_t inside = for_window(p, out, n, c, h, w, [](int64_t) {});
                    for_window(p, out, n, c, h, w, [&](int64_t at) { sum[at] += d / divisor(p, inside); });
                }
            });
            float* to = writable(dx_data, out.extent());
            for_each(out, [&](int64_t n, int64_t c, int64_t h, int64_t w) {
                const int64_t at = out.at(n, c, h, w);
                to[at] = blend(by, static_cast<float>(sum[at]), keep, to[at]);
            });
        });
        return SUCCESS;
    });
}

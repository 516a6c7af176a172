// Activations, sums, scaling and layout changes of whole tensors, and reductions.
#include <cmath>

#include "cudnn_double.h"

using namespace cudnn_double;

DOUBLE_API Status cudnnActivationForward(const Handle* handle, const ActivationDescriptor* activation,
    const float* alpha, const Tensor* x, const float* x_data, const float* beta, const Tensor* y, float* y_data) {
    return call("cudnnActivationForward", handle, [&] {
        if (!all_known(activation, x, y) || !x->same_size(*y)) return BAD_PARAM;
        if (!activation->known()) return NOT_SUPPORTED;
        const float by = *alpha, keep = *beta;
        const Tensor in = *x, out = *y;
        const ActivationDescriptor f = *activation;
        library_enqueue(handle->stream, "cudnnActivationForward", [=] {
            const float* from = readable(x_data, in.extent());
            float* to = writable(y_data, out.extent());
            for_each(in, [&](int64_t n, int64_t c, int64_t h, int64_t w) {
                float& old = to[out.at(n, c, h, w)];
                old = blend(by, f(from[in.at(n, c, h, w)]), keep, old);
            });
        });
        return SUCCESS;
    });
}

DOUBLE_API Status cudnnActivationBackward(const Handle* handle, const ActivationDescriptor* activation,
    const float* alpha, const Tensor* y, const float* y_data, const Tensor* dy, const float* dy_data, const Tensor* x,
    const float* x_data, const float* beta, const Tensor* dx, float* dx_data) {
    return call("cudnnActivationBackward", handle, [&] {
        if (!all_known(activation, y, dy, x, dx) || !y->same_size(*dy) || !y->same_size(*x) || !y->same_size(*dx))
            return BAD_PARAM;
        if (!activation->known()) return NOT_SUPPORTED;
        const float by = *alpha, keep = *beta;
        const Tensor result = *y, above = *dy, in = *x, out = *dx;
        const bool identity = activation->mode == IDENTITY;
        library_enqueue(handle->stream, "cudnnActivationBackward", [=] {
            const float *from = readable(y_data, result.extent()), *gradient = readable(dy_data, above.extent());
            readable(x_data, in.extent());
            float* to = writable(dx_data, out.extent());
            for_each(result, [&](int64_t n, int64_t c, int64_t h, int64_t w) {
                const bool passes = identity || from[result.at(n, c, h, w)] > 0;
                float& old = to[out.at(n, c, h, w)];
                old = blend(by, passes ? gradient[above.at(n, c, h, w)] : 0, keep, old);
            });
        });
        return SUCCESS;
    });
}

// C = alpha A + beta C, with A spread over C.
static Status add(const char* function, const Handle* handle, const float* alpha, const Tensor* a, const float* a_data,
    const float* beta, const Tensor* c, float* c_data) {
    return call(function, handle, [&] {
        if (!all_known(a, c) || !a->spreads_over(*c)) return BAD_PARAM;
        const float by = *alpha, keep = *beta;
        const Tensor in = *a, out = *c;
        library_enqueue(handle->stream, function, [=] {
            const float* from = readable(a_data, in.extent());
            float* to = writable(c_data, out.extent());
            for_each(out, [&](int64_t n, int64_t k, int64_t h, int64_t w) {
                float& old = to[out.at(n, k, h, w)];
                old = blend(by, from[in.spread(n, k, h, w)], keep, old);
            });
        });
        return SUCCESS;
    });
}

DOUBLE_API Status cudnnAddTensor(const Handle* handle, const float* alpha, const Tensor* a, const float* a_data,
    const float* beta, const Tensor* c, float* c_data) {
    return add("cudnnAddTensor", handle, alpha, a, a_data, beta, c, c_data);
}

DOUBLE_API Status cudnnTransformTensor(const Handle* handle, const float* alpha, const Tensor* x, const float* x_data,
    const float* beta, const Tensor* y, float* y_data) {
    if (!all_known(x, y) || !x->same_size(*y)) return BAD_PARAM;
    return add("cudnnTransformTensor", handle, alpha, x, x_data, beta, y, y_data);
}

// C = operation(alpha1 A, alpha2 B) + beta C, with B spread over C.
DOUBLE_API Status cudnnOpTensor(const Handle* handle, const OpTensor* op, const float* alpha1, const Tensor* a,
    const float* a_data, const float* alpha2, const Tensor* b, const float* b_data, const float* beta, const Tensor* c,
    float* c_data) {
    return call("cudnnOpTensor", handle, [&] {
        if (!all_known(op, a, b, c) || !a->same_size(*c) || !b->spreads_over(*c)) return BAD_PARAM;
        enum { ADD, MULTIPLY, MINIMUM, MAXIMUM };
        const int operation = op->operation;
        if (operation > MAXIMUM) return NOT_SUPPORTED;
        const float by = *alpha1, and_by = *alpha2, keep = *beta;
        const Tensor left = *a, right = *b, out = *c;
        library_enqueue(handle->stream, "cudnnOpTensor", [=] {
            const float *l = readable(a_data, left.extent()), *r = readable(b_data, right.extent());
            float* to = writable(c_data, out.extent());
            for_each(out, [&](int64_t n, int64_t k, int64_t h, int64_t w) {
                const float x = by * l[left.at(n, k, h, w)], y = and_by * r[right.spread(n, k, h, w)];
                const float value = operation == ADD        ? x + y
                                    : operation == MULTIPLY ? x * y
                                    : operation == MINIMUM  ? std::min(x, y)
                                                            : std::max(x, y);
                float& old = to[out.at(n, k, h, w)];
                old = blend(1.0f, value, keep, old);
            });
        });
        return SUCCESS;
    });
}

DOUBLE_API Status cudnnScaleTensor(const Handle* handle, const Tensor* y, float* y_data, const float* alpha) {
    return call("cudnnScaleTensor", handle, [&] {
        if (!all_known(y)) return BAD_PARAM;
        const float by = *alpha;
        const Tensor out = *y;
        library_enqueue(handle->stream, "cudnnScaleTensor", [=] {
            float* to = writable(y_data, out.extent());
            for_each(out, [&](int64_t n, int64_t c, int64_t h, int64_t w) { to[out.at(n, c, h, w)] *= by; });
        });
        return SUCCESS;
    });
}

DOUBLE_API Status cudnnSetTensor(const Handle* handle, const Tensor* y, float* y_data, const float* value) {
    return call("cudnnSetTensor", handle, [&] {
        if (!all_known(y)) return BAD_PARAM;
        const float all = *value;
        const Tensor out = *y;
        library_enqueue(handle->stream, "cudnnSetTensor", [=] {
            float* to = writable(y_data, out.extent());
            for_each(out, [&](int64_t n, int64_t c, int64_t h, int64_t w) { to[out.at(n, c, h, w)] = all; });
        });
        return SUCCESS;
    });
}

DOUBLE_API Status cudnnGetReductionWorkspaceSize(
    const Handle*, const ReduceTensor*, const Tensor*, const Tensor*, size_t* bytes) {
    *bytes = 0;
    return SUCCESS;
}

DOUBLE_API Status cudnnGetReductionIndicesSize(
    const Handle*, const ReduceTensor*, const Tensor*, const Tensor*, size_t* bytes) {
    *bytes = 0;
    return SUCCESS;
}

// C = alpha reduce(A) + beta C, over the dimensions that are 1 in C.
DOUBLE_API Status cudnnReduceTensor(const Handle* handle, const ReduceTensor* reduction, void*, size_t, void*, size_t,
    const float* alpha, const Tensor* a, const float* a_data, const float* beta, const Tensor* c, float* c_data) {
    return call("cudnnReduceTensor", handle, [&] {
        if (!all_known(reduction, a, c) || !c->spreads_over(*a)) return BAD_PARAM;
        enum { ADD = 0, AVERAGE = 5 };
        const int operation = reduction->operation;
        if (operation != ADD && operation != AVERAGE) return NOT_SUPPORTED;
        const float by = *alpha, keep = *beta;
        const Tensor in = *a, out = *c;
        library_enqueue(handle->stream, "cudnnReduceTensor", [=] {
            const float* from = readable(a_data, in.extent());
            std::vector<double> sum(out.extent());
            for_each(in, [&](int64_t n, int64_t k, int64_t h, int64_t w) {
                sum[out.spread(n, k, h, w)] += from[in.at(n, k, h, w)];
            });
            const auto reduced = in.elements() / out.elements();
            const double divisor = operation == ADD ? 1 : static_cast<double>(reduced);
            float* to = writable(c_data, out.extent());
            for_each(out, [&](int64_t n, int64_t k, int64_t h, int64_t w) {
                const int64_t at = out.at(n, k, h, w);
                to[at] = blend(by, static_cast<float>(sum[at] / divisor), keep, to[at]);
            });
        });
        return SUCCESS;
    });
}

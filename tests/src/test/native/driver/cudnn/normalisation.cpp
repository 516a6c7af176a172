// Batch normalisation over images and positions ("spatial"), statistics in float64.
#include <cmath>

#include "cudnn_double.h"

using namespace cudnn_double;

namespace {

constexpr int PER_ACTIVATION = 0;

struct Moments {
    std::vector<double> mean, variance;  // of each channel, the variance divided by the number of values
};

Moments moments(const Tensor& x, const float* from) {
    const size_t channels = static_cast<size_t>(x.size[1]);
    const auto of_channel = x.elements() / x.size[1];
    const double count = static_cast<double>(of_channel);
    Moments m{std::vector<double>(channels), std::vector<double>(channels)};
    for_each(x, [&](int64_t n, int64_t c, int64_t h, int64_t w) { m.mean[c] += from[x.at(n, c, h, w)] / count; });
    for_each(x, [&](int64_t n, int64_t c, int64_t h, int64_t w) {
        const double d = from[x.at(n, c, h, w)] - m.mean[c];
        m.variance[c] += d * d / count;
    });
    return m;
}

bool valid(int mode, const Tensor* x, const Tensor* y, const Tensor* parameters) {
    return mode != PER_ACTIVATION && x->same_size(*y) && parameters->elements() == x->size[1] &&
           parameters->size[1] == x->size[1];
}

void update(float* running, size_t at, double factor, double value) {
    running[at] = static_cast<float>((1 - factor) * running[at] + factor * value);
}

}  // namespace

DOUBLE_API Status cudnnBatchNormalizationForwardTraining(const Handle* handle, int mode, const float* alpha,
    const float* beta, const Tensor* x, const float* x_data, const Tensor* y, float* y_data, const Tensor* parameters,
    const float* scale, const float* shift, double factor, float* running_mean, float* running_variance,
    double epsilon, float* saved_mean, float* saved_inverse) {
    return call("cudnnBatchNormalizationForwardTraining", handle, [&] {
        if (!all_known(x, y, parameters) || epsilon < 0) return BAD_PARAM;
        if (!running_mean != !running_variance || !saved_mean != !saved_inverse) return BAD_PARAM;  // both or neither
        if (!valid(mode, x, y, parameters)) return mode == PER_ACTIVATION ? NOT_SUPPORTED : BAD_PARAM;
        const float by = *alpha, keep = *beta;
        const Tensor in = *x, out = *y;
        library_enqueue(handle->stream, "cudnnBatchNormalizationForwardTraining", [=] {
            const size_t channels = static_cast<size_t>(in.size[1]);
            const float* from = readable(x_data, in.extent());
            const float* g = readable(scale, channels);
            const float* b = readable(shift, channels);
            const Moments m = moments(in, from);
            std::vector<double> inverse(channels);
            for (size_t c = 0; c < channels; c++) inverse[c] = 1 / std::sqrt(m.variance[c] + epsilon);
            float* to = writable(y_data, out.extent());
            for_each(in, [&](int64_t n, int64_t c, int64_t h, int64_t w) {
                const double value = (from[in.at(n, c, h, w)] - m.mean[c]) * inverse[c] * g[c] + b[c];
                float& old = to[out.at(n, c, h, w)];
                old = blend(by, static_cast<float>(value), keep, old);
            });
            const auto of_channel = in.elements() / in.size[1];
            const double count = static_cast<double>(of_channel);
            for (size_t c = 0; c < channels; c++) {
                if (running_mean) {
                    update(writable(running_mean, channels), c, factor, m.mean[c]);
                    const double unbiased = count > 1 ? m.variance[c] * count / (count - 1) : m.variance[c];
                    update(writable(running_variance, channels), c, factor, unbiased);
                }
                if (saved_mean) {
                    writable(saved_mean, channels)[c] = static_cast<float>(m.mean[c]);
                    writable(saved_inverse, channels)[c] = static_cast<float>(inverse[c]);
                }
            }
        });
        return SUCCESS;
    });
}

DOUBLE_API Status cudnnBatchNormalizationForwardInference(const Handle* handle, int mode, const float* alpha,
    const float* beta, const Tensor* x, const float* x_data, const Tensor* y, float* y_data, const Tensor* parameters,
    const float* scale, const float* shift, const float* mean, const float* variance, double epsilon) {
    return call("cudnnBatchNormalizationForwardInference", handle, [&] {
        if (!all_known(x, y, parameters) || epsilon < 0) return BAD_PARAM;
        if (!valid(mode, x, y, parameters)) return mode == PER_ACTIVATION ? NOT_SUPPORTED : BAD_PARAM;
        const float by = *alpha, keep = *beta;
        const Tensor in = *x, out = *y;
        library_enqueue(handle->stream, "cudnnBatchNormalizationForwardInference", [=] {
            const size_t channels = static_cast<size_t>(in.size[1]);
            const float* from = readable(x_data, in.extent());
            const float *g = readable(scale, channels), *b = readable(shift, channels);
            const float *m = readable(mean, channels), *v = readable(variance, channels);
            float* to = writable(y_data, out.extent());
            for_each(in, [&](int64_t n, int64_t c, int64_t h, int64_t w) {
                const double value = (from[in.at(n, c, h, w)] - m[c]) / std::sqrt(v[c] + epsilon) * g[c] + b[c];
                float& old = to[out.at(n, c, h, w)];
                old = blend(by, static_cast<float>(value), keep, old);
            });
        });
        return SUCCESS;
    });
}

DOUBLE_API Status cudnnBatchNormalizationBackward(const Handle* handle, int mode, const float* alpha_data,
    const float* beta_data, const float* alpha_parameters, const float* beta_parameters, const Tensor* x,
    const float* x_data, const Tensor* dy, const float* dy_data, const Tensor* dx, float* dx_data,
    const Tensor* parameters, const float* scale, float* dscale, float* dshift, double epsilon,
    const float* saved_mean, const float* saved_inverse) {
    return call("cudnnBatchNormalizationBackward", handle, [&] {
        if (!all_known(x, dy, dx, parameters) || epsilon < 0 || !saved_mean != !saved_inverse || !x->same_size(*dx))
            return BAD_PARAM;
        if (!valid(mode, x, dy, parameters)) return mode == PER_ACTIVATION ? NOT_SUPPORTED : BAD_PARAM;
        const float by = *alpha_data, keep = *beta_data, by_p = *alpha_parameters, keep_p = *beta_parameters;
        const Tensor in = *x, gradient = *dy, out = *dx;
        library_enqueue(handle->stream, "cudnnBatchNormalizationBackward", [=] {
            const size_t channels = static_cast<size_t>(in.size[1]);
            const auto of_channel = in.elements() / in.size[1];
            const double count = static_cast<double>(of_channel);
            const float *from = readable(x_data, in.extent()), *above = readable(dy_data, gradient.extent());
            const float* g = readable(scale, channels);
            const Moments m = moments(in, from);
            std::vector<double> mean = m.mean, inverse(channels), sum(channels), product(channels);
            for (size_t c = 0; c < channels; c++) {
                inverse[c] =
                    saved_inverse ? readable(saved_inverse, channels)[c] : 1 / std::sqrt(m.variance[c] + epsilon);
                if (saved_mean) mean[c] = readable(saved_mean, channels)[c];
            }
            for_each(in, [&](int64_t n, int64_t c, int64_t h, int64_t w) {
                const double d = above[gradient.at(n, c, h, w)];
                sum[c] += d;
                product[c] += d * (from[in.at(n, c, h, w)] - mean[c]) * inverse[c];
            });
            float* to = writable(dx_data, out.extent());
            for_each(in, [&](int64_t n, int64_t c, int64_t h, int64_t w) {
                const double normalised = (from[in.at(n, c, h, w)] - mean[c]) * inverse[c];
                const double d = above[gradient.at(n, c, h, w)];
                const double value = g[c] * inverse[c] * (d - sum[c] / count - normalised * product[c] / count);
                float& old = to[out.at(n, c, h, w)];
                old = blend(by, static_cast<float>(value), keep, old);
            });
            float *ds = writable(dscale, channels), *db = writable(dshift, channels);
            for (size_t c = 0; c < channels; c++) {
                ds[c] = blend(by_p, static_cast<float>(product[c]), keep_p, ds[c]);
                db[c] = blend(by_p, static_cast<float>(sum[c]), keep_p, db[c]);
            }
        });
        return SUCCESS;
    });
}

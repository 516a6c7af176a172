// What the parts of the cuDNN double share: statuses, descriptors, and calls. float32, four dimensions, any strides.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "../gemm.h"
#include "../library.h"

namespace cudnn_double {

using driver_double::blend;
using driver_double::library_enqueue;
using driver_double::readable;
using driver_double::writable;

enum Status : int {
    SUCCESS = 0,
    NOT_INITIALIZED = 1001,
    BAD_PARAM = 2000,
    NOT_SUPPORTED = 3000,
    EXECUTION_FAILED = 5000
};

constexpr int FLOAT = 0;
enum Format : int { NCHW = 0, NHWC = 1 };
enum MathType : int { DEFAULT_MATH = 0, FMA_MATH = 3 };
enum Activation : int { RELU = 1, IDENTITY = 5 };

struct Handle {
    CUstream stream = nullptr;
};

// [n, c, h, w]; of a filter [k, c, r, s].
struct Tensor {
    int64_t size[4] = {};
    int64_t stride[4] = {};

    int64_t elements() const { return size[0] * size[1] * size[2] * size[3]; }
    // From the first element to the last, gaps between them too.
    size_t extent() const {
        int64_t last = 0;
        for (int d = 0; d < 4; d++) last += (size[d] - 1) * stride[d];
        return elements() == 0 ? 0 : static_cast<size_t>(last + 1);
    }
    int64_t at(int64_t n, int64_t c, int64_t h, int64_t w) const {
        return n * stride[0] + c * stride[1] + h * stride[2] + w * stride[3];
    }
    bool valid() const { return size[0] > 0 && size[1] > 0 && size[2] > 0 && size[3] > 0; }
    bool same_size(const Tensor& other) const { return std::equal(size, size + 4, other.size); }
    // Each dimension that of `other`, or 1.
    bool spreads_over(const Tensor& other) const {
        for (int d = 0; d < 4; d++) {
            if (size[d] != other.size[d] && size[d] != 1) return false;
        }
        return true;
    }
    // Where the element lies that belongs to one of a larger tensor.
    int64_t spread(int64_t n, int64_t c, int64_t h, int64_t w) const {
        return at(size[0] == 1 ? 0 : n, size[1] == 1 ? 0 : c, size[2] == 1 ? 0 : h, size[3] == 1 ? 0 : w);
    }
    void pack(Format format) {
        const int64_t c = size[1], h = size[2], w = size[3];
        const int64_t nchw[] = {c * h * w, h * w, w, 1}, nhwc[] = {c * h * w, 1, w * c, c};
        std::copy_n(format == NCHW ? nchw : nhwc, 4, stride);
    }
};

template <class Body>
void for_each(const Tensor& t, Body body) {
    for (int64_t n = 0; n < t.size[0]; n++) {
        for (int64_t c = 0; c < t.size[1]; c++) {
            for (int64_t h = 0; h < t.size[2]; h++) {
                for (int64_t w = 0; w < t.size[3]; w++) body(n, c, h, w);
            }
        }
    }
}

struct Convolution {
    int pad[2] = {}, stride[2] = {1, 1}, dilation[2] = {1, 1};
    int cross_correlation = 1, groups = 1, math = DEFAULT_MATH, data_type = FLOAT;

    // Rows or columns of the result.
    int64_t output(int d, int64_t input, int64_t kernel) const {
        return (input + 2 * pad[d] - dilation[d] * (kernel - 1) - 1) / stride[d] + 1;
    }
};

struct ActivationDescriptor {
    int mode = RELU, propagate_nan = 0;
    double coefficient = 0;
    float operator()(float x) const { return mode == IDENTITY || x > 0 || (propagate_nan && x != x) ? x : 0; }
    bool known() const { return mode == RELU || mode == IDENTITY; }
};

struct Pooling {
    int mode = 0, propagate_nan = 0;
    int window[2] = {1, 1}, pad[2] = {}, stride[2] = {1, 1};
};

struct OpTensor {
    int operation = 0;
};
struct ReduceTensor {
    int operation = 0;
};

// Whether the descriptor was created and not destroyed.
bool known(const void* descriptor);
bool known(const Handle* handle);
void forget_descriptor(const void* descriptor);
void remember_descriptor(const void* descriptor);

template <class... D>
bool all_known(const D*... descriptors) {
    return (known(static_cast<const void*>(descriptors)) && ...);
}

// A call that takes a handle: counted, perhaps failed, then its body.
template <class Body>
Status call(const char* function, const Handle* handle, Body body) {
    std::lock_guard<std::recursive_mutex> held(driver_double::library_lock());
    if (const int failed = driver_double::library_call(function))
        return failed < 0 ? EXECUTION_FAILED : static_cast<Status>(failed);
    if (!known(handle)) return NOT_INITIALIZED;
    return body();
}

}  // namespace cudnn_double

// Handles and descriptors: created, filled, read and destroyed; live ones are counted.
#include <set>

#include "cudnn_double.h"

using namespace cudnn_double;

namespace cudnn_double {

static std::set<const void*>& descriptors() {
    static std::set<const void*> all;
    return all;
}
static std::set<const Handle*>& handles() {
    static std::set<const Handle*> all;
    return all;
}

bool known(const void* descriptor) { return descriptors().count(descriptor) != 0; }
bool known(const Handle* handle) { return handles().count(handle) != 0; }

void remember_descriptor(const void* descriptor) {
    descriptors().insert(descriptor);
    driver_double::library_count("live.cudnn_descriptor", 1);
}
void forget_descriptor(const void* descriptor) {
    descriptors().erase(descriptor);
    driver_double::library_count("live.cudnn_descriptor", -1);
}

}  // namespace cudnn_double

DOUBLE_API size_t cudnnGetVersion() { return 90600; }
DOUBLE_API size_t cudnnGetMaxDeviceVersion() { return 90600; }
DOUBLE_API size_t cudnnGetCudartVersion() { return 12060; }

DOUBLE_API Status cudnnGetProperty(int which, int* value) {
    const int parts[] = {9, 6, 0};
    if (which < 0 || which > 2) return BAD_PARAM;
    *value = parts[which];
    return SUCCESS;
}

DOUBLE_API const char* cudnnGetErrorString(int status) {
    switch (status) {
        case SUCCESS: return "CUDNN_STATUS_SUCCESS";
        case NOT_INITIALIZED: return "CUDNN_STATUS_NOT_INITIALIZED";
        case BAD_PARAM: return "CUDNN_STATUS_BAD_PARAM";
        case NOT_SUPPORTED: return "CUDNN_STATUS_NOT_SUPPORTED";
        case 4000: return "CUDNN_STATUS_INTERNAL_ERROR";
        case 4003: return "CUDNN_STATUS_INTERNAL_ERROR_HOST_ALLOCATION_FAILED";
        case 4004: return "CUDNN_STATUS_INTERNAL_ERROR_DEVICE_ALLOCATION_FAILED";
        case EXECUTION_FAILED: return "CUDNN_STATUS_EXECUTION_FAILED";
        default: return "unknown status";
    }
}

DOUBLE_API Status cudnnCreate(Handle** handle) {
    std::lock_guard<std::recursive_mutex> held(driver_double::library_lock());
    if (const int failed = driver_double::library_call("cudnnCreate"))
        return failed < 0 ? NOT_INITIALIZED : static_cast<Status>(failed);
    *handle = new Handle();
    handles().insert(*handle);
    driver_double::library_count("live.cudnn_handle", 1);
    return SUCCESS;
}

// Works in a lost context too.
DOUBLE_API Status cudnnDestroy(Handle* handle) {
    std::lock_guard<std::recursive_mutex> held(driver_double::library_lock());
    if (handles().erase(handle) == 0) return NOT_INITIALIZED;
    driver_double::library_count("live.cudnn_handle", -1);
    delete handle;
    return SUCCESS;
}

DOUBLE_API Status cudnnSetStream(Handle* handle, CUstream stream) {
    return call("cudnnSetStream", handle, [=] {
        handle->stream = stream;
        return SUCCESS;
    });
}

DOUBLE_API Status cudnnGetStream(Handle* handle, CUstream* stream) {
    return call("cudnnGetStream", handle, [=] {
        *stream = handle->stream;
        return SUCCESS;
    });
}

#define DESCRIPTOR(name, Type)                                                     \
    DOUBLE_API Status cudnnCreate##name##Descriptor(Type** descriptor) {           \
        std::lock_guard<std::recursive_mutex> held(driver_double::library_lock()); \
        *descriptor = new Type();                                                  \
        remember_descriptor(*descriptor);                                          \
        return SUCCESS;                                                            \
    }                                                                              \
    DOUBLE_API Status cudnnDestroy##name##Descriptor(Type* descriptor) {           \
        std::lock_guard<std::recursive_mutex> held(driver_double::library_lock()); \
        if (!descriptor) return SUCCESS;                                           \
        if (!known(static_cast<const void*>(descriptor))) return BAD_PARAM;        \
        forget_descriptor(descriptor);                                             \
        delete descriptor;                                                         \
        return SUCCESS;                                                            \
    }
DESCRIPTOR(Tensor, Tensor)
DESCRIPTOR(Filter, Tensor)
DESCRIPTOR(Convolution, Convolution)
DESCRIPTOR(Activation, ActivationDescriptor)
DESCRIPTOR(Pooling, Pooling)
DESCRIPTOR(OpTensor, OpTensor)
DESCRIPTOR(ReduceTensor, ReduceTensor)

static Status set(Tensor* t, int type, const int* size, const int* stride, int format) {
    if (!all_known(t)) return BAD_PARAM;
    if (type != FLOAT || format > NHWC) return NOT_SUPPORTED;
    Tensor filled;
    std::copy_n(size, 4, filled.size);
    if (!filled.valid()) return BAD_PARAM;
    if (stride) {
        std::copy_n(stride, 4, filled.stride);
    } else {
        filled.pack(static_cast<Format>(format));
    }
    *t = filled;
    return SUCCESS;
}

DOUBLE_API Status cudnnSetTensor4dDescriptor(Tensor* t, int format, int type, int n, int c, int h, int w) {
    const int size[] = {n, c, h, w};
    return set(t, type, size, nullptr, format);
}

DOUBLE_API Status cudnnSetTensor4dDescriptorEx(
    Tensor* t, int type, int n, int c, int h, int w, int sn, int sc, int sh, int sw) {
    const int size[] = {n, c, h, w}, stride[] = {sn, sc, sh, sw};
    return set(t, type, size, stride, NCHW);
}

DOUBLE_API Status cudnnSetTensorNdDescriptor(Tensor* t, int type, int dimensions, const int* size, const int* stride) {
    return dimensions == 4 ? set(t, type, size, stride, NCHW) : NOT_SUPPORTED;
}

DOUBLE_API Status cudnnGetTensor4dDescriptor(
    const Tensor* t, int* type, int* n, int* c, int* h, int* w, int* sn, int* sc, int* sh, int* sw) {
    if (!all_known(t)) return BAD_PARAM;
    *type = FLOAT;
    int* const size[] = {n, c, h, w};
    int* const stride[] = {sn, sc, sh, sw};
    for (int d = 0; d < 4; d++) {
        *size[d] = static_cast<int>(t->size[d]);
        *stride[d] = static_cast<int>(t->stride[d]);
    }
    return SUCCESS;
}

DOUBLE_API Status cudnnGetTensorSizeInBytes(const Tensor* t, size_t* bytes) {
    if (!all_known(t)) return BAD_PARAM;
    *bytes = t->extent() * sizeof(float);
    return SUCCESS;
}

DOUBLE_API Status cudnnSetFilter4dDescriptor(Tensor* t, int type, int format, int k, int c, int r, int s) {
    const int size[] = {k, c, r, s};
    return set(t, type, size, nullptr, format);
}

DOUBLE_API Status cudnnGetFilterSizeInBytes(const Tensor* t, size_t* bytes) {
    return cudnnGetTensorSizeInBytes(t, bytes);
}

DOUBLE_API Status cudnnSetConvolution2dDescriptor(Convolution* c, int pad_h, int pad_w, int stride_h, int stride_w,
    int dilation_h, int dilation_w, int mode, int type) {
    if (!all_known(c) || pad_h < 0 || pad_w < 0 || stride_h < 1 || stride_w < 1 || dilation_h < 1 || dilation_w < 1)
        return BAD_PARAM;
    if (type != FLOAT) return NOT_SUPPORTED;
    *c = {{pad_h, pad_w}, {stride_h, stride_w}, {dilation_h, dilation_w}, mode, 1, DEFAULT_MATH, type};
    return SUCCESS;
}

DOUBLE_API Status cudnnSetConvolutionMathType(Convolution* c, int math) {
    if (!all_known(c) || math < 0 || math > FMA_MATH) return BAD_PARAM;
    c->math = math;
    return SUCCESS;
}

DOUBLE_API Status cudnnGetConvolutionMathType(Convolution* c, int* math) {
    if (!all_known(c)) return BAD_PARAM;
    *math = c->math;
    return SUCCESS;
}

DOUBLE_API Status cudnnSetConvolutionGroupCount(Convolution* c, int groups) {
    if (!all_known(c)) return BAD_PARAM;
    c->groups = groups;
    return SUCCESS;
}

DOUBLE_API Status cudnnSetActivationDescriptor(
    ActivationDescriptor* a, int mode, int propagate_nan, double coefficient) {
    if (!all_known(a)) return BAD_PARAM;
    *a = {mode, propagate_nan, coefficient};
    return SUCCESS;
}

DOUBLE_API Status cudnnSetPooling2dDescriptor(Pooling* p, int mode, int propagate_nan, int window_h, int window_w,
    int pad_h, int pad_w, int stride_h, int stride_w) {
    if (!all_known(p) || window_h < 1 || window_w < 1 || stride_h < 1 || stride_w < 1 || pad_h < 0 || pad_w < 0)
        return BAD_PARAM;
    *p = {mode, propagate_nan, {window_h, window_w}, {pad_h, pad_w}, {stride_h, stride_w}};
    return SUCCESS;
}

DOUBLE_API Status cudnnSetOpTensorDescriptor(OpTensor* o, int operation, int type, int) {
    if (!all_known(o)) return BAD_PARAM;
    o->operation = operation;
    return type == FLOAT ? SUCCESS : NOT_SUPPORTED;
}

DOUBLE_API Status cudnnSetReduceTensorDescriptor(ReduceTensor* r, int operation, int type, int, int indices, int) {
    if (!all_known(r)) return BAD_PARAM;
    r->operation = operation;
    return type == FLOAT && indices == 0 ? SUCCESS : NOT_SUPPORTED;
}

DOUBLE_API Status cudnnDeriveBNTensorDescriptor(Tensor* derived, const Tensor* x, int mode) {
    if (!all_known(derived, x)) return BAD_PARAM;
    if (mode == 0) return NOT_SUPPORTED;  // per activation
    const int size[] = {1, static_cast<int>(x->size[1]), 1, 1};
    return set(derived, FLOAT, size, nullptr, NCHW);
}

#define UNSUPPORTED(name)                   \
    DOUBLE_API Status name() {              \
        driver_double::library_call(#name); \
        return NOT_SUPPORTED;               \
    }
#include "unsupported.inc"

// A double of cuBLAS: the calls that an engine makes. Matrices are column-major.
#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "../gemm.h"
#include "../library.h"

using namespace driver_double;

namespace {

enum Status : int { SUCCESS = 0, NOT_INITIALIZED = 1, INVALID_VALUE = 7, EXECUTION_FAILED = 13, NOT_SUPPORTED = 15 };
enum Operation : int { N = 0, T = 1, C = 2 };
enum MathMode : int { DEFAULT_MATH = 0, PEDANTIC_MATH = 2, TF32_MATH = 3 };
constexpr int POINTERS_ON_DEVICE = 1;
constexpr int FLOAT = 0;           // cudaDataType_t CUDA_R_32F
constexpr int COMPUTE_FLOAT = 68;  // CUBLAS_COMPUTE_32F
constexpr int COMPUTE_PEDANTIC = 69;
constexpr int COMPUTE_DOUBLE = 70;  // CUBLAS_COMPUTE_64F
constexpr int COMPUTE_TF32 = 77;    // CUBLAS_COMPUTE_32F_FAST_TF32

struct Handle {
    CUstream stream = nullptr;
    int math = DEFAULT_MATH;
    int pointers = 0;
    int atomics = 0;
};

std::set<Handle*>& handles() {
    static std::set<Handle*> all;
    return all;
}

// A call that takes a handle: counted, perhaps failed, then its body.
template <class Body>
Status call(const char* function, Handle* handle, Body body) {
    std::lock_guard<std::recursive_mutex> held(library_lock());
    if (const int failed = library_call(function)) return failed < 0 ? EXECUTION_FAILED : static_cast<Status>(failed);
    if (!handles().count(handle)) return NOT_INITIALIZED;
    return body();
}

// A factor, from the host now or from the device when the stream gets there.
template <class T>
struct Factor {
    T value = 0;
    const T* address = nullptr;
    Factor(const Handle* handle, const T* p) {
        if (handle->pointers == POINTERS_ON_DEVICE) {
            address = p;
        } else {
            value = *p;
        }
    }
    T get() const { return address ? *readable(address, 1) : value; }
};

template <class T>
struct Matrix {
    const T* p;
    int64_t ld;
    int operation;
};

size_t extent(int64_t rows, int64_t columns, int64_t ld) {
    return rows < 1 || columns < 1 ? 0 : static_cast<size_t>((columns - 1) * ld + rows);
}

// op(M)[rows, columns], row-major.
template <class T>
std::vector<T> dense(const Matrix<T>& m, int64_t rows, int64_t columns) {
    const bool plain = m.operation == N;
    const T* from = readable(m.p, plain ? extent(rows, columns, m.ld) : extent(columns, rows, m.ld));
    std::vector<T> all(static_cast<size_t>(rows * columns));
    for (int64_t i = 0; from && i < rows; i++) {  // null only where there is no element
        for (int64_t j = 0; j < columns; j++) all[i * columns + j] = plain ? from[j * m.ld + i] : from[i * m.ld + j];
    }
    return all;
}

template <class T>
void gemm(
    int64_t m, int64_t n, int64_t k, T alpha, const Matrix<T>& a, const Matrix<T>& b, T beta, T* c, int64_t ldc) {
    if (m == 0 || n == 0) return;
    std::vector<T> product(static_cast<size_t>(m * n));
    if (alpha != 0 && k > 0) multiply_add(m, n, k, dense(a, m, k).data(), dense(b, k, n).data(), product.data());
    T* to = writable(c, extent(m, n, ldc));
    for (int64_t i = 0; i < m; i++) {
        for (int64_t j = 0; j < n; j++) to[j * ldc + i] = blend(alpha, product[i * n + j], beta, to[j * ldc + i]);
    }
}

template <class T>
bool valid(int64_t m, int64_t n, int64_t k, const Matrix<T>& a, const Matrix<T>& b, int64_t ldc) {
    auto fits = [](const Matrix<T>& x, int64_t rows, int64_t columns) {
        return x.operation >= N && x.operation <= C && x.ld >= (x.operation == N ? rows : columns) && x.ld >= 1;
    };
    return m >= 0 && n >= 0 && k >= 0 && fits(a, m, k) && fits(b, k, n) && ldc >= m && ldc >= 1;
}

void count_product(const Handle* handle, int compute) {
    if (compute == COMPUTE_DOUBLE) return library_count("cublas.float64", 1);
    const bool tf32 = compute == COMPUTE_TF32 || (compute == COMPUTE_FLOAT && handle->math == TF32_MATH);
    library_count(tf32 ? "cublas.tf32" : "cublas.float32", 1);
}

template <class T>
Status batched(const char* function, Handle* handle, int compute, int64_t m, int64_t n, int64_t k, const T* alpha,
    Matrix<T> a, int64_t step_a, Matrix<T> b, int64_t step_b, const T* beta, T* c, int64_t ldc, int64_t step_c,
    int64_t batches) {
    return call(function, handle, [&] {
        if (!valid(m, n, k, a, b, ldc) || batches < 0) return INVALID_VALUE;
        count_product(handle, compute);
        const Factor<T> by(handle, alpha), keep(handle, beta);
        library_enqueue(handle->stream, function, [=] {
            for (int64_t i = 0; i < batches; i++) {
                gemm<T>(m, n, k, by.get(), {a.p + i * step_a, a.ld, a.operation},
                    {b.p + i * step_b, b.ld, b.operation}, keep.get(), c + i * step_c, ldc);
            }
        });
        return SUCCESS;
    });
}

}  // namespace

DOUBLE_API Status cublasCreate_v2(Handle** handle) {
    std::lock_guard<std::recursive_mutex> held(library_lock());
    if (const int failed = library_call("cublasCreate_v2"))
        return failed < 0 ? NOT_INITIALIZED : static_cast<Status>(failed);
    *handle = new Handle();
    handles().insert(*handle);
    library_count("live.cublas_handle", 1);
    return SUCCESS;
}

// Works in a lost context too.
DOUBLE_API Status cublasDestroy_v2(Handle* handle) {
    std::lock_guard<std::recursive_mutex> held(library_lock());
    if (handles().erase(handle) == 0) return NOT_INITIALIZED;
    library_count("live.cublas_handle", -1);
    delete handle;
    return SUCCESS;
}

#define SETTER(name, field, type)                                    \
    DOUBLE_API Status cublasSet##name(Handle* handle, type value) {  \
        return call("cublasSet" #name, handle, [=] {                 \
            handle->field = value;                                   \
            return SUCCESS;                                          \
        });                                                          \
    }                                                                \
    DOUBLE_API Status cublasGet##name(Handle* handle, type* value) { \
        return call("cublasGet" #name, handle, [=] {                 \
            *value = handle->field;                                  \
            return SUCCESS;                                          \
        });                                                          \
    }
SETTER(Stream_v2, stream, CUstream)
SETTER(MathMode, math, int)
SETTER(PointerMode_v2, pointers, int)
SETTER(AtomicsMode, atomics, int)

DOUBLE_API Status cublasSetWorkspace_v2(Handle* handle, void*, size_t) {
    return call("cublasSetWorkspace_v2", handle, [] { return SUCCESS; });
}

DOUBLE_API Status cublasGetVersion_v2(Handle*, int* version) {
    *version = 120600;
    return SUCCESS;
}

DOUBLE_API Status cublasGetProperty(int which, int* value) {
    const int parts[] = {12, 6, 0};
    if (which < 0 || which > 2) return INVALID_VALUE;
    *value = parts[which];
    return SUCCESS;
}

DOUBLE_API size_t cublasGetCudartVersion() { return 12060; }

DOUBLE_API const char* cublasGetStatusName(int status) {
    switch (status) {
        case SUCCESS: return "CUBLAS_STATUS_SUCCESS";
        case NOT_INITIALIZED: return "CUBLAS_STATUS_NOT_INITIALIZED";
        case 3: return "CUBLAS_STATUS_ALLOC_FAILED";
        case INVALID_VALUE: return "CUBLAS_STATUS_INVALID_VALUE";
        case 8: return "CUBLAS_STATUS_ARCH_MISMATCH";
        case EXECUTION_FAILED: return "CUBLAS_STATUS_EXECUTION_FAILED";
        case 14: return "CUBLAS_STATUS_INTERNAL_ERROR";
        case NOT_SUPPORTED: return "CUBLAS_STATUS_NOT_SUPPORTED";
        default: return "unknown status";
    }
}
DOUBLE_API const char* cublasGetStatusString(int status) { return cublasGetStatusName(status); }

DOUBLE_API Status cublasSgemm_v2(Handle* handle, int ta, int tb, int m, int n, int k, const float* alpha,
    const float* a, int lda, const float* b, int ldb, const float* beta, float* c, int ldc) {
    return batched<float>(
        "cublasSgemm_v2", handle, COMPUTE_FLOAT, m, n, k, alpha, {a, lda, ta}, 0, {b, ldb, tb}, 0, beta, c, ldc, 0, 1);
}

DOUBLE_API Status cublasDgemm_v2(Handle* handle, int ta, int tb, int m, int n, int k, const double* alpha,
    const double* a, int lda, const double* b, int ldb, const double* beta, double* c, int ldc) {
    return batched<double>("cublasDgemm_v2", handle, COMPUTE_DOUBLE, m, n, k, alpha, {a, lda, ta}, 0, {b, ldb, tb}, 0,
        beta, c, ldc, 0, 1);
}

DOUBLE_API Status cublasSgemmStridedBatched(Handle* handle, int ta, int tb, int m, int n, int k, const float* alpha,
    const float* a, int lda, long long step_a, const float* b, int ldb, long long step_b, const float* beta, float* c,
    int ldc, long long step_c, int batches) {
    return batched<float>("cublasSgemmStridedBatched", handle, COMPUTE_FLOAT, m, n, k, alpha, {a, lda, ta}, step_a,
        {b, ldb, tb}, step_b, beta, c, ldc, step_c, batches);
}

DOUBLE_API Status cublasGemmEx(Handle* handle, int ta, int tb, int m, int n, int k, const void* alpha, const void* a,
    int type_a, int lda, const void* b, int type_b, int ldb, const void* beta, void* c, int type_c, int ldc,
    int compute, int) {
    const bool known = compute == COMPUTE_FLOAT || compute == COMPUTE_PEDANTIC || compute == COMPUTE_TF32;
    if (type_a != FLOAT || type_b != FLOAT || type_c != FLOAT || !known) return NOT_SUPPORTED;
    return batched<float>("cublasGemmEx", handle, compute, m, n, k, static_cast<const float*>(alpha),
        {static_cast<const float*>(a), lda, ta}, 0, {static_cast<const float*>(b), ldb, tb}, 0,
        static_cast<const float*>(beta), static_cast<float*>(c), ldc, 0, 1);
}

// A product with a dense vector that has its own increment.
static std::vector<float> gathered(const float* x, int64_t count, int64_t step) {
    const float* from = readable(x, static_cast<size_t>((count - 1) * step + 1));
    std::vector<float> all(static_cast<size_t>(count));
    for (int64_t i = 0; i < count; i++) all[i] = from[i * step];
    return all;
}

DOUBLE_API Status cublasSgemv_v2(Handle* handle, int ta, int m, int n, const float* alpha, const float* a, int lda,
    const float* x, int incx, const float* beta, float* y, int incy) {
    return call("cublasSgemv_v2", handle, [&] {
        if (m < 0 || n < 0 || ta < N || ta > C || lda < m || lda < 1) return INVALID_VALUE;
        if (incx < 1 || incy < 1) return incx == 0 || incy == 0 ? INVALID_VALUE : NOT_SUPPORTED;
        if (m == 0 || n == 0) return SUCCESS;
        count_product(handle, COMPUTE_FLOAT);
        const Factor<float> by(handle, alpha), keep(handle, beta);
        const int64_t rows = ta == N ? m : n, columns = ta == N ? n : m;
        library_enqueue(handle->stream, "cublasSgemv_v2", [=] {
            std::vector<float> product(static_cast<size_t>(rows));
            multiply_add(rows, 1, columns, dense<float>({a, lda, ta}, rows, columns).data(),
                gathered(x, columns, incx).data(), product.data());
            float* to = writable(y, static_cast<size_t>((rows - 1) * incy + 1));
            for (int64_t i = 0; i < rows; i++) to[i * incy] = blend(by.get(), product[i], keep.get(), to[i * incy]);
        });
        return SUCCESS;
    });
}

DOUBLE_API Status cublasSaxpy_v2(
    Handle* handle, int n, const float* alpha, const float* x, int incx, float* y, int incy) {
    return call("cublasSaxpy_v2", handle, [&] {
        if (incx < 1 || incy < 1) return NOT_SUPPORTED;
        if (n < 1) return SUCCESS;
        const Factor<float> by(handle, alpha);
        library_enqueue(handle->stream, "cublasSaxpy_v2", [=] {
            const std::vector<float> from = gathered(x, n, incx);
            float* to = writable(y, static_cast<size_t>((int64_t(n) - 1) * incy + 1));
            for (int64_t i = 0; i < n; i++) to[i * incy] += by.get() * from[i];
        });
        return SUCCESS;
    });
}

DOUBLE_API Status cublasSscal_v2(Handle* handle, int n, const float* alpha, float* x, int incx) {
    return call("cublasSscal_v2", handle, [&] {
        if (incx < 1) return NOT_SUPPORTED;
        if (n < 1) return SUCCESS;
        const Factor<float> by(handle, alpha);
        library_enqueue(handle->stream, "cublasSscal_v2", [=] {
            float* to = writable(x, static_cast<size_t>((int64_t(n) - 1) * incx + 1));
            for (int64_t i = 0; i < n; i++) to[i * incx] *= by.get();
        });
        return SUCCESS;
    });
}

DOUBLE_API Status cublasSger_v2(Handle* handle, int m, int n, const float* alpha, const float* x, int incx,
    const float* y, int incy, float* a, int lda) {
    return call("cublasSger_v2", handle, [&] {
        if (m < 0 || n < 0 || lda < m || lda < 1) return INVALID_VALUE;
        if (incx < 1 || incy < 1) return NOT_SUPPORTED;
        if (m == 0 || n == 0) return SUCCESS;
        const Factor<float> by(handle, alpha);
        library_enqueue(handle->stream, "cublasSger_v2", [=] {
            const std::vector<float> left = gathered(x, m, incx), right = gathered(y, n, incy);
            float* to = writable(a, extent(m, n, lda));
            for (int64_t j = 0; j < n; j++) {
                for (int64_t i = 0; i < m; i++) to[j * int64_t(lda) + i] += by.get() * left[i] * right[j];
            }
        });
        return SUCCESS;
    });
}

#define UNSUPPORTED(name)      \
    DOUBLE_API Status name() { \
        library_call(#name);   \
        return NOT_SUPPORTED;  \
    }
#include "unsupported.inc"

// The one matrix product of the doubles.
#pragma once

#include <cstdint>

namespace driver_double {

// C[m, n] += A[m, k] B[k, n], row-major and dense; a sum runs over k in order, in the matrices' type.
template <class T>
void multiply_add(int64_t m, int64_t n, int64_t k, const T* a, const T* b, T* c) {
    for (int64_t i = 0; i < m; i++) {
        T* to = c + i * n;
        for (int64_t p = 0; p < k; p++) {
            const T by = a[i * k + p];
            const T* row = b + p * n;
            for (int64_t j = 0; j < n; j++) to[j] += by * row[j];
        }
    }
}

// As BLAS and cuDNN blend: with beta 0 what was there is not read, NaN included.
template <class T>
T blend(T alpha, T value, T beta, T old) {
    return beta == 0 ? alpha * value : alpha * value + beta * old;
}

}  // namespace driver_double

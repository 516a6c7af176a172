// The one matrix product of the doubles.
#pragma once

#include <cstdint>

namespace driver_double {

// C[m, n] += A[m, k] B[k, n], row-major and dense; a sum runs over k in order, in float32.
inline void multiply_add(int64_t m, int64_t n, int64_t k, const float* a, const float* b, float* c) {
    for (int64_t i = 0; i < m; i++) {
        float* to = c + i * n;
        for (int64_t p = 0; p < k; p++) {
            const float by = a[i * k + p];
            const float* row = b + p * n;
            for (int64_t j = 0; j < n; j++) to[j] += by * row[j];
        }
    }
}

// As BLAS and cuDNN blend: with beta 0 what was there is not read, NaN included.
inline float blend(float alpha, float value, float beta, float old) { return beta == 0 ? alpha * value : alpha * value + beta * old; }

}  // namespace driver_double

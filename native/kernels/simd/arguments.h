// What the kernels' checks of their arguments share: alignment, and sizes whose products must not overflow.
#pragma once

#include <stdint.h>

namespace {

inline bool aligned_to(int64_t bytes, const void* address) {
    return reinterpret_cast<uintptr_t>(address) % uintptr_t(bytes) == 0;
}

// Given, and aligned to its elements.
template <typename Element>
inline bool given(const Element* address) {
    return address && aligned_to(alignof(Element), address);
}

// Null, or aligned to its elements.
template <typename Element>
inline bool absent_or_given(const Element* address) {
    return !address || given(address);
}

// Whether so many elements of 8 bytes have addresses; negative sizes have none.
inline bool addressable(int64_t a, int64_t b, int64_t c = 1, int64_t d = 1) {
    int64_t product = 8;
    const int64_t sizes[] = {a, b, c, d};
    for (int64_t size : sizes) {
        if (size < 0 || __builtin_mul_overflow(product, size, &product)) return false;
    }
    return true;
}

// Rows that are read: they may overlap, and a stride of 0 repeats one.
inline bool rows_to_read(int64_t rows, int64_t columns, int64_t stride) {
    return addressable(rows, columns) && addressable(rows, stride);
}

// Rows that are written by several threads: none may reach into the next.
inline bool rows_to_write(int64_t rows, int64_t columns, int64_t stride) {
    return rows_to_read(rows, columns, stride) && (rows == 1 || stride >= columns);
}

}  // namespace

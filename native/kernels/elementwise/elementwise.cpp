// Per value: reads 8 bytes (4 for relu), writes 4.
#include "../simd/kernels.h"
#include "../simd/simd.h"

namespace {

template <typename Operation>
inline void each(const palimpsest_elementwise_args& args, int64_t begin, int64_t end, bool one, Operation operation) {
    const float* b = one ? args.a : args.b;
    int64_t i = begin;
    for (; i + LANES <= end; i += LANES) store(args.out + i, operation(load(args.a + i), load(b + i)));
    if (i < end) {
        int n = int(end - i);
        const Vec zero = splat(0);
        store_first(args.out + i, operation(load_first(args.a + i, n, zero), load_first(b + i, n, zero)), n);
    }
}

inline Vec sum(const palimpsest_elementwise_args& args, int64_t i, int n) {
    const Vec zero = splat(0);
    Vec total = n == LANES ? load(args.a + i) : load_first(args.a + i, n, zero);
    for (int64_t k = 1; k < args.terms; k++) {
        const float* term = args.a + k * args.stride + i;
        total = total + (n == LANES ? load(term) : load_first(term, n, zero));
    }
    return total;
}

void sums(const palimpsest_elementwise_args& args, int64_t begin, int64_t end) {
    int64_t i = begin;
    for (; i + LANES <= end; i += LANES) store(args.out + i, sum(args, i, LANES));
    if (i < end) store_first(args.out + i, sum(args, i, int(end - i)), int(end - i));
}

}  // namespace

void PALIMPSEST_VARIANT(palimpsest_elementwise)(const palimpsest_elementwise_args* args, int64_t begin, int64_t end) {
    const Vec zero = splat(0);
    switch (args->operation) {
        case PALIMPSEST_ADD: return each(*args, begin, end, false, [](Vec a, Vec b) { return a + b; });
        case PALIMPSEST_ADD_RELU:
            return each(*args, begin, end, false, [&](Vec a, Vec b) { return max(zero, a + b); });
        case PALIMPSEST_RELU: return each(*args, begin, end, true, [&](Vec a, Vec) { return max(zero, a); });
        case PALIMPSEST_RELU_GRADIENT:
            return each(*args, begin, end, false, [](Vec a, Vec b) { return keep_positive(a, b); });
        default: return sums(*args, begin, end);
    }
}

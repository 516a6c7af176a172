// What the library says about elementwise before it runs: which arguments are valid.
#include "../simd/arguments.h"
#include "../simd/kernels.h"

bool palimpsest_valid(const palimpsest_elementwise_args* a, int64_t begin, int64_t end) {
    if (!given(a) || a->operation < PALIMPSEST_ADD || a->operation > PALIMPSEST_SUM) return false;
    if (!addressable(a->count, 1)) return false;
    const bool one = a->operation == PALIMPSEST_RELU || a->operation == PALIMPSEST_SUM;
    if (!given(a->a) || !given(a->out) || (!one && !given(a->b))) return false;
    if (a->operation == PALIMPSEST_SUM && (a->terms < 1 || !addressable(a->terms, a->stride))) return false;
    return 0 <= begin && begin <= end && end <= a->count;
}

// What the library says about elementwise before it runs: which arguments are valid.
#include "../simd/kernels.h"

bool palimpsest_valid(const palimpsest_elementwise_args* a, int64_t begin, int64_t end) {
    if (!a || a->operation < PALIMPSEST_ADD || a->operation > PALIMPSEST_SUM || a->count < 0) return false;
    const bool one = a->operation == PALIMPSEST_RELU || a->operation == PALIMPSEST_SUM;
    if (!a->a || !a->out || (!one && !a->b)) return false;
    if (a->operation == PALIMPSEST_SUM && (a->terms < 1 || a->stride < 0)) return false;
    return 0 <= begin && begin <= end && end <= a->count;
}

// What the library says about elementwise before it runs: which arguments are valid.
#include "../simd/kernels.h"

bool palimpsest_valid(const palimpsest_elementwise_args* a, int64_t begin, int64_t end) {
    if (!a || a->operation < PALIMPSEST_ADD || a->operation > PALIMPSEST_RELU_GRADIENT || a->count < 0) return false;
    if (!a->a || !a->out || (a->operation != PALIMPSEST_RELU && !a->b)) return false;
    return 0 <= begin && begin <= end && end <= a->count;
}

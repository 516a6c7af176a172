// What the library says about batch_norm before it runs: which arguments are valid.
#include "../simd/kernels.h"

bool palimpsest_valid(const palimpsest_batch_norm_args* a, int64_t begin, int64_t end) {
    if (!a || a->images < 0 || a->channels < 1 || a->width < 1 || a->channels % a->width != 0 || a->positions < 1) {
        return false;
    }
    if (begin < 0 || begin > end || end > a->images || !a->x || (a->relu_scale && !a->relu_shift)) return false;
    switch (a->pass) {
        case PALIMPSEST_MOMENTS: return a->sums;
        case PALIMPSEST_NORMALISE: return a->first && a->second && a->out;
        case PALIMPSEST_GRADIENT_SUMS: return a->gradient && a->mean && a->sums;
        case PALIMPSEST_NORM_GRADIENT:
            return a->gradient && a->first && a->out && (!a->second || (a->mean && a->third));
        default: return false;
    }
}

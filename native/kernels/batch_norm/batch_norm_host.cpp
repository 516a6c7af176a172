// What the library says about batch_norm before it runs: which arguments are valid.
#include "../simd/arguments.h"
#include "../simd/kernels.h"

bool palimpsest_valid(const palimpsest_batch_norm_args* a, int64_t begin, int64_t end) {
    if (!given(a) || a->channels < 1 || a->width < 1 || a->channels % a->width != 0 || a->positions < 1) return false;
    // One image too: without any, their number times whatever would be 0.
    if (!addressable(a->images, a->channels, a->positions, 2) || !addressable(a->channels, a->positions, 2))
        return false;
    if (begin < 0 || begin > end || end > a->images || !given(a->x)) return false;
    if (!absent_or_given(a->relu_scale) || (a->relu_scale && !given(a->relu_shift))) return false;
    switch (a->pass) {
        case PALIMPSEST_MOMENTS: return given(a->sums);
        case PALIMPSEST_NORMALISE:
            return given(a->first) && given(a->second) && given(a->out) && absent_or_given(a->residual);
        case PALIMPSEST_GRADIENT_SUMS: return given(a->gradient) && given(a->mean) && given(a->sums);
        case PALIMPSEST_NORM_GRADIENT:
            if (!given(a->gradient) || !given(a->first) || !given(a->out)) return false;
            return !a->second || (given(a->second) && given(a->mean) && given(a->third));
        default: return false;
    }
}

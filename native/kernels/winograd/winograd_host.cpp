// What the library says about winograd before it runs: which arguments are valid, and scratch.
#include "../simd/arguments.h"
#include "../simd/kernels.h"
#include "winograd.h"

namespace {

bool channels_valid(const palimpsest_winograd_args* a) {
    if (a->inputs < 1 || a->outputs < 1 || a->inputs % BLOCK != 0 || a->outputs % BLOCK != 0) return false;
    return addressable(a->inputs, a->outputs, FREQUENCIES) && addressable(a->inputs, GROUP, FREQUENCIES, 2) &&
           addressable(a->outputs, GROUP, FREQUENCIES, 2);
}

// Without any image too: else their number times whatever would be 0.
bool activations_valid(const palimpsest_winograd_args* a) {
    if (a->height < 1 || a->width < 1 || !given(a->x) || !given(a->scratch) || !aligned_to(64, a->scratch))
        return false;
    const int64_t sides[] = {a->inputs, a->outputs};
    for (int64_t channels : sides) {
        if (!addressable(a->images, channels, a->height, a->width)) return false;
        if (!addressable(channels, a->height, a->width)) return false;
    }
    return true;
}

}  // namespace

bool palimpsest_valid(const palimpsest_winograd_args* a, int64_t begin, int64_t end) {
    if (!given(a) || !channels_valid(a) || begin < 0 || begin > end) return false;
    switch (a->pass) {
        case PALIMPSEST_WINOGRAD_WEIGHTS:
        case PALIMPSEST_WINOGRAD_ADD: return end <= a->outputs / BLOCK && given(a->x) && given(a->out);
        case PALIMPSEST_WINOGRAD_CONVOLVE:
            if (!activations_valid(a) || end > a->images || !given(a->transformed) || !given(a->out)) return false;
            return absent_or_given(a->bias) && absent_or_given(a->residual);
        case PALIMPSEST_WINOGRAD_GRADIENT: {
            if (!activations_valid(a) || !given(a->gradient) || !given(a->out)) return false;
            if (a->part < 1 || (a->part > 1 && a->part > a->images)) return false;
            const int64_t parts = a->images / a->part + (a->images % a->part != 0);
            return end <= parts && addressable(parts, TAPS, a->inputs, a->outputs);
        }
        default: return false;
    }
}

int64_t palimpsest_winograd_scratch(const palimpsest_winograd_args* a) {
    if (!given(a) || !channels_valid(a)) return -1;
    const int64_t groups = FREQUENCIES * GROUP * (a->inputs + a->outputs);
    switch (a->pass) {
        case PALIMPSEST_WINOGRAD_WEIGHTS:
        case PALIMPSEST_WINOGRAD_ADD: return 0;
        case PALIMPSEST_WINOGRAD_CONVOLVE: return groups * int64_t(sizeof(float));
        case PALIMPSEST_WINOGRAD_GRADIENT:
            return (groups + FREQUENCIES * a->inputs * a->outputs) * int64_t(sizeof(float));
        default: return -1;
    }
}

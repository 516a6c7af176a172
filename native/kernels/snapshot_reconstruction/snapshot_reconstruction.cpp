// Per weight: reads 4 bytes and plane_count / 8, writes 4.
#include "../simd/kernels.h"
#include "../simd/simd.h"

namespace {

constexpr int64_t WORD = 64;  // weights of one word of a plane

// Bit j is set where 0 < code of weight j <= step: a comparison of all 64 codes at once, from their highest bit down.
template <int PLANES>
inline uint64_t kept(const uint64_t* plane, int64_t step) {
    uint64_t any = 0;
    uint64_t below = 0;
    uint64_t equal = ~uint64_t(0);
    for (int p = PLANES - 1; p >= 0; p--) {
        uint64_t bit = plane[p];
        uint64_t limit = uint64_t(0) - uint64_t(step >> p & 1);  // the step's bit, in all 64 positions
        any |= bit;
        below |= equal & limit & ~bit;
        equal &= ~(limit ^ bit);
    }
    return any & (below | equal);
}

// The first n weights at `at`, each times its channel's factor. A word may touch several channels.
inline void scale(const palimpsest_snapshot_reconstruction_args& args, int64_t at, int64_t n, float* scaled) {
    for (int64_t i = 0; i < n;) {
        int64_t channel = (at + i) / args.weights_per_channel;
        // Never a product of channels and weights_per_channel, which may be as large as an int64 is.
        int64_t left = args.weights_per_channel - (at + i) % args.weights_per_channel;
        int64_t stop = i + smaller(n - i, left);
        const float factor = args.channel_scale[channel];
        for (; i < stop; i++) scaled[i] = args.weights[at + i] * factor;
    }
}

template <int PLANES>
void words(const palimpsest_snapshot_reconstruction_args& args, int64_t begin, int64_t end) {
    float scaled[WORD];
    for (int64_t word = begin; word < end; word++) {
        uint64_t mask = kept<PLANES>(args.planes + word * PLANES, args.step);
        int64_t at = word * WORD;
        int64_t n = smaller(WORD, args.count - at);
        const float* in = args.weights + at;
        if (args.channel_scale) {
            scale(args, at, n, scaled);
            in = scaled;
        }
        float* out = args.out + at;
        int64_t i = 0;
        for (; i + LANES <= n; i += LANES) store(out + i, keep_bits(load(in + i), uint32_t(mask >> i)));
        if (i < n) {
            int rest = int(n - i);
            store_first(out + i, keep_bits(load_first(in + i, rest, splat(0)), uint32_t(mask >> i)), rest);
        }
    }
}

}  // namespace

void PALIMPSEST_VARIANT(palimpsest_snapshot_reconstruction)(
    const palimpsest_snapshot_reconstruction_args* args, int64_t word_begin, int64_t word_end) {
    switch (args->plane_count) {
        case 1: return words<1>(*args, word_begin, word_end);
        case 2: return words<2>(*args, word_begin, word_end);
        case 3: return words<3>(*args, word_begin, word_end);
        case 4: return words<4>(*args, word_begin, word_end);
        case 5: return words<5>(*args, word_begin, word_end);
        case 6: return words<6>(*args, word_begin, word_end);
        case 7: return words<7>(*args, word_begin, word_end);
        default: return words<8>(*args, word_begin, word_end);
    }
}

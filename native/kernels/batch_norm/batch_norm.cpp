// Bytes per value: moments read 4, the second sweep from the cache; normalise reads 4 (8 with a residual) and writes
// 4; gradient sums read 8; the gradient reads 8 and writes 4.
#include "../simd/kernels.h"
#include "../simd/simd.h"

namespace {

constexpr int64_t ACCUMULATORS = 4;  // of a position: its index modulo this

// Some lanes of one block of channels, of one image: `n` values at every position, `stride` values apart.
struct Lanes {
    int64_t at;  // of the first position, in the activation
    int64_t channel;
    int64_t positions;
    int64_t stride;
    int n;
};

// With n == LANES known, a load is a load.
template <bool WHOLE>
inline Vec read(const float* p, const Lanes& lanes) {
    return WHOLE ? load(p) : load_first(p, lanes.n, splat(0));
}

template <bool WHOLE>
inline void write(float* p, Vec v, const Lanes& lanes) {
    if (WHOLE) {
        store(p, v);
    } else {
        store_first(p, v, lanes.n);
    }
}

inline Vec sum(const Vec* accumulator) {
    return (accumulator[0] + accumulator[2]) + (accumulator[1] + accumulator[3]);
}

// Calls `add` with the offset of each position and its accumulator.
template <typename Add>
inline void each_position(const Lanes& lanes, Add add) {
    int64_t p = 0;
    int64_t at = lanes.at;
    for (; p + ACCUMULATORS <= lanes.positions; p += ACCUMULATORS) {
        for (int64_t i = 0; i < ACCUMULATORS; i++, at += lanes.stride) add(at, i);
    }
    for (int64_t i = 0; p < lanes.positions; p++, i++, at += lanes.stride) add(at, i);
}

// Sums what `term` gives for the offset of each position.
template <typename Term>
inline Vec over_positions(const Lanes& lanes, Term term) {
    Vec accumulator[ACCUMULATORS];
    for (Vec& a : accumulator) a = splat(0);
    each_position(lanes, [&](int64_t at, int64_t i) { accumulator[i] = accumulator[i] + term(at); });
    return sum(accumulator);
}

template <bool WHOLE>
void moments(const palimpsest_batch_norm_args& args, const Lanes& lanes, float* sums) {
    const Vec count = splat(float(args.positions));
    Vec mean = over_positions(lanes, [&](int64_t at) { return read<WHOLE>(args.x + at, lanes); }) / count;
    Vec squares = over_positions(lanes, [&](int64_t at) {
        Vec off = read<WHOLE>(args.x + at, lanes) - mean;
        return off * off;
    });
    write<WHOLE>(sums + lanes.channel, mean, lanes);
    write<WHOLE>(sums + args.channels + lanes.channel, squares, lanes);
}

template <bool WHOLE, bool RESIDUAL, bool RELU>
void normalise(const palimpsest_batch_norm_args& args, const Lanes& lanes) {
    const Vec scale = read<WHOLE>(args.first + lanes.channel, lanes);
    const Vec shift = read<WHOLE>(args.second + lanes.channel, lanes);
    int64_t at = lanes.at;
    for (int64_t p = 0; p < lanes.positions; p++, at += lanes.stride) {
        Vec y = read<WHOLE>(args.x + at, lanes) * scale + shift;
        if (RESIDUAL) y = y + read<WHOLE>(args.residual + at, lanes);
        if (RELU) y = max(splat(0), y);
        write<WHOLE>(args.out + at, y, lanes);
    }
}

// What the ReLU let through: those x that it did not clip.
template <bool RELU>
struct Passed {
    Vec scale;
    Vec shift;

    Vec operator()(Vec gradient, Vec x) const { return RELU ? keep_positive(gradient, x * scale + shift) : gradient; }
};

template <bool WHOLE, bool RELU>
inline Passed<RELU> passed(const palimpsest_batch_norm_args& args, const Lanes& lanes) {
    if (!RELU) return {splat(0), splat(0)};
    return {read<WHOLE>(args.relu_scale + lanes.channel, lanes), read<WHOLE>(args.relu_shift + lanes.channel, lanes)};
}

template <bool WHOLE, bool RELU>
void gradient_sums(const palimpsest_batch_norm_args& args, const Lanes& lanes, float* sums) {
    const Vec mean = read<WHOLE>(args.mean + lanes.channel, lanes);
    Vec plain[ACCUMULATORS];
    Vec weighted[ACCUMULATORS];
    for (int64_t i = 0; i < ACCUMULATORS; i++) plain[i] = weighted[i] = splat(0);
    const Passed<RELU> through = passed<WHOLE, RELU>(args, lanes);
    each_position(lanes, [&](int64_t at, int64_t i) {
        Vec x = read<WHOLE>(args.x + at, lanes);
        Vec g = through(read<WHOLE>(args.gradient + at, lanes), x);
        plain[i] = plain[i] + g;
        weighted[i] = weighted[i] + g * (x - mean);
    });
    write<WHOLE>(sums + lanes.channel, sum(plain), lanes);
    write<WHOLE>(sums + args.channels + lanes.channel, sum(weighted), lanes);
}

// CENTRED but for running statistics, through which nothing comes back.
template <bool WHOLE, bool RELU, bool CENTRED>
void gradient(const palimpsest_batch_norm_args& args, const Lanes& lanes) {
    const Vec zero = splat(0);
    const Vec mean = CENTRED ? read<WHOLE>(args.mean + lanes.channel, lanes) : zero;
    const Vec first = read<WHOLE>(args.first + lanes.channel, lanes);
    const Vec second = CENTRED ? read<WHOLE>(args.second + lanes.channel, lanes) : zero;
    const Vec third = CENTRED ? read<WHOLE>(args.third + lanes.channel, lanes) : zero;
    const Passed<RELU> through = passed<WHOLE, RELU>(args, lanes);
    int64_t at = lanes.at;
    for (int64_t p = 0; p < lanes.positions; p++, at += lanes.stride) {
        Vec x = RELU || CENTRED ? read<WHOLE>(args.x + at, lanes) : zero;
        Vec scaled = first * through(read<WHOLE>(args.gradient + at, lanes), x);
        write<WHOLE>(args.out + at, CENTRED ? scaled + (second * (x - mean) + third) : scaled, lanes);
    }
}

template <bool WHOLE>
void pass(const palimpsest_batch_norm_args& args, const Lanes& lanes, float* sums) {
    const bool relu = args.relu_scale;
    switch (args.pass) {
        case PALIMPSEST_MOMENTS: return moments<WHOLE>(args, lanes, sums);
        case PALIMPSEST_NORMALISE:
            if (args.residual) {
                return args.relu ? normalise<WHOLE, true, true>(args, lanes)
                                 : normalise<WHOLE, true, false>(args, lanes);
            }
            return args.relu ? normalise<WHOLE, false, true>(args, lanes)
                             : normalise<WHOLE, false, false>(args, lanes);
        case PALIMPSEST_GRADIENT_SUMS:
            return relu ? gradient_sums<WHOLE, true>(args, lanes, sums)
                        : gradient_sums<WHOLE, false>(args, lanes, sums);
        default:
            if (!args.second) {
                return relu ? gradient<WHOLE, true, false>(args, lanes) : gradient<WHOLE, false, false>(args, lanes);
            }
            return relu ? gradient<WHOLE, true, true>(args, lanes) : gradient<WHOLE, false, true>(args, lanes);
    }
}

}  // namespace

void PALIMPSEST_VARIANT(palimpsest_batch_norm)(const palimpsest_batch_norm_args* args, int64_t begin, int64_t end) {
    const int64_t block = args->positions * args->width;
    const int64_t blocks = args->channels / args->width;
    // Other passes do not look at the pointer, which may be anything.
    const bool sums_written = args->pass == PALIMPSEST_MOMENTS || args->pass == PALIMPSEST_GRADIENT_SUMS;
    for (int64_t image = begin; image < end; image++) {
        float* sums = sums_written ? args->sums + image * 2 * args->channels : nullptr;
        for (int64_t b = 0; b < blocks; b++) {
            for (int64_t lane = 0; lane < args->width; lane += LANES) {
                Lanes lanes = {(image * blocks + b) * block + lane, b * args->width + lane, args->positions,
                    args->width, int(smaller(LANES, args->width - lane))};
                if (lanes.n == LANES) {
                    pass<true>(*args, lanes, sums);
                } else {
                    pass<false>(*args, lanes, sums);
                }
            }
        }
    }
}

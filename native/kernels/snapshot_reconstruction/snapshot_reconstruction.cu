// Per weight: reads 4 bytes and plane_count / 8, writes 4, each once. A channel's factor is read by every thread that
// needs it, from L1. The twin of snapshot_reconstruction.cpp. A warp rebuilds 16 words of 64 weights: a lane makes a
// word's mask, all lanes apply it.
#include "../cuda/device.cuh"

namespace {

using namespace palimpsest_cuda;
using Args = palimpsest_snapshot_reconstruction_args;
using Word = unsigned long long;

constexpr int WORD = 64;
constexpr int WEIGHTS = WORD * WORDS_A_WARP;

// Bit j is set where 0 < code of weight j <= step: a comparison of all 64 codes at once, from their highest bit down.
template <int PLANES>
__device__ Word kept(const uint64_t* plane, long long step) {
    Word any = 0;
    Word below = 0;
    Word equal = ~Word(0);
#pragma unroll
    for (int p = PLANES - 1; p >= 0; p--) {
        Word bit = load(plane + p);
        Word limit = Word(0) - (static_cast<Word>(step) >> p & 1);
        any |= bit;
        below |= equal & limit & ~bit;
        equal &= ~(limit ^ bit);
    }
    return any & (below | equal);
}

__device__ Word mask_of(const Args& args, long long word) {
    const uint64_t* plane = args.planes + word * args.plane_count;
    switch (args.plane_count) {
        case 1: return kept<1>(plane, args.step);
        case 2: return kept<2>(plane, args.step);
        case 3: return kept<3>(plane, args.step);
        case 4: return kept<4>(plane, args.step);
        case 5: return kept<5>(plane, args.step);
        case 6: return kept<6>(plane, args.step);
        case 7: return kept<7>(plane, args.step);
        default: return kept<8>(plane, args.step);
    }
}

// A 64-bit division costs about a hundred instructions, and few networks have 2^32 weights in a tensor.
__device__ long long quotient(long long a, long long b) {
    if (((a | b) >> 32) == 0) return static_cast<unsigned int>(a) / static_cast<unsigned int>(b);
    return a / b;
}

// The channel of a weight and how many weights it still has.
struct Channel {
    long long index;
    long long left;

    __device__ Channel(const Args& args, long long at) : index(quotient(at, args.weights_per_channel)) {
        left = (index + 1) * args.weights_per_channel - at;
    }
};

__device__ unsigned int bits_of(float weight, bool keep) { return keep ? __float_as_uint(weight) : 0u; }

// Four neighbours from `at` on; bit 0 of `mask` belongs to the first.
__device__ void four(const Args& args, long long at, unsigned int mask) {
    Pack<float> in = load_pack(args.weights + at);
    if (args.channel_scale) {
        Channel channel(args, at);
#pragma unroll
        for (int v = 0; v < 4; v++) {
            if (channel.left == 0) {
                channel.index++;
                channel.left = args.weights_per_channel;
            }
            in.value[v] = in.value[v] * load(args.channel_scale + channel.index);
            channel.left--;
        }
    }
    store(reinterpret_cast<uint4*>(args.out + at),
        uint4{bits_of(in.value[0], mask & 1u), bits_of(in.value[1], mask & 2u), bits_of(in.value[2], mask & 4u),
            bits_of(in.value[3], mask & 8u)});
}

__device__ void one(const Args& args, long long at, bool keep) {
    float in = load(args.weights + at);
    if (args.channel_scale) in = in * load(args.channel_scale + Channel(args, at).index);
    store(args.out + at, __uint_as_float(bits_of(in, keep)));
}

}  // namespace

extern "C" __global__ void __launch_bounds__(WARP* WARPS_A_BLOCK)
    palimpsest_cuda_snapshot_reconstruction(const Args args) {
    const int lane = static_cast<int>(threadIdx.x) % WARP;
    const long long warp = static_cast<long long>(blockIdx.x) * WARPS_A_BLOCK + threadIdx.x / WARP;
    const long long begin = warp * WEIGHTS;
    if (begin >= args.count) return;
    const long long word = warp * WORDS_A_WARP + lane;
    const Word mask = lane < WORDS_A_WARP && word * WORD < args.count ? mask_of(args, word) : 0;

    if (begin + WEIGHTS <= args.count && aligned(args.weights) && aligned(args.out)) {
#pragma unroll
        for (int i = 0; i < WEIGHTS; i += 4 * WARP) {
            const int at = i + 4 * lane;
            const Word of_word = __shfl_sync(ALL_LANES, mask, at / WORD);
            four(args, begin + at, static_cast<unsigned int>(of_word >> at % WORD) & 15u);
        }
        return;
    }
    for (int i = 0; i < WEIGHTS; i += WARP) {
        const int at = i + lane;
        const Word of_word = __shfl_sync(ALL_LANES, mask, at / WORD);
        if (begin + at < args.count) one(args, begin + at, (of_word >> at % WORD & 1u) != 0);
    }
}

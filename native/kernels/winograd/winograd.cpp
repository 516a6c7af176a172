// Bytes per value: the transformed tiles of a group stay in the cache, see winograd.md.
#include "winograd.h"

#include "../simd/kernels.h"
#include "../simd/simd.h"

namespace {

constexpr int64_t VECTORS = BLOCK / LANES;  // of a block of channels

// What the registers of the instruction set hold: sums of so many tiles, or of so many channels of the input, by one
// or two vectors of outputs.
constexpr int MOST_TILES = LANES == 16 ? 14 : LANES == 8 ? 6 : 2;
constexpr int CHANNELS = LANES == 16 ? 8 : 4;

alignas(64) const float ZEROS[BLOCK] = {};

// Where a vector of channels begins in blocks that lie so many values apart.
inline int64_t vector_at(int64_t vector, int64_t apart) { return vector / VECTORS * apart + vector % VECTORS * LANES; }

// Tiles one beside another in one row of tiles of one image.
struct Run {
    int64_t image;
    int64_t row;
    int64_t column;
    int64_t tiles;
    int64_t at;  // of its first tile in the group
};

// The tiles of the images [begin, end) in groups that the cache holds, and these in runs.
class Groups {
public:
    Groups(const palimpsest_winograd_args& args, int64_t begin, int64_t end)
        : rows_((args.height + 1) / 2), columns_((args.width + 1) / 2), image_(begin), end_(end) {
        const int64_t tiles = (end - begin) * rows_ * columns_;
        const int64_t groups = (tiles + GROUP - 1) / GROUP;
        size_ = groups == 0 ? 0 : (tiles + groups - 1) / groups;
    }

    // Calls `each` with the next group's runs; the number of its tiles, 0 after the last.
    template <typename Each>
    int64_t next(Each each) {
        int64_t tiles = 0;
        while (tiles < size_ && image_ < end_) {
            Run run = {image_, row_, column_, smaller(columns_ - column_, size_ - tiles), tiles};
            each(run);
            tiles += run.tiles;
            column_ += run.tiles;
            if (column_ == columns_) {
                column_ = 0;
                if (++row_ == rows_) {
                    row_ = 0;
                    image_++;
                }
            }
        }
        return tiles;
    }

private:
    int64_t rows_;
    int64_t columns_;
    int64_t size_;
    int64_t image_;
    int64_t row_ = 0;
    int64_t column_ = 0;
    int64_t end_;
};

// Some rows of an image's block of channels, from a row that may be outside of it: those outside are zeros.
template <int ROWS>
struct Rows {
    const float* row[ROWS];
    int64_t step[ROWS];  // from one position to the next
    int64_t width;

    Rows(const float* block, int64_t first, int64_t height, int64_t row_width) : width(row_width) {
        for (int i = 0; i < ROWS; i++) {
            const bool inside = first + i >= 0 && first + i < height;
            row[i] = inside ? block + (first + i) * row_width * BLOCK : ZEROS;
            step[i] = inside ? BLOCK : 0;
        }
    }

    bool inside(int64_t column) const { return column >= 0 && column < width; }

    Vec at(int i, int64_t column, int64_t lane) const { return load(row[i] + column * step[i] + lane); }
};

// B^T d: a column of four values of the input.
inline void input_column(const Rows<4>& d, int64_t column, int64_t lane, Vec* out) {
    if (!d.inside(column)) {
        for (int i = 0; i < 4; i++) out[i] = splat(0);
        return;
    }
    const Vec d0 = d.at(0, column, lane);
    const Vec d1 = d.at(1, column, lane);
    const Vec d2 = d.at(2, column, lane);
    const Vec d3 = d.at(3, column, lane);
    out[0] = d0 - d2;
    out[1] = d1 + d2;
    out[2] = d2 - d1;
    out[3] = d1 - d3;
}

// B^T d B of the tiles of a run, which begin two columns apart and so share two with their neighbours.
void transform_input(const palimpsest_winograd_args& args, const Run& run, float* out) {
    const int64_t plane = args.height * args.width * BLOCK;
    const int64_t blocks = args.inputs / BLOCK;
    const int64_t frequency = blocks * GROUP * BLOCK;
    for (int64_t b = 0; b < blocks; b++) {
        const Rows<4> d(args.x + (run.image * blocks + b) * plane, 2 * run.row - 1, args.height, args.width);
        for (int64_t v = 0; v < VECTORS; v++) {
            const int64_t lane = v * LANES;
            float* to = out + (b * GROUP + run.at) * BLOCK + lane;
            Vec c[4][4];
            int64_t column = 2 * run.column - 1;
            input_column(d, column, lane, c[0]);
            input_column(d, column + 1, lane, c[1]);
            for (int64_t t = 0; t < run.tiles; t++, to += BLOCK) {
                column += 2;
                input_column(d, column, lane, c[2]);
                input_column(d, column + 1, lane, c[3]);
                for (int i = 0; i < 4; i++) {
                    store(to + (4 * i) * frequency, c[0][i] - c[2][i]);
                    store(to + (4 * i + 1) * frequency, c[1][i] + c[2][i]);
                    store(to + (4 * i + 2) * frequency, c[2][i] - c[1][i]);
                    store(to + (4 * i + 3) * frequency, c[1][i] - c[3][i]);
                    c[0][i] = c[2][i];
                    c[1][i] = c[3][i];
                }
            }
        }
    }
}

// One frequency of TILES tiles: sums over the channels of the input, in their order, for VECS vectors of outputs.
template <int TILES, int VECS>
void multiply(const float* input, const float* const* weights, int64_t blocks, float* const* out) {
    Vec sum[TILES][VECS];
    for (int t = 0; t < TILES; t++) {
        for (int i = 0; i < VECS; i++) sum[t][i] = splat(0);
    }
    const float* weight[VECS];
    for (int i = 0; i < VECS; i++) weight[i] = weights[i];
    for (int64_t b = 0; b < blocks; b++, input += GROUP * BLOCK) {
        for (int64_t c = 0; c < BLOCK; c++) {
            Vec w[VECS];
            for (int i = 0; i < VECS; i++) {
                w[i] = load(weight[i]);
                weight[i] += BLOCK;
            }
#pragma GCC unroll 16
            for (int t = 0; t < TILES; t++) {
                const Vec x = splat(input[t * BLOCK + c]);
                for (int i = 0; i < VECS; i++) sum[t][i] = fma(x, w[i], sum[t][i]);
            }
        }
    }
#pragma GCC unroll 16
    for (int t = 0; t < TILES; t++) {
        for (int i = 0; i < VECS; i++) store(out[i] + t * BLOCK, sum[t][i]);
    }
}

template <int TILES, int VECS>
inline void multiply_tiles(
    int64_t tiles, const float* input, const float* const* weights, int64_t blocks, float* const* out) {
    if (tiles == TILES) {
        multiply<TILES, VECS>(input, weights, blocks, out);
    } else if constexpr (TILES > 1) {
        multiply_tiles<TILES - 1, VECS>(tiles, input, weights, blocks, out);
    }
}

// Products of the transformed tiles and weights, frequency by frequency.
template <int VECS>
void products(const palimpsest_winograd_args& args, int64_t tiles, const float* input, float* out) {
    const int64_t in_blocks = args.inputs / BLOCK;
    const int64_t out_blocks = args.outputs / BLOCK;
    const int64_t parts = (tiles + MOST_TILES - 1) / MOST_TILES;
    for (int64_t f = 0; f < FREQUENCIES; f++) {
        const float* u = args.transformed + f * args.outputs * args.inputs;
        float* m = out + f * out_blocks * GROUP * BLOCK;
        for (int64_t v = 0; v < out_blocks * VECTORS; v += VECS) {
            const float* weights[VECS];
            float* to[VECS];
            for (int i = 0; i < VECS; i++) {
                weights[i] = u + vector_at(v + i, args.inputs * BLOCK);
                to[i] = m + vector_at(v + i, GROUP * BLOCK);
            }
            const float* from = input + f * in_blocks * GROUP * BLOCK;
            for (int64_t p = 0, done = 0; p < parts; p++) {
                const int64_t n = (tiles - done + parts - p - 1) / (parts - p);
                multiply_tiles<MOST_TILES, VECS>(n, from, weights, in_blocks, to);
                done += n;
                from += n * BLOCK;
                for (int i = 0; i < VECS; i++) to[i] += n * BLOCK;
            }
        }
    }
}

template <bool RESIDUAL, bool RELU>
inline void write(const palimpsest_winograd_args& args, int64_t at, Vec bias, bool biased, Vec y) {
    if (biased) y = y + bias;
    if (RESIDUAL) y = y + load(args.residual + at);
    if (RELU) y = max(splat(0), y);
    store(args.out + at, y);
}

// A^T m A of the tiles of a run.
template <bool RESIDUAL, bool RELU>
void transform_output(const palimpsest_winograd_args& args, const Run& run, const float* products) {
    const int64_t plane = args.height * args.width * BLOCK;
    const int64_t blocks = args.outputs / BLOCK;
    const int64_t frequency = blocks * GROUP * BLOCK;
    const int64_t below = args.width * BLOCK;
    const bool two_rows = 2 * run.row + 1 < args.height;
    for (int64_t b = 0; b < blocks; b++) {
        for (int64_t v = 0; v < VECTORS; v++) {
            const int64_t lane = v * LANES;
            const bool biased = args.bias;
            const Vec bias = biased ? load(args.bias + b * BLOCK + lane) : splat(0);
            const float* from = products + (b * GROUP + run.at) * BLOCK + lane;
            int64_t at = (run.image * blocks + b) * plane + (2 * run.row * args.width + 2 * run.column) * BLOCK + lane;
            for (int64_t t = 0; t < run.tiles; t++, from += BLOCK, at += 2 * BLOCK) {
                Vec upper[4];
                Vec lower[4];
                for (int j = 0; j < 4; j++) {
                    const Vec m0 = load(from + j * frequency);
                    const Vec m1 = load(from + (4 + j) * frequency);
                    const Vec m2 = load(from + (8 + j) * frequency);
                    const Vec m3 = load(from + (12 + j) * frequency);
                    upper[j] = (m0 + m1) + m2;
                    lower[j] = (m1 - m2) - m3;
                }
                const bool two_columns = 2 * (run.column + t) + 1 < args.width;
                write<RESIDUAL, RELU>(args, at, bias, biased, (upper[0] + upper[1]) + upper[2]);
                if (two_columns) {
                    write<RESIDUAL, RELU>(args, at + BLOCK, bias, biased, (upper[1] - upper[2]) - upper[3]);
                }
                if (!two_rows) continue;
                write<RESIDUAL, RELU>(args, at + below, bias, biased, (lower[0] + lower[1]) + lower[2]);
                if (two_columns) {
                    write<RESIDUAL, RELU>(args, at + below + BLOCK, bias, biased, (lower[1] - lower[2]) - lower[3]);
                }
            }
        }
    }
}

void convolve(const palimpsest_winograd_args& args, int64_t begin, int64_t end) {
    float* input = args.scratch;
    float* out = input + FREQUENCIES * GROUP * args.inputs;
    const auto output = args.residual ? (args.relu ? transform_output<true, true> : transform_output<true, false>)
                                      : (args.relu ? transform_output<false, true> : transform_output<false, false>);
    const bool pairs = args.outputs / LANES % 2 == 0;
    Groups groups(args, begin, end);
    Groups written(args, begin, end);
    while (int64_t tiles = groups.next([&](const Run& run) { transform_input(args, run, input); })) {
        if (pairs) {
            products<2>(args, tiles, input, out);
        } else {
            products<1>(args, tiles, input, out);
        }
        written.next([&](const Run& run) { output(args, run, out); });
    }
}

// A g A^T of the tiles of a run, for the gradient g of the outputs.
void transform_gradient(const palimpsest_winograd_args& args, const Run& run, float* out) {
    const int64_t plane = args.height * args.width * BLOCK;
    const int64_t blocks = args.outputs / BLOCK;
    const int64_t frequency = blocks * GROUP * BLOCK;
    for (int64_t b = 0; b < blocks; b++) {
        const Rows<2> g(args.gradient + (run.image * blocks + b) * plane, 2 * run.row, args.height, args.width);
        for (int64_t v = 0; v < VECTORS; v++) {
            const int64_t lane = v * LANES;
            float* to = out + (b * GROUP + run.at) * BLOCK + lane;
            for (int64_t t = 0; t < run.tiles; t++, to += BLOCK) {
                const int64_t column = 2 * (run.column + t);
                Vec c[2][4];
                for (int j = 0; j < 2; j++) {
                    const bool inside = g.inside(column + j);
                    const Vec g0 = inside ? g.at(0, column + j, lane) : splat(0);
                    const Vec g1 = inside ? g.at(1, column + j, lane) : splat(0);
                    c[j][0] = g0;
                    c[j][1] = g0 + g1;
                    c[j][2] = g0 - g1;
                    c[j][3] = splat(0) - g1;
                }
                for (int i = 0; i < 4; i++) {
                    store(to + (4 * i) * frequency, c[0][i]);
                    store(to + (4 * i + 1) * frequency, c[0][i] + c[1][i]);
                    store(to + (4 * i + 2) * frequency, c[0][i] - c[1][i]);
                    store(to + (4 * i + 3) * frequency, splat(0) - c[1][i]);
                }
            }
        }
    }
}

// One frequency of the gradient: adds, tile by tile, the products of CHANNELS channels and VECS vectors of outputs.
template <int VECS>
void multiply_gradient(int64_t tiles, const float* input, const float* const* gradient, float* const* sums) {
    Vec sum[CHANNELS][VECS];
#pragma GCC unroll 8
    for (int c = 0; c < CHANNELS; c++) {
        for (int i = 0; i < VECS; i++) sum[c][i] = load(sums[i] + c * BLOCK);
    }
    for (int64_t t = 0; t < tiles; t++) {
        Vec g[VECS];
        for (int i = 0; i < VECS; i++) g[i] = load(gradient[i] + t * BLOCK);
#pragma GCC unroll 8
        for (int c = 0; c < CHANNELS; c++) {
            const Vec x = splat(input[t * BLOCK + c]);
            for (int i = 0; i < VECS; i++) sum[c][i] = fma(x, g[i], sum[c][i]);
        }
    }
#pragma GCC unroll 8
    for (int c = 0; c < CHANNELS; c++) {
        for (int i = 0; i < VECS; i++) store(sums[i] + c * BLOCK, sum[c][i]);
    }
}

template <int VECS>
void gradient_products(
    const palimpsest_winograd_args& args, int64_t tiles, const float* input, const float* gradient, float* sums) {
    const int64_t in_blocks = args.inputs / BLOCK;
    const int64_t out_blocks = args.outputs / BLOCK;
    for (int64_t f = 0; f < FREQUENCIES; f++) {
        const float* in = input + f * in_blocks * GROUP * BLOCK;
        const float* out = gradient + f * out_blocks * GROUP * BLOCK;
        float* to = sums + f * args.inputs * args.outputs;
        for (int64_t v = 0; v < out_blocks * VECTORS; v += VECS) {
            for (int64_t c = 0; c < args.inputs; c += CHANNELS) {
                const float* g[VECS];
                float* sum[VECS];
                for (int i = 0; i < VECS; i++) {
                    g[i] = out + vector_at(v + i, GROUP * BLOCK);
                    sum[i] = to + vector_at(v + i, args.inputs * BLOCK) + c * BLOCK;
                }
                multiply_gradient<VECS>(tiles, in + (c / BLOCK * GROUP) * BLOCK + c % BLOCK, g, sum);
            }
        }
    }
}

// G^T m G: from the sums of a part to its gradient of the weights.
void transform_sums(const palimpsest_winograd_args& args, const float* sums, float* out) {
    const int64_t values = args.inputs * args.outputs;
    const Vec half = splat(0.5f);
    for (int64_t i = 0; i < values; i += LANES) {
        Vec row[3][4];
        for (int j = 0; j < 4; j++) {
            const Vec m1 = load(sums + (4 + j) * values + i);
            const Vec m2 = load(sums + (8 + j) * values + i);
            const Vec both = (m1 + m2) * half;
            row[0][j] = load(sums + j * values + i) + both;
            row[1][j] = (m1 - m2) * half;
            row[2][j] = both + load(sums + (12 + j) * values + i);
        }
        for (int y = 0; y < 3; y++) {
            const Vec both = (row[y][1] + row[y][2]) * half;
            store(out + (3 * y) * values + i, row[y][0] + both);
            store(out + (3 * y + 1) * values + i, (row[y][1] - row[y][2]) * half);
            store(out + (3 * y + 2) * values + i, both + row[y][3]);
        }
    }
}

void gradient(const palimpsest_winograd_args& args, int64_t part) {
    const int64_t values = args.inputs * args.outputs;
    float* sums = args.scratch;
    float* input = sums + FREQUENCIES * values;
    float* gradient = input + FREQUENCIES * GROUP * args.inputs;
    for (int64_t i = 0; i < FREQUENCIES * values; i += LANES) store(sums + i, splat(0));
    const bool pairs = args.outputs / LANES % 2 == 0;
    Groups groups(args, part * args.part, smaller(args.images, (part + 1) * args.part));
    while (int64_t tiles = groups.next([&](const Run& run) {
        transform_input(args, run, input);
        transform_gradient(args, run, gradient);
    })) {
        if (pairs) {
            gradient_products<2>(args, tiles, input, gradient, sums);
        } else {
            gradient_products<1>(args, tiles, input, gradient, sums);
        }
    }
    transform_sums(args, sums, args.out + part * TAPS * values);
}

// G g G^T of the weights of a block of outputs.
void transform_weights(const palimpsest_winograd_args& args, int64_t block) {
    const int64_t values = args.inputs * args.outputs;
    const Vec half = splat(0.5f);
    for (int64_t c = 0; c < args.inputs; c++) {
        alignas(64) float tap[TAPS][BLOCK];
        for (int64_t k = 0; k < BLOCK; k++) {
            const int64_t output = block * BLOCK + k;
            const float* from = args.x + (args.flipped ? c * args.outputs + output : output * args.inputs + c) * TAPS;
            for (int64_t i = 0; i < TAPS; i++) tap[args.flipped ? TAPS - 1 - i : i][k] = from[i];
        }
        float* to = args.out + (block * args.inputs + c) * BLOCK;
        for (int64_t lane = 0; lane < BLOCK; lane += LANES) {
            Vec row[4][3];
            for (int x = 0; x < 3; x++) {
                const Vec g0 = load(tap[x] + lane);
                const Vec g1 = load(tap[3 + x] + lane);
                const Vec g2 = load(tap[6 + x] + lane);
                row[0][x] = g0;
                row[1][x] = ((g0 + g2) + g1) * half;
                row[2][x] = ((g0 + g2) - g1) * half;
                row[3][x] = g2;
            }
            for (int i = 0; i < 4; i++) {
                const Vec outer = row[i][0] + row[i][2];
                store(to + (4 * i) * values + lane, row[i][0]);
                store(to + (4 * i + 1) * values + lane, (outer + row[i][1]) * half);
                store(to + (4 * i + 2) * values + lane, (outer - row[i][1]) * half);
                store(to + (4 * i + 3) * values + lane, row[i][2]);
            }
        }
    }
}

// Adds the gradient of a block of outputs, as the parts have it, to that of the weights in their own order.
void add_gradient(const palimpsest_winograd_args& args, int64_t block) {
    const int64_t values = args.inputs * args.outputs;
    for (int64_t k = 0; k < BLOCK; k++) {
        float* to = args.out + (block * BLOCK + k) * args.inputs * TAPS;
        for (int64_t c = 0; c < args.inputs; c++) {
            const float* from = args.x + (block * args.inputs + c) * BLOCK + k;
            for (int64_t i = 0; i < TAPS; i++) to[c * TAPS + i] += from[i * values];
        }
    }
}

}  // namespace

void PALIMPSEST_VARIANT(palimpsest_winograd)(const palimpsest_winograd_args* args, int64_t begin, int64_t end) {
    if (args->pass == PALIMPSEST_WINOGRAD_CONVOLVE) return convolve(*args, begin, end);
    for (int64_t i = begin; i < end; i++) {
        switch (args->pass) {
            case PALIMPSEST_WINOGRAD_WEIGHTS: transform_weights(*args, i); break;
            case PALIMPSEST_WINOGRAD_GRADIENT: gradient(*args, i); break;
            default: add_gradient(*args, i); break;
        }
    }
}

// The kernels that train: the gradient of frozen batch norm, and the optimisers with clipping. Launched as the engine
// launches them.
#include <numeric>

#include "declared.h"
#include "reference.h"

namespace checks {

namespace {

constexpr int64_t THREADS = 256;  // of each of the kernels
constexpr int64_t A_BLOCK = palimpsest_cuda::BY_PARAMETER.items;

Floats positive(Random& random, int64_t count) {
    Floats values = normal<float>(random, count);
    for (float& x : values) x = 0.1f + std::abs(x);
    return values;
}

// y = (x - mean) s / sqrt(variance + eps) + shift with constant mean and variance.
void frozen_norm(std::vector<Case>& all, Random& random) {
    struct Shape {
        int64_t images, channels, positions;
    };
    for (const Shape& s : {Shape{1, 1, 1}, {3, 4, 16}, {2, 3, 257}, {7, 2, 49}}) {
        const int64_t count = s.images * s.channels * s.positions;
        const Floats gradient = normal<float>(random, count), input = normal<float>(random, count),
                     scale = normal<float>(random, s.channels), mean = normal<float>(random, s.channels),
                     variance = positive(random, s.channels), before = normal<float>(random, s.channels);
        const double epsilon = 1e-5;
        std::vector<Expected> out, by_scale, by_shift;
        for (int64_t i = 0; i < count; i++) {
            const int64_t c = i / s.positions % s.channels;
            const double g = gradient[i] * scale[c] / std::sqrt(variance[c] + epsilon);
            out.push_back({g, 3 * FLOAT_ROUNDING * std::abs(g)});
        }
        for (int64_t c = 0; c < s.channels; c++) {
            double sums[2] = {0, 0}, sizes[2] = {0, 0};
            for (int64_t i = 0; i < count; i++) {
                if (i / s.positions % s.channels != c) continue;
                const double term = gradient[i] * (double(input[i]) - mean[c]) / std::sqrt(variance[c] + epsilon);
                sums[0] += term;
                sizes[0] += std::abs(term);
                sums[1] += gradient[i];
                sizes[1] += std::abs(gradient[i]);
            }
            auto added = [&](int which) {
                return Expected{before[c] + sums[which],
                    2 * FLOAT_ROUNDING * (std::abs(before[c]) + std::abs(sums[which])) + 1e-12 * sizes[which]};
            };
            by_scale.push_back(added(0));
            by_shift.push_back(added(1));
        }
        const std::string shape =
            std::to_string(s.images) + "x" + std::to_string(s.channels) + "x" + std::to_string(s.positions);
        all.push_back({"frozen_norm_gradient", shape, [=](uint64_t order) {
                           Launch l;
                           float* g = l.array("gradient", gradient, each(1, 0));
                           float* x = l.array("input", input, each(1, 0));
                           float* s0 = l.array("scale", scale, each(THREADS, 0));
                           float* m = l.array("mean", mean, each(THREADS, 0));
                           float* v = l.array("variance", variance, each(THREADS, 0));
                           float* to = l.array("out", Floats(gradient.size(), NAN), each(0, 1), out);
                           float* to_scale = l.array("scale gradient", before, each(1, 1), by_scale);
                           float* to_shift = l.array("shift gradient", before, each(1, 1), by_shift);
                           return l.run("frozen_norm_gradient", s.channels, order, [=] {
                               palimpsest_cuda_frozen_norm_gradient(
                                   g, x, s0, m, v, epsilon, s.images, s.channels, s.positions, to, to_scale, to_shift);
                           });
                       }});
    }
}

// A parameter with its state before a step; weights that the mask leaves out, and their state, are to stay as they
// are, NaN or not.
struct Weights {
    Floats value, gradient, state[2];
    std::vector<unsigned char> mask;

    Weights(Random& random, int64_t size, bool masked)
        : value(normal<float>(random, size)),
          gradient(normal<float>(random, size)),
          state{normal<float>(random, size), positive(random, size)} {
        for (int64_t i = 0; masked && i < size; i++) {
            mask.push_back(random() % 3 != 0);
            if (!mask.back() && random() % 2 == 0) value[i] = gradient[i] = state[0][i] = state[1][i] = NAN;
        }
    }
    size_t size() const { return value.size(); }
    bool moves(size_t i) const { return mask.empty() || mask[i] != 0; }
};

// What the step makes of one weight: value and states, each with its bound.
struct Moved {
    Expected value, state[2];
};
using Step = std::function<Moved(const Weights& w, size_t i)>;

// The parameters of a network on the device, with the table that leads the kernels to them.
class Network {
public:
    Network(Launch& launch, const std::vector<Weights>& all, int states, bool moves, const Step& step) {
        for (const Weights& w : all) {
            std::vector<Expected> after[3];
            for (size_t i = 0; i < w.size(); i++) {
                const Moved moved = moves && w.moves(i) ? step(w, i) : Moved{KEPT, {KEPT, KEPT}};
                after[0].push_back(moved.value);
                after[1].push_back(moved.state[0]);
                after[2].push_back(moved.state[1]);
            }
            auto touched = [w](bool reads, bool writes) {
                return [=](size_t i) { return Touches{reads && w.moves(i), writes && w.moves(i)}; };
            };
            add(launch.array("value", w.value, touched(moves, moves), after[0]));
            add(launch.array("gradient", w.gradient, touched(true, false)));
            for (int s = 0; s < 2; s++)
                add(s < states ? launch.array("state", w.state[s], touched(moves, moves), after[1 + s]) : nullptr);
            add(w.mask.empty() ? nullptr : launch.array("mask", w.mask, each(1, 0)));
            words_.push_back(static_cast<int64_t>(w.size()));
            words_.push_back(static_cast<int64_t>(owner_.size()));
            blocks_of_.push_back(static_cast<uint32_t>(blocks_for(static_cast<int64_t>(w.size()), A_BLOCK)));
            owner_.insert(owner_.end(), blocks_of_.back(), static_cast<int32_t>(blocks_of_.size() - 1));
        }
        // Each thread of a block reads the words of its parameter.
        const std::vector<uint32_t> blocks_of = blocks_of_;
        constexpr size_t WORDS = sizeof(palimpsest_cuda_parameter) / sizeof(int64_t);
        int64_t* words = launch.array("table", words_, [=](size_t i) {
            return Touches{static_cast<uint32_t>(THREADS) * blocks_of[i / WORDS], 0};
        });
        table = reinterpret_cast<const palimpsest_cuda_parameter*>(words);
        parameter_of_block = launch.array("parameter of block", owner_, each(THREADS, 0));
    }

    int64_t blocks_in_all() const { return static_cast<int64_t>(owner_.size()); }

    const palimpsest_cuda_parameter* table;
    const int32_t* parameter_of_block;

private:
    template <class T>
    void add(const T* address) {
        words_.push_back(static_cast<int64_t>(reinterpret_cast<uintptr_t>(address)));
    }

    std::vector<int64_t> words_;
    std::vector<int32_t> owner_;
    std::vector<uint32_t> blocks_of_;
};

std::vector<Weights> network(Random& random) {
    return {Weights(random, 1, false), Weights(random, 1024, true), Weights(random, 2500, true),
        Weights(random, 300, false)};
}

void clipping(std::vector<Case>& all, Random& random) {
    const std::vector<Weights> weights = network(random);
    std::vector<Expected> squares;
    for (const Weights& w : weights) {
        for (size_t first = 0; first < w.size(); first += A_BLOCK) {
            double sum = 0;
            for (size_t i = first; i < std::min(w.size(), first + A_BLOCK); i++) {
                if (w.moves(i)) sum += double(w.gradient[i]) * w.gradient[i];
            }
            squares.push_back({sum, 1e-13 * sum});
        }
    }
    all.push_back({"gradient_squares", "4 parameters", [=](uint64_t order) {
                       Launch l;
                       Network n(l, weights, 0, false, {});
                       double* to = l.array("squares", std::vector<double>(squares.size(), NAN), each(0, 1), squares);
                       return l.run("gradient_squares", n.blocks_in_all(), order,
                           [=] { palimpsest_cuda_gradient_squares(n.table, n.parameter_of_block, to); });
                   }});
    for (int64_t count : {1, 256, 700}) {
        for (double limit : {0.5, 1e6, double(NAN)}) {
            std::vector<double> given;
            for (float x : positive(random, count)) given.push_back(x);
            if (std::isnan(limit)) given[static_cast<size_t>(count / 2)] = NAN;
            const double bound = std::isnan(limit) ? 1 : limit;
            const double norm = std::sqrt(std::accumulate(given.begin(), given.end(), 0.0));
            const double factor = bound / (norm + 1e-6) > 1 ? 1 : bound / (norm + 1e-6);
            const char* what = std::isnan(limit) ? ", NaN among them"
                               : limit < 1       ? ", above the limit"
                                                 : ", below the limit";
            all.push_back({"clip_factor", std::to_string(count) + " blocks" + what, [=](uint64_t order) {
                               Launch l;
                               double* from = l.array("squares", given, each(1, 0));
                               float* to = l.array("factor", Floats(1, NAN), each(0, 1),
                                   {{factor, factor == 1 ? 0 : 2 * FLOAT_ROUNDING * factor}});
                               return l.run("clip_factor", 1, order,
                                   [=] { palimpsest_cuda_clip_factor(from, count, bound, to); });
                           }});
        }
    }
}

// d = clip g + decay w;  m = momentum m + d;  w -= rate (nesterov ? d + momentum m : m)
Step sgd_step(double clip, double rate, double momentum, bool nesterov, double decay) {
    return [=](const Weights& w, size_t i) {
        const double value = w.value[i], state = w.state[0][i];
        const double d = clip * w.gradient[i] + decay * value;
        const double m = momentum * state + d;
        const double direction = nesterov ? d + momentum * m : m;
        const double size = std::abs(clip * w.gradient[i]) + std::abs(decay * value) + std::abs(momentum * state);
        const double bound = 8 * FLOAT_ROUNDING * (std::abs(value) + 2 * rate * size);
        return Moved{{value - rate * direction, bound}, {{m, 8 * FLOAT_ROUNDING * size}, KEPT}};
    };
}

// m += (1 - b1)(g - m);  v = b2 v + (1 - b2) g g;  w -= step m / (sqrt(v) / root + eps)
Step adam_step(
    double clip, double step, double root, double fresh1, double beta2, double fresh2, double epsilon, double decay) {
    return [=](const Weights& w, size_t i) {
        const double value = w.value[i], m = w.state[0][i];
        const double g = clip * w.gradient[i] + decay * value;
        const double size = std::abs(clip * w.gradient[i]) + std::abs(decay * value) + std::abs(m);
        const double mean = m + fresh1 * (g - m), square = beta2 * w.state[1][i] + fresh2 * g * g;
        const double below = std::sqrt(square) / root + epsilon;
        return Moved{{value - step * mean / below, 8 * FLOAT_ROUNDING * (std::abs(value) + step * size / below)},
            {{mean, 8 * FLOAT_ROUNDING * size}, {square, 16 * FLOAT_ROUNDING * (square + fresh2 * size * size)}}};
    };
}

void optimisers(std::vector<Case>& all, Random& random) {
    const std::vector<Weights> weights = network(random);
    uint32_t moving = 0;
    for (const Weights& w : weights) {
        for (size_t i = 0; i < w.size(); i++) moving += w.moves(i);
    }
    const float rate = 0.05f, momentum = 0.9f, decay = 1e-2f, factor = 0.3f;
    for (bool clipped : {false, true}) {
        const double clip = clipped ? factor : 1.0f;
        const char* with = clipped ? "clipped" : "as it is";
        auto clip_array = [=](Launch& l) {
            return clipped ? l.array("factor", Floats(1, factor), each(moving, 0)) : nullptr;
        };
        for (int form : {0, 1, 2}) {  // plain, with momentum, Nesterov
            const float m = form == 0 ? 0 : momentum;
            const std::string name = std::string(form == 0   ? "plain"
                                                 : form == 1 ? "momentum"
                                                             : "nesterov") +
                                     ", gradient " + with;
            all.push_back(
                {"sgd", name, [=](uint64_t order) {
                     Launch l;
                     Network n(l, weights, form == 0 ? 0 : 1, true, sgd_step(clip, rate, m, form == 2, decay));
                     const float* by = clip_array(l);
                     return l.run("sgd", n.blocks_in_all(), order,
                         [=] { palimpsest_cuda_sgd(n.table, n.parameter_of_block, by, rate, m, form == 2, decay); });
                 }});
        }
        all.push_back(
            {"adam", std::string("gradient ") + with, [=](uint64_t order) {
                 const float root = 0.2f, fresh1 = 0.1f, beta2 = 0.999f, fresh2 = 0.001f, epsilon = 1e-3f;
                 Launch l;
                 Network n(l, weights, 2, true, adam_step(clip, rate, root, fresh1, beta2, fresh2, epsilon, decay));
                 const float* by = clip_array(l);
                 return l.run("adam", n.blocks_in_all(), order, [=] {
                     palimpsest_cuda_adam(
                         n.table, n.parameter_of_block, by, rate, root, fresh1, beta2, fresh2, epsilon, decay);
                 });
             }});
    }
}

// target = kept target + (1 - kept) source; the copy of kept = 0 does not look at the target, which may be NaN.
void follow(std::vector<Case>& all, Random& random) {
    std::vector<Floats> targets, sources;
    for (int64_t size : {1, 1024, 2500}) {
        targets.push_back(normal<float>(random, size));
        sources.push_back(normal<float>(random, size));
    }
    for (float kept : {0.0f, 0.99f}) {
        all.push_back(
            {"follow", "3 pairs, keeping " + std::to_string(kept), [=](uint64_t order) {
                 Launch l;
                 std::vector<int64_t> words;
                 std::vector<int32_t> pair_of_block;
                 std::vector<uint32_t> blocks_of;
                 uint32_t bits;
                 std::memcpy(&bits, &kept, sizeof bits);
                 for (size_t k = 0; k < targets.size(); k++) {
                     std::vector<Expected> after;
                     for (size_t i = 0; i < targets[k].size(); i++) {
                         const double t = targets[k][i], s = sources[k][i], fresh = 1 - kept;
                         after.push_back({kept == 0 ? s : kept * t + fresh * s,
                             kept == 0 ? 0 : 4 * FLOAT_ROUNDING * (std::abs(kept * t) + std::abs(fresh * s))});
                     }
                     const Floats before = kept == 0 ? Floats(targets[k].size(), NAN) : targets[k];
                     words.push_back(static_cast<int64_t>(
                         reinterpret_cast<uintptr_t>(l.array("target", before, each(kept == 0 ? 0 : 1, 1), after))));
                     words.push_back(
                         static_cast<int64_t>(reinterpret_cast<uintptr_t>(l.array("source", sources[k], each(1, 0)))));
                     words.insert(words.end(),
                         {bits, static_cast<int64_t>(before.size()), static_cast<int64_t>(pair_of_block.size())});
                     blocks_of.push_back(
                         static_cast<uint32_t>(blocks_for(static_cast<int64_t>(before.size()), A_BLOCK)));
                     pair_of_block.insert(pair_of_block.end(), blocks_of.back(), static_cast<int32_t>(k));
                 }
                 constexpr size_t WORDS = sizeof(palimpsest_cuda_pair) / sizeof(int64_t);
                 int64_t* table = l.array("table", words, [=](size_t i) {
                     return Touches{static_cast<uint32_t>(THREADS) * blocks_of[i / WORDS], 0};
                 });
                 int32_t* pairs = l.array("pair of block", pair_of_block, each(THREADS, 0));
                 return l.run("follow", static_cast<int64_t>(pair_of_block.size()), order,
                     [=] { palimpsest_cuda_follow(reinterpret_cast<const palimpsest_cuda_pair*>(table), pairs); });
             }});
    }
}

}  // namespace

std::vector<Case> training_cases(uint64_t seed) {
    Random random(seed);
    std::vector<Case> all;
    frozen_norm(all, random);
    clipping(all, random);
    optimisers(all, random);
    follow(all, random);
    return all;
}

}  // namespace checks

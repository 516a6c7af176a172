// matrix_algebra, and what MLKD needs of matrix_rows and optimiser. Launched as the engine launches them.
#include <algorithm>
#include <random>

#include "declared.h"
#include "reference.h"

namespace checks {

namespace {

using Doubles = std::vector<double>;
using Floats = std::vector<float>;
using Random = std::mt19937_64;

constexpr double TIGHT = 1e-13;  // some roundings of float64, of terms of size 1

struct Shape { int64_t rows, columns; };
constexpr Shape SHAPES[] = {{1, 1}, {5, 7}, {8, 32}, {9, 70}};

Doubles normal(Random& random, int64_t count) {
    std::normal_distribution<double> distribution(0, 1.5);
    Doubles values(static_cast<size_t>(count));
    for (double& x : values) x = distribution(random);
    return values;
}

Floats rounded(const Doubles& values) { return Floats(values.begin(), values.end()); }
Doubles unset(int64_t count) { return Doubles(static_cast<size_t>(count), NAN); }
std::string text(const Shape& s) { return std::to_string(s.rows) + "x" + std::to_string(s.columns); }

std::vector<Expected> within(const Doubles& values, double bound) {
    std::vector<Expected> all;
    for (double x : values) all.push_back({x, bound == 0 ? 0 : bound * (1 + std::abs(x))});
    return all;
}

// f(row, column) for each element.
template <class F>
Doubles of(const Shape& s, F f) {
    Doubles values;
    for (int64_t r = 0; r < s.rows; r++) {
        for (int64_t c = 0; c < s.columns; c++) values.push_back(static_cast<double>(f(r, c)));
    }
    return values;
}

template <class F>
Doubles of_rows(const Shape& s, F f) {
    Doubles values;
    for (int64_t r = 0; r < s.rows; r++) {
        long double sum = 0;
        for (int64_t c = 0; c < s.columns; c++) sum += f(r * s.columns + c);
        values.push_back(static_cast<double>(sum));
    }
    return values;
}

Doubles softmax(const Shape& s, const Doubles& z) {
    const Doubles sums = of_rows(s, [&](int64_t i) { return std::exp(static_cast<long double>(z[i])); });
    return of(s, [&](int64_t r, int64_t c) { return std::exp(static_cast<long double>(z[r * s.columns + c])) / sums[r]; });
}

std::vector<int32_t> labels(Random& random, const Shape& s) {
    std::vector<int32_t> all;
    for (int64_t r = 0; r < s.rows; r++) all.push_back(static_cast<int32_t>(random() % static_cast<uint64_t>(s.columns)));
    return all;
}

void elements(std::vector<Case>& all, Random& random, const Shape& s) {
    const int64_t count = s.rows * s.columns;
    const Doubles a = normal(random, count), b = normal(random, count);
    const Floats floats = rounded(a);
    for (bool fixed : {false, true}) {
        Doubles constant;
        for (int64_t c = 0; fixed && c < s.columns; c++) constant.push_back(c % 3 == 0 ? 0.5 * static_cast<double>(c) : NAN);
        auto own = [=](int64_t c) { return !fixed || std::isnan(constant[c]); };
        const TouchesOf reads = [=](size_t i) { return Touches{own(static_cast<int64_t>(i) % s.columns), 0}; };
        auto constants = [=](Launch& l) { return fixed ? l.array("constant", constant, each(static_cast<uint32_t>(s.rows), 0)) : nullptr; };
        const Doubles wide = of(s, [&](int64_t r, int64_t c) { return own(c) ? floats[r * s.columns + c] : constant[c]; });
        const Doubles narrow = of(s, [&](int64_t r, int64_t c) { return own(c) ? a[r * s.columns + c] : 0; });
        all.push_back({"matrix_widened", text(s) + (fixed ? " with constants" : ""), [=](uint64_t order) {
            Launch l;
            float* from = l.array("values", floats, reads);
            double* by = constants(l);
            double* to = l.array("out", unset(count), each(0, 1), within(wide, 0));
            return l.run(blocks(count, 256), 256, 0, order, [=] { palimpsest_cuda_matrix_widened(from, by, s.columns, to, count); });
        }});
        all.push_back({"matrix_rounded", text(s) + (fixed ? " with constants" : ""), [=](uint64_t order) {
            Launch l;
            double* from = l.array("values", a, reads);
            double* by = constants(l);
            float* to = l.array("out", Floats(static_cast<size_t>(count), NAN), each(0, 1), within(narrow, 0));
            return l.run(blocks(count, 256), 256, 0, order, [=] { palimpsest_cuda_matrix_rounded(from, by, s.columns, to, count); });
        }});
    }
    const Doubles turned = of({s.columns, s.rows}, [&](int64_t r, int64_t c) { return a[c * s.columns + r]; });
    all.push_back({"matrix_transposed", text(s), [=](uint64_t order) {
        Launch l;
        double* m = l.array("matrix", a, each(1, 0));
        double* to = l.array("out", unset(count), each(0, 1), within(turned, 0));
        return l.run(blocks(count, 256), 256, 0, order, [=] { palimpsest_cuda_matrix_transposed(m, s.rows, s.columns, to, count); });
    }});
    for (bool alone : {false, true}) {
        const Doubles sum = of(s, [&](int64_t r, int64_t c) { return (alone ? 0 : a[r * s.columns + c]) - 0.3 * b[r * s.columns + c]; });
        all.push_back({"matrix_plus", text(s) + (alone ? " alone" : ""), [=](uint64_t order) {
            Launch l;
            double* x = alone ? nullptr : l.array("a", a, each(1, 0));
            double* y = l.array("b", b, each(1, 0));
            double* to = l.array("out", unset(count), each(0, 1), within(sum, 0));
            return l.run(blocks(count, 256), 256, 0, order, [=] { palimpsest_cuda_matrix_plus(x, -0.3, y, to, count); });
        }});
    }
    const int64_t length = std::min(s.rows, s.columns);
    const Doubles diagonal = of(s, [&](int64_t r, int64_t c) { return r == c ? -7 : a[r * s.columns + c]; });
    all.push_back({"matrix_diagonal", text(s), [=](uint64_t order) {
        Launch l;
        double* m = l.array("matrix", a, [=](size_t i) {
            return Touches{0, static_cast<int64_t>(i) / s.columns == static_cast<int64_t>(i) % s.columns};
        }, within(diagonal, 0));
        return l.run(blocks(length, 256), 256, 0, order, [=] { palimpsest_cuda_matrix_diagonal(m, s.columns, -7, length); });
    }});
    const Doubles means = of_rows({s.columns, s.rows}, [&](int64_t i) { return turned[i] / static_cast<double>(s.rows); });
    const Doubles centred = of(s, [&](int64_t r, int64_t c) { return a[r * s.columns + c] - means[c]; });
    all.push_back({"matrix_centred", text(s), [=](uint64_t order) {
        Launch l;
        double* m = l.array("matrix", a, each(2, 0));
        double* to = l.array("out", unset(count), each(0, 1), within(centred, TIGHT));
        return l.run(blocks(s.columns, 256), 256, 0, order, [=] { palimpsest_cuda_matrix_centred(m, s.rows, to, s.columns); });
    }});
}

void rows(std::vector<Case>& all, Random& random, const Shape& s) {
    const int64_t count = s.rows * s.columns;
    const Doubles a = normal(random, count), b = normal(random, count), p = softmax(s, a), q = softmax(s, b);
    auto run = [=](const Launch& l, uint64_t order, const std::function<void()>& kernel) {
        return l.run(blocks(s.rows, 4), 128, 0, order, kernel);
    };
    const Doubles dots = of_rows(s, [&](int64_t i) { return static_cast<long double>(a[i]) * b[i]; });
    all.push_back({"matrix_dots", text(s), [=](uint64_t order) {
        Launch l;
        double* x = l.array("a", a, each(1, 0));
        double* y = l.array("b", b, each(1, 0));
        double* to = l.array("out", unset(s.rows), each(0, 1), within(dots, 100 * TIGHT));
        return run(l, order, [=] { palimpsest_cuda_matrix_dots(x, y, s.rows, s.columns, to); });
    }});
    all.push_back({"matrix_softmax", text(s), [=](uint64_t order) {
        Launch l;
        double* z = l.array("matrix", a, each(2, 0));
        double* to = l.array("p", unset(count), each(1, 2), within(p, TIGHT));
        return run(l, order, [=] { palimpsest_cuda_matrix_softmax(z, s.rows, s.columns, to); });
    }});
    const Doubles mean = of_rows(s, [&](int64_t i) { return static_cast<long double>(p[i]) * b[i]; });
    const Doubles by_logits = of(s, [&](int64_t r, int64_t c) { return p[r * s.columns + c] * (b[r * s.columns + c] - mean[r]); });
    all.push_back({"matrix_softmax_gradient", text(s), [=](uint64_t order) {
        Launch l;
        double* x = l.array("p", p, each(2, 0));
        double* d = l.array("d", b, each(2, 0));
        double* to = l.array("out", unset(count), each(0, 1), within(by_logits, 10 * TIGHT));
        return run(l, order, [=] { palimpsest_cuda_matrix_softmax_gradient(x, d, s.rows, s.columns, to); });
    }});
    const Doubles squares = of_rows(s, [&](int64_t i) { return static_cast<long double>(a[i]) * a[i]; });
    Doubles length;
    for (double x : squares) length.push_back(std::sqrt(x));
    const Doubles unit = of(s, [&](int64_t r, int64_t c) { return a[r * s.columns + c] / length[r]; });
    all.push_back({"matrix_unit", text(s), [=](uint64_t order) {
        Launch l;
        double* m = l.array("matrix", a, each(2, 0));
        double* to = l.array("unit", unset(count), each(0, 1), within(unit, TIGHT));
        double* lengths = l.array("length", unset(s.rows), each(0, 1), within(length, TIGHT));
        return run(l, order, [=] { palimpsest_cuda_matrix_unit(m, s.rows, s.columns, to, lengths); });
    }});
    const Doubles along = of_rows(s, [&](int64_t i) { return static_cast<long double>(b[i]) * unit[i]; });
    const Doubles back = of(s, [&](int64_t r, int64_t c) {
        return (b[r * s.columns + c] - along[r] * unit[r * s.columns + c]) / length[r];
    });
    const double small = 1 / *std::min_element(length.begin(), length.end());
    all.push_back({"matrix_unit_gradient", text(s), [=](uint64_t order) {
        Launch l;
        double* u = l.array("unit", unit, each(2, 0));
        double* lengths = l.array("length", length, each(32, 0));
        double* d = l.array("d", b, each(2, 0));
        double* to = l.array("out", unset(count), each(0, 1), within(back, 100 * TIGHT * (1 + small)));
        return run(l, order, [=] { palimpsest_cuda_matrix_unit_gradient(u, lengths, d, s.rows, s.columns, to); });
    }});
    const std::vector<int32_t> label = labels(random, s);
    auto own = [=](size_t i) { return static_cast<int64_t>(i) % s.columns == label[i / static_cast<size_t>(s.columns)]; };
    Doubles log_loss;
    for (int64_t r = 0; r < s.rows; r++) log_loss.push_back(-std::log(p[r * s.columns + label[r]]));
    const Doubles apart = of(s, [&](int64_t r, int64_t c) {
        return (p[r * s.columns + c] - (c == label[r])) / static_cast<double>(s.rows);
    });
    all.push_back({"matrix_log_loss", text(s), [=](uint64_t order) {
        Launch l;
        double* x = l.array("p", p, [=](size_t i) { return Touches{1u + own(i), 0}; });
        int32_t* y = l.array("label", label, each(32, 0));
        double* g = l.array("gradient", unset(count), each(0, 1), within(apart, TIGHT));
        double* loss = l.array("loss", unset(s.rows), each(0, 1), within(log_loss, TIGHT));
        return run(l, order, [=] { palimpsest_cuda_matrix_log_loss(x, y, s.rows, s.columns, g, loss); });
    }});
    Doubles some = q;
    some[some.size() / 2] = 0;  // as if it had underflowed
    const Doubles divergence = of_rows(s, [&](int64_t i) { return some[i] > 0 ? some[i] * std::log(some[i] / p[i]) : 0; });
    all.push_back({"matrix_divergence", text(s), [=](uint64_t order) {
        Launch l;
        double* x = l.array("q", some, each(1, 0));
        double* y = l.array("p", p, [=](size_t i) { return Touches{some[i] > 0, 0}; });
        double* to = l.array("out", unset(s.rows), each(0, 1), within(divergence, 10 * TIGHT));
        return run(l, order, [=] { palimpsest_cuda_matrix_divergence(x, y, s.rows, s.columns, to); });
    }});
    for (bool labelled : {false, true}) {
        std::vector<Expected> sure(static_cast<size_t>(3 * s.rows), KEPT);
        for (int64_t r = 0; r < s.rows; r++) {
            const double* row = p.data() + r * s.columns;
            sure[3 * r + 1] = {labelled ? row[label[r]] : *std::max_element(row, row + s.columns), 0};
        }
        all.push_back({"matrix_sureness", text(s) + (labelled ? " of labels" : ""), [=](uint64_t order) {
            Launch l;
            double* x = l.array("p", p, [=](size_t i) { return Touches{labelled ? own(i) ? 32u : 0u : 1u, 0}; });
            int32_t* y = labelled ? l.array("label", label, each(32, 0)) : nullptr;
            double* to = l.array("out", unset(3 * s.rows), [](size_t i) { return Touches{0, i % 3 == 1}; }, sure);
            return run(l, order, [=] { palimpsest_cuda_matrix_sureness(x, y, s.rows, s.columns, to + 1, 3); });
        }});
    }
}

// Variances below and above 1, so that the hinge is at work on some.
void spread(std::vector<Case>& all, Random& random) {
    for (int64_t dims : {1, 6, 40}) {
        Doubles v = normal(random, dims * dims);
        for (int64_t a = 0; a < dims; a++) v[a * dims + a] = a % 2 == 0 ? 0.3 : 1.7;
        const double d = static_cast<double>(dims);
        const Shape s = {dims, dims};
        const Doubles by = of(s, [&](int64_t a, int64_t b) {
            const double deviation = std::sqrt(v[a * dims + b] + 1e-4);
            return a != b ? 2 * v[a * dims + b] / (25 * d) : deviation < 1 ? -1 / (4 * d * deviation) : 0;
        });
        const Doubles loss = of_rows(s, [&](int64_t i) {
            return i / dims != i % dims ? v[i] * v[i] / (25 * d) : std::max(0.0, 1 - std::sqrt(v[i] + 1e-4)) / (2 * d);
        });
        all.push_back({"matrix_spread", std::to_string(dims), [=](uint64_t order) {
            Launch l;
            double* covariance = l.array("covariance", v, each(1, 0));
            double* g = l.array("by", unset(dims * dims), each(0, 1), within(by, TIGHT));
            double* to = l.array("loss", unset(dims), each(0, 1), within(loss, TIGHT));
            return l.run(blocks(dims, 4), 128, 0, order, [=] { palimpsest_cuda_matrix_spread(covariance, dims, g, to); });
        }});
    }
}

void choices(std::vector<Case>& all, Random& random) {
    const int64_t rows = 300, teachers = 3, width = 5;
    Doubles sure;
    Floats one_hot;
    for (int64_t r = 0; r < rows; r++) {
        double row[teachers];
        for (double& x : row) x = static_cast<double>(random() % 4);  // ties are many
        const auto best = std::max_element(row, row + teachers) - row;
        for (int64_t k = 0; k < teachers; k++) {
            sure.push_back(row[k]);
            one_hot.push_back(k == best ? 1.0f : 0.0f);
        }
    }
    all.push_back({"matrix_surest", "300 rows", [=](uint64_t order) {
        Launch l;
        double* x = l.array("sureness", sure, each(1, 0));
        float* to = l.array("out", Floats(one_hot.size(), NAN), each(0, 1), within(Doubles(one_hot.begin(), one_hot.end()), 0));
        return l.run(blocks(rows, 256), 256, 0, order, [=] { palimpsest_cuda_matrix_surest(x, teachers, to, rows); });
    }});
    const int64_t count = rows * width;
    const Floats from = rounded(normal(random, count)), before = rounded(normal(random, count));
    auto chosen = [=](size_t i) { return one_hot[i / width * teachers + 1] != 0; };
    std::vector<Expected> after;
    for (size_t i = 0; i < from.size(); i++) after.push_back(chosen(i) ? Expected{from[i], 0} : KEPT);
    all.push_back({"chosen_rows", "300x5", [=](uint64_t order) {
        Launch l;
        float* w = l.array("one_hot", one_hot, [=](size_t i) { return Touches{i % teachers == 1 ? uint32_t(width) : 0u, 0}; });
        float* f = l.array("from", from, [=](size_t i) { return Touches{chosen(i), 0}; });
        float* to = l.array("out", before, [=](size_t i) { return Touches{0, chosen(i)}; }, after);
        return l.run(blocks(count, 256), 256, 0, order, [=] { palimpsest_cuda_chosen_rows(w, teachers, 1, f, width, to, count); });
    }});
}

void margins(std::vector<Case>& all, Random& random) {
    const Shape s = {9, 90};
    const int64_t count = s.rows * s.columns;
    const Doubles z = normal(random, count);
    std::vector<int32_t> other, current;
    for (int32_t c = 0; c < 90; c++) (c % 9 < 4 ? other : current).push_back((c * 7) % 90);
    for (bool constant : {false, true}) {
        Doubles missing, gradient(static_cast<size_t>(count), 0);
        std::vector<int32_t> bad_at, best_at;
        for (int64_t r = 0; r < s.rows; r++) {
            const double* row = z.data() + r * s.columns;
            auto best = [&](const std::vector<int32_t>& of_these) {
                return *std::max_element(of_these.begin(), of_these.end(), [&](int32_t a, int32_t b) { return row[a] < row[b]; });
            };
            auto p = [&](const std::vector<int32_t>& among, int32_t c) {
                long double sum = 0;
                for (int32_t i : among) sum += std::exp(static_cast<long double>(row[i]));
                return static_cast<double>(std::exp(static_cast<long double>(row[c])) / sum);
            };
            const int32_t bad = best(other), good = best(current);
            bad_at.push_back(bad);
            best_at.push_back(good);
            missing.push_back(constant ? p(other, bad) + 0.1 - p(current, good) : row[bad] + 0.1 - row[good]);
            if (!(missing.back() > 0)) continue;
            double* g = gradient.data() + r * s.columns;
            for (int32_t c : current) {
                if (constant) g[c] = -p(current, good) * ((c == good) - p(current, c));
            }
            if (!constant) {
                g[good] = -1;
                g[bad] = 1;
            }
        }
        // Read for the maximum and for the sum; the current ones for the gradient too where it has all of them.
        const TouchesOf reads = [=](size_t i) {
            const bool is_current = std::find(current.begin(), current.end(), static_cast<int32_t>(i % 90)) != current.end();
            return Touches{constant && is_current && missing[i / 90] > 0 ? 3u : 2u, 0};
        };
        auto index_reads = [=](const std::vector<int32_t>& index, const std::vector<int32_t>& at, bool all_of_them) {
            return [=](size_t i) {
                uint32_t n = 0;
                for (int64_t r = 0; r < s.rows; r++) {
                    n += 2 + (missing[r] > 0 && (constant ? all_of_them : index[i] == at[r]));
                }
                return Touches{n, 0};
            };
        };
        const TouchesOf writes = [=](size_t i) {
            const int32_t c = static_cast<int32_t>(i % 90);
            const bool is_current = std::find(current.begin(), current.end(), c) != current.end();
            return Touches{0, missing[i / 90] > 0 && (constant ? is_current : c == bad_at[i / 90] || c == best_at[i / 90])};
        };
        const char* which = constant ? "of probabilities" : "of scores";
        all.push_back({"matrix_margin", which, [=](uint64_t order) {
            Launch l;
            double* x = l.array("z", z, reads);
            int32_t* o = l.array("other", other, index_reads(other, bad_at, false));
            int32_t* c = l.array("current", current, index_reads(current, best_at, true));
            double* g = l.array("gradient", Doubles(gradient.size(), 0), writes, within(gradient, TIGHT));
            double* m = l.array("missing", unset(s.rows), each(0, 1), within(missing, TIGHT));
            return l.run(blocks(s.rows, 4), 128, 0, order, [=] {
                palimpsest_cuda_matrix_margin(x, s.rows, s.columns, o, static_cast<int64_t>(other.size()), c,
                    static_cast<int64_t>(current.size()), 0.1, constant, g, m);
            });
        }});
        for (bool none : {false, true}) {
            Doubles lacking = missing;
            if (none) lacking.assign(lacking.size(), -0.5);
            double sum = 0, n = 0;
            for (double x : lacking) {
                sum += x > 0 ? x : 0;
                n += x > 0;
            }
            const double mean = n > 0 ? sum / n : 0;
            const Doubles shared = of(s, [&](int64_t r, int64_t c) { return gradient[r * s.columns + c] / std::max(n, 1.0); });
            all.push_back({"matrix_margin_mean", std::string(which) + (none ? ", none" : ""), [=](uint64_t order) {
                Launch l;
                double* m = l.array("missing", lacking, each(static_cast<uint32_t>(count), 0));
                double* g = l.array("gradient", gradient, each(1, 1), within(shared, TIGHT));
                double* to = l.array("mean", unset(1), each(0, 1), {{mean, TIGHT}});
                return l.run(blocks(count, 256), 256, 0, order, [=] { palimpsest_cuda_matrix_margin_mean(m, s.rows, g, count, to); });
            }});
        }
    }
}

// Two rounded products and a rounded sum: bits. What is copied may be anything, also where it goes.
void following(std::vector<Case>& all, Random& random) {
    const int64_t sizes[] = {1, 1024, 2500};
    const float kept[] = {0.75f, 0, 0.996f};
    Floats target[3], source[3];
    std::vector<Expected> after[3];
    for (int i = 0; i < 3; i++) {
        target[i] = rounded(normal(random, sizes[i]));
        source[i] = rounded(normal(random, sizes[i]));
        if (kept[i] == 0) target[i].assign(target[i].size(), NAN);
        for (size_t j = 0; j < target[i].size(); j++) {
            const float left = kept[i] * target[i][j], right = (1 - kept[i]) * source[i][j];
            after[i].push_back({kept[i] == 0 ? source[i][j] : left + right, 0});
        }
    }
    all.push_back({"follow", "3 pairs", [=](uint64_t order) {
        Launch l;
        std::vector<int64_t> words;
        std::vector<int32_t> owner;
        std::vector<uint32_t> blocks_of;
        auto add = [&](const float* p) { words.push_back(static_cast<int64_t>(reinterpret_cast<uintptr_t>(p))); };
        for (int i = 0; i < 3; i++) {
            add(l.array("target", target[i], each(kept[i] != 0, 1), after[i]));
            add(l.array("source", source[i], each(1, 0)));
            uint32_t bits;
            std::memcpy(&bits, &kept[i], 4);
            words.push_back(bits);
            words.push_back(sizes[i]);
            words.push_back(static_cast<int64_t>(owner.size()));
            blocks_of.push_back(static_cast<uint32_t>(blocks(sizes[i], 1024)));
            owner.insert(owner.end(), blocks_of.back(), i);
        }
        int64_t* table = l.array("table", words, [=](size_t i) { return Touches{256 * blocks_of[i / 5], 0}; });
        int32_t* pair_of_block = l.array("pair of block", owner, each(256, 0));
        return l.run(static_cast<int64_t>(owner.size()), 256, 0, order, [=] { palimpsest_cuda_follow(table, pair_of_block); });
    }});
}

}  // namespace

std::vector<Case> matrix_cases(uint64_t seed) {
    Random random(seed);
    std::vector<Case> all;
    for (const Shape& s : SHAPES) {
        elements(all, random, s);
        rows(all, random, s);
    }
    spread(all, random);
    choices(all, random);
    margins(all, random);
    following(all, random);
    return all;
}

}  // namespace checks

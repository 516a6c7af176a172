// The kernels of matrix_algebra: small matrices in double precision, against plain loops. Launched as the engine
// launches them.
#include "declared.h"
#include "reference.h"

namespace checks {

namespace {

using Doubles = std::vector<double>;
using Ints = std::vector<int32_t>;

constexpr double ROUNDING = 0x1p-52;
constexpr uint32_t LANES = 32;

Doubles unset(int64_t count) { return Doubles(static_cast<size_t>(count), NAN); }

struct Shape {
    int64_t rows, columns;
    int64_t count() const { return rows * columns; }
    size_t at(int64_t r, int64_t c) const { return static_cast<size_t>(r * columns + c); }
    std::string text() const { return std::to_string(rows) + "x" + std::to_string(columns); }
};

// Rows of positive numbers with a sum of 1.
Doubles probabilities(Random& random, const Shape& s) {
    Doubles p = normal<double>(random, s.count(), 3);
    for (int64_t r = 0; r < s.rows; r++) {
        double sum = 0;
        for (int64_t c = 0; c < s.columns; c++) sum += p[s.at(r, c)] = std::exp(p[s.at(r, c)]);
        for (int64_t c = 0; c < s.columns; c++) p[s.at(r, c)] /= sum;
    }
    return p;
}

Ints labels(Random& random, const Shape& s) {
    Ints label(static_cast<size_t>(s.rows));
    for (int32_t& x : label) x = static_cast<int32_t>(random() % static_cast<uint64_t>(s.columns));
    return label;
}

// One result an element, of row and column.
using Formula = std::function<Expected(int64_t r, int64_t c)>;
std::vector<Expected> of_elements(const Shape& s, const Formula& formula) {
    std::vector<Expected> expected;
    for (int64_t r = 0; r < s.rows; r++) {
        for (int64_t c = 0; c < s.columns; c++) expected.push_back(formula(r, c));
    }
    return expected;
}

// A sum over each row, within the rounding of its terms.
std::vector<Expected> of_rows(const Shape& s, const std::function<double(int64_t r, int64_t c)>& term) {
    std::vector<Expected> expected;
    for (int64_t r = 0; r < s.rows; r++) {
        double sum = 0, size = 0;
        for (int64_t c = 0; c < s.columns; c++) {
            sum += term(r, c);
            size += std::abs(term(r, c));
        }
        expected.push_back({sum, 8 * ROUNDING * size * static_cast<double>(s.columns)});
    }
    return expected;
}

void conversions(std::vector<Case>& all, Random& random, const Shape& s) {
    const Doubles m = normal<double>(random, s.count());
    const std::vector<float> single(m.begin(), m.end());
    Doubles constant = unset(s.columns);
    for (int64_t c = 1; c < s.columns; c += 3) constant[static_cast<size_t>(c)] = -1e9;
    for (bool fixed : {false, true}) {
        auto held = [=](int64_t c) { return fixed && !std::isnan(constant[static_cast<size_t>(c)]); };
        const TouchesOf reads = [=](size_t i) { return Touches{!held(static_cast<int64_t>(i) % s.columns), 0}; };
        auto constants = [=](Launch& l) {
            return fixed ? l.array("constant", constant, each(static_cast<uint32_t>(s.rows), 0)) : nullptr;
        };
        const std::string shape = s.text() + (fixed ? ", with constants" : "");
        all.push_back({"matrix_widened", shape, [=](uint64_t order) {
                           Launch l;
                           float* from = l.array("values", single, reads);
                           double* by = constants(l);
                           double* out =
                               l.array("out", unset(s.count()), each(0, 1), of_elements(s, [=](int64_t r, int64_t c) {
                                   return Expected{held(c) ? -1e9 : single[s.at(r, c)], 0};
                               }));
                           return l.run("matrix_widened", s.count(), order,
                               [=] { palimpsest_cuda_matrix_widened(from, by, s.columns, out, s.count()); });
                       }});
        all.push_back({"matrix_rounded", shape, [=](uint64_t order) {
                           Launch l;
                           double* from = l.array("values", m, reads);
                           double* by = constants(l);
                           float* out = l.array("out", std::vector<float>(single.size(), NAN), each(0, 1),
                               of_elements(s, [=](int64_t r, int64_t c) {
                                   return Expected{held(c) ? 0 : static_cast<float>(m[s.at(r, c)]), 0};
                               }));
                           return l.run("matrix_rounded", s.count(), order,
                               [=] { palimpsest_cuda_matrix_rounded(from, by, s.columns, out, s.count()); });
                       }});
    }
}

void arithmetic(std::vector<Case>& all, Random& random, const Shape& s) {
    const Doubles a = normal<double>(random, s.count()), b = normal<double>(random, s.count());
    const double factor = normal<double>(random, 1)[0];
    all.push_back({"matrix_transposed", s.text(), [=](uint64_t order) {
                       Launch l;
                       double* m = l.array("m", a, each(1, 0));
                       const Shape turned{s.columns, s.rows};
                       double* out =
                           l.array("out", unset(s.count()), each(0, 1), of_elements(turned, [=](int64_t r, int64_t c) {
                               return Expected{a[s.at(c, r)], 0};
                           }));
                       return l.run("matrix_transposed", s.count(), order,
                           [=] { palimpsest_cuda_matrix_transposed(m, s.rows, s.columns, out, s.count()); });
                   }});
    for (bool alone : {false, true}) {
        all.push_back({"matrix_plus", s.text() + (alone ? ", of nothing" : ""), [=](uint64_t order) {
                           Launch l;
                           double* first = alone ? nullptr : l.array("a", a, each(1, 0));
                           double* second = l.array("b", b, each(1, 0));
                           double* out =
                               l.array("out", unset(s.count()), each(0, 1), of_elements(s, [=](int64_t r, int64_t c) {
                                   const double product = factor * b[s.at(r, c)];
                                   return Expected{(alone ? 0 : a[s.at(r, c)]) + product, 0};
                               }));
                           return l.run("matrix_plus", s.count(), order,
                               [=] { palimpsest_cuda_matrix_plus(first, factor, second, out, s.count()); });
                       }});
    }
    all.push_back({"matrix_diagonal", s.text(), [=](uint64_t order) {
                       Launch l;
                       const int64_t count = std::min(s.rows, s.columns);
                       auto on = [=](size_t i) {
                           return static_cast<int64_t>(i) / s.columns == static_cast<int64_t>(i) % s.columns;
                       };
                       double* m = l.array(
                           "m", a,
                           [=](size_t i) {
                               return Touches{0, on(i)};
                           },
                           of_elements(s, [=](int64_t r, int64_t c) {
                               return r == c ? Expected{factor, 0} : KEPT;
                           }));
                       return l.run("matrix_diagonal", count, order,
                           [=] { palimpsest_cuda_matrix_diagonal(m, s.columns, factor, count); });
                   }});
    all.push_back({"matrix_centred", s.text(), [=](uint64_t order) {
                       Launch l;
                       double* m = l.array("m", a, each(2, 0));
                       double* out =
                           l.array("out", unset(s.count()), each(0, 1), of_elements(s, [=](int64_t r, int64_t c) {
                               double sum = 0, size = 0;
                               for (int64_t k = 0; k < s.rows; k++) {
                                   sum += a[s.at(k, c)];
                                   size += std::abs(a[s.at(k, c)]);
                               }
                               return Expected{a[s.at(r, c)] - sum / static_cast<double>(s.rows),
                                   8 * ROUNDING * (size + std::abs(a[s.at(r, c)]))};
                           }));
                       return l.run("matrix_centred", s.columns, order,
                           [=] { palimpsest_cuda_matrix_centred(m, s.rows, out, s.columns); });
                   }});
    all.push_back({"matrix_dots", s.text(), [=](uint64_t order) {
                       Launch l;
                       double* first = l.array("a", a, each(1, 0));
                       double* second = l.array("b", b, each(1, 0));
                       double* out = l.array("out", unset(s.rows), each(0, 1),
                           of_rows(s, [=](int64_t r, int64_t c) { return a[s.at(r, c)] * b[s.at(r, c)]; }));
                       return l.run("matrix_dots", s.rows, order,
                           [=] { palimpsest_cuda_matrix_dots(first, second, s.rows, s.columns, out); });
                   }});
}

void softmaxes(std::vector<Case>& all, Random& random, const Shape& s) {
    Doubles z = normal<double>(random, s.count(), 4);
    z[0] = -1e9;      // as a class that stands far below
    z.back() = 2000;  // beyond what exp takes
    const Doubles p = probabilities(random, s), d = normal<double>(random, s.count());
    all.push_back(
        {"matrix_softmax", s.text(), [=](uint64_t order) {
             Launch l;
             double* m = l.array("m", z, each(2, 0));
             double* out = l.array("p", unset(s.count()), each(1, 2), of_elements(s, [=](int64_t r, int64_t c) {
                 double sum = 0;  // of e^(x - own), which needs no largest
                 for (int64_t k = 0; k < s.columns; k++) sum += std::exp(z[s.at(r, k)] - z[s.at(r, c)]);
                 return Expected{1 / sum, 64 * ROUNDING / sum * (1 + static_cast<double>(s.columns) / 16)};
             }));
             return l.run(
                 "matrix_softmax", s.rows, order, [=] { palimpsest_cuda_matrix_softmax(m, s.rows, s.columns, out); });
         }});
    all.push_back(
        {"matrix_softmax_gradient", s.text(), [=](uint64_t order) {
             Launch l;
             double* probability = l.array("p", p, each(2, 0));
             double* by = l.array("d", d, each(2, 0));
             double* out = l.array("out", unset(s.count()), each(0, 1), of_elements(s, [=](int64_t r, int64_t c) {
                 double mean = 0, size = std::abs(d[s.at(r, c)]);
                 for (int64_t k = 0; k < s.columns; k++) {
                     mean += p[s.at(r, k)] * d[s.at(r, k)];
                     size += p[s.at(r, k)] * std::abs(d[s.at(r, k)]);
                 }
                 return Expected{p[s.at(r, c)] * (d[s.at(r, c)] - mean), 64 * ROUNDING * p[s.at(r, c)] * size};
             }));
             return l.run("matrix_softmax_gradient", s.rows, order,
                 [=] { palimpsest_cuda_matrix_softmax_gradient(probability, by, s.rows, s.columns, out); });
         }});
    const Ints label = labels(random, s);
    all.push_back(
        {"matrix_log_loss", s.text(), [=](uint64_t order) {
             Launch l;
             auto own = [=](int64_t r, int64_t c) { return label[static_cast<size_t>(r)] == c; };
             double* probability = l.array("p", p, [=](size_t i) {
                 return Touches{
                     own(static_cast<int64_t>(i) / s.columns, static_cast<int64_t>(i) % s.columns) ? 2u : 1u, 0};
             });
             int32_t* of = l.array("label", label, each(LANES, 0));
             double* gradient =
                 l.array("gradient", unset(s.count()), each(0, 1), of_elements(s, [=](int64_t r, int64_t c) {
                     return Expected{(p[s.at(r, c)] - own(r, c)) / static_cast<double>(s.rows), 0};
                 }));
             double* loss = l.array("row loss", unset(s.rows), each(0, 1),
                 of_rows(s, [=](int64_t r, int64_t c) { return own(r, c) ? -std::log(p[s.at(r, c)]) : 0; }));
             return l.run("matrix_log_loss", s.rows, order,
                 [=] { palimpsest_cuda_matrix_log_loss(probability, of, s.rows, s.columns, gradient, loss); });
         }});
    all.push_back({"matrix_divergence", s.text(), [=](uint64_t order) {
                       Launch l;
                       Doubles target = p;
                       for (size_t i = 0; i < target.size(); i += 5) target[i] = 0;  // underflowed
                       double* q = l.array("q", target, each(1, 0));
                       double* other = l.array("p", p, [=](size_t i) { return Touches{target[i] > 0, 0}; });
                       const Doubles& given = target;
                       double* loss =
                           l.array("row loss", unset(s.rows), each(0, 1), of_rows(s, [&](int64_t r, int64_t c) {
                               const double x = given[s.at(r, c)];
                               return x > 0 ? x * std::log(x / p[s.at(r, c)]) : 0;
                           }));
                       return l.run("matrix_divergence", s.rows, order,
                           [=] { palimpsest_cuda_matrix_divergence(q, other, s.rows, s.columns, loss); });
                   }});
    for (bool labelled : {false, true}) {
        all.push_back(
            {"matrix_highest", s.text() + (labelled ? ", of columns" : ""), [=](uint64_t order) {
                 Launch l;
                 auto read = [=](int64_t r, int64_t c) { return label[static_cast<size_t>(r)] == c ? LANES : 0; };
                 double* probability = l.array("p", p, [=](size_t i) {
                     return Touches{
                         labelled ? read(static_cast<int64_t>(i) / s.columns, static_cast<int64_t>(i) % s.columns) : 1,
                         0};
                 });
                 int32_t* of = labelled ? l.array("label", label, each(LANES, 0)) : nullptr;
                 const Shape wide{s.rows, 2};  // this teacher's and another's
                 double* out = l.array(
                     "out", unset(wide.count()),
                     [](size_t i) {
                         return Touches{0, i % 2 == 0};
                     },
                     of_elements(wide, [=](int64_t r, int64_t which) {
                         double highest = -INFINITY;
                         for (int64_t c = 0; c < s.columns; c++) highest = std::max(highest, p[s.at(r, c)]);
                         const double own = p[s.at(r, label[static_cast<size_t>(r)])];
                         return which == 1 ? KEPT : Expected{labelled ? own : highest, 0};
                     }));
                 return l.run("matrix_highest", s.rows, order,
                     [=] { palimpsest_cuda_matrix_highest(probability, of, s.rows, s.columns, out, 2); });
             }});
    }
}

void argmax(std::vector<Case>& all, Random& random, const Shape& s) {
    Doubles values = normal<double>(random, s.count());
    for (int64_t c = 0; c < s.columns; c++) values[s.at(0, c)] = 0.5;  // the first of equals
    std::vector<uint32_t> reads(values.size());
    std::vector<Expected> after(values.size(), {0, 0});
    for (int64_t r = 0; r < s.rows; r++) {
        int64_t best = 0;
        for (int64_t k = 1; k < s.columns; k++) {
            reads[s.at(r, k)]++;
            reads[s.at(r, best)]++;
            best = values[s.at(r, k)] > values[s.at(r, best)] ? k : best;
        }
        after[s.at(r, best)] = {1, 0};
    }
    all.push_back({"matrix_argmax", s.text(), [=](uint64_t order) {
                       Launch l;
                       double* from = l.array("values", values, [=](size_t i) { return Touches{reads[i], 0}; });
                       float* out = l.array("out", std::vector<float>(values.size(), NAN), each(0, 1), after);
                       return l.run("matrix_argmax", s.rows, order,
                           [=] { palimpsest_cuda_matrix_argmax(from, s.columns, out, s.rows); });
                   }});
}

void lengths(std::vector<Case>& all, Random& random, const Shape& s) {
    Doubles m = normal<double>(random, s.count()), d = normal<double>(random, s.count());
    for (int64_t c = 0; c < s.columns; c++) m[s.at(s.rows - 1, c)] = 0;  // a row without a direction
    auto length = [=](int64_t r) {
        double squares = 0;
        for (int64_t c = 0; c < s.columns; c++) squares += m[s.at(r, c)] * m[s.at(r, c)];
        return std::max(std::sqrt(squares), 1e-12);
    };
    Doubles unit, own;
    for (int64_t r = 0; r < s.rows; r++) {
        own.push_back(length(r));
        for (int64_t c = 0; c < s.columns; c++) unit.push_back(m[s.at(r, c)] / own.back());
    }
    const double bound = 4 * ROUNDING * static_cast<double>(s.columns);
    all.push_back({"matrix_unit", s.text(), [=](uint64_t order) {
                       Launch l;
                       double* from = l.array("m", m, each(3, 0));
                       double* out =
                           l.array("unit", unset(s.count()), each(0, 1), of_elements(s, [=](int64_t r, int64_t c) {
                               return Expected{unit[s.at(r, c)], bound * std::abs(unit[s.at(r, c)])};
                           }));
                       double* lengths = l.array(
                           "length", unset(s.rows), each(0, 1), of_elements({s.rows, 1}, [=](int64_t r, int64_t) {
                               return Expected{own[static_cast<size_t>(r)], bound * own[static_cast<size_t>(r)]};
                           }));
                       return l.run("matrix_unit", s.rows, order,
                           [=] { palimpsest_cuda_matrix_unit(from, s.rows, s.columns, out, lengths); });
                   }});
    all.push_back(
        {"matrix_unit_gradient", s.text(), [=](uint64_t order) {
             Launch l;
             double* u = l.array("unit", unit, each(2, 0));
             double* of = l.array("length", own, each(LANES, 0));
             double* by = l.array("d", d, each(2, 0));
             double* out = l.array("out", unset(s.count()), each(0, 1), of_elements(s, [=](int64_t r, int64_t c) {
                 double along = 0, size = 0;
                 for (int64_t k = 0; k < s.columns; k++) {
                     along += d[s.at(r, k)] * unit[s.at(r, k)];
                     size += std::abs(d[s.at(r, k)] * unit[s.at(r, k)]);
                 }
                 const double by_row = own[static_cast<size_t>(r)];
                 const double e = d[s.at(r, c)], x = unit[s.at(r, c)];
                 return Expected{(e - along * x) / by_row, bound * (std::abs(e) + size * std::abs(x)) / by_row};
             }));
             return l.run("matrix_unit_gradient", s.rows, order,
                 [=] { palimpsest_cuda_matrix_unit_gradient(u, of, by, s.rows, s.columns, out); });
         }});
}

// VICReg: sum over a of (1 - sqrt(v_aa + 1e-4))+ / 2D, and over a, b other than a of v_ab^2 / 25D.
void spread(std::vector<Case>& all, Random& random, int64_t dims) {
    const Shape s{dims, dims};
    Doubles v = normal<double>(random, s.count());
    for (int64_t a = 0; a < dims; a++) v[s.at(a, a)] = a % 2 == 0 ? 0.3 : 1.7;  // too little spread, and enough
    const double d = static_cast<double>(dims), hinges = 2 * d, squares = 25 * d;
    all.push_back(
        {"matrix_spread", s.text(), [=](uint64_t order) {
             Launch l;
             double* covariance = l.array("covariance", v, each(1, 0));
             double* by = l.array("by", unset(s.count()), each(0, 1), of_elements(s, [=](int64_t a, int64_t b) {
                 const double x = v[s.at(a, b)];
                 const double slope = a != b ? 2 * x / squares : x < 1 ? -0.5 / (hinges * std::sqrt(x + 1e-4)) : 0;
                 return Expected{slope, 8 * ROUNDING * std::abs(slope)};
             }));
             double* loss = l.array("row loss", unset(dims), each(0, 1), of_rows(s, [=](int64_t a, int64_t b) {
                 const double x = v[s.at(a, b)];
                 return a != b ? x * x / squares : std::max(0.0, 1 - std::sqrt(x + 1e-4)) / hinges;
             }));
             return l.run("matrix_spread", dims, order,
                 [=] { palimpsest_cuda_matrix_spread(covariance, dims, 1, 1e-4, hinges, squares, by, loss); });
         }});
}

// Columns of either side are every third one and the rest, so that some are of neither.
void margin(std::vector<Case>& all, Random& random, const Shape& s) {
    const Doubles z = normal<double>(random, s.count(), 2);
    Ints other, current;
    for (int32_t c = 0; c < s.columns; c++) (c % 3 == 0 ? other : current).push_back(c);
    if (current.size() > 2) current.pop_back();
    struct Best {
        size_t at;
        int32_t column;
        double value, inverse;
    };
    auto best_of = [=](int64_t r, const Ints& side) {
        Best best{0, side[0], z[s.at(r, side[0])], 0};
        for (size_t i = 1; i < side.size(); i++) {
            if (z[s.at(r, side[i])] > best.value) best = {i, side[i], z[s.at(r, side[i])], 0};
        }
        double sum = 0;
        for (int32_t c : side) sum += std::exp(z[s.at(r, c)] - best.value);
        best.inverse = 1 / sum;
        return best;
    };
    for (bool softmaxes : {false, true}) {
        const double wanted = softmaxes ? 0.2 : 0.5;
        std::vector<Expected> gradient(z.size(), KEPT), missing;
        std::vector<uint32_t> reads(z.size()), writes(z.size());
        std::vector<uint32_t> other_reads(other.size(), 2 * static_cast<uint32_t>(s.rows));
        std::vector<uint32_t> current_reads(current.size(), 2 * static_cast<uint32_t>(s.rows));
        for (int64_t r = 0; r < s.rows; r++) {
            const Best bad = best_of(r, other), good = best_of(r, current);
            const double lack = softmaxes ? bad.inverse + wanted - good.inverse : bad.value + wanted - good.value;
            missing.push_back({lack, 64 * ROUNDING * static_cast<double>(s.columns)});
            for (const Ints* side : {&other, &current}) {
                for (int32_t c : *side) reads[s.at(r, c)] += 2;
            }
            if (lack <= 0) continue;
            auto expect = [&](int32_t c, double value) {
                gradient[s.at(r, c)] = {value, softmaxes ? 64 * ROUNDING * static_cast<double>(s.columns) : 0};
                writes[s.at(r, c)]++;
            };
            if (!softmaxes) {
                expect(good.column, -1);
                expect(bad.column, 1);
                current_reads[good.at]++;
                other_reads[bad.at]++;
                continue;
            }
            for (size_t i = 0; i < current.size(); i++) {
                const double p = std::exp(z[s.at(r, current[i])] - good.value) * good.inverse;
                expect(current[i], -good.inverse * ((current[i] == good.column) - p));
                reads[s.at(r, current[i])]++;
                current_reads[i]++;
            }
        }
        all.push_back({"matrix_margin", s.text() + (softmaxes ? ", probabilities" : ""), [=](uint64_t order) {
                           Launch l;
                           auto counts = [](const std::vector<uint32_t>& n) {
                               return [=](size_t i) { return Touches{n[i], 0}; };
                           };
                           double* logits = l.array("z", z, counts(reads));
                           int32_t* others = l.array("other", other, counts(other_reads));
                           int32_t* currents = l.array("current", current, counts(current_reads));
                           double* by = l.array(
                               "gradient", Doubles(z.size(), 0),
                               [=](size_t i) {
                                   return Touches{0, writes[i]};
                               },
                               gradient);
                           double* lacks = l.array("missing", unset(s.rows), each(0, 1), missing);
                           return l.run("matrix_margin", s.rows, order, [=] {
                               palimpsest_cuda_matrix_margin(logits, s.rows, s.columns, others,
                                   static_cast<int64_t>(other.size()), currents, static_cast<int64_t>(current.size()),
                                   wanted, softmaxes, by, lacks);
                           });
                       }});
    }
}

void margin_mean(std::vector<Case>& all, Random& random, const Shape& s) {
    const Doubles gradient = normal<double>(random, s.count());
    for (bool none : {false, true}) {
        Doubles missing = normal<double>(random, s.rows);
        for (double& x : missing) x = none ? -std::abs(x) : x;
        double sum = 0, positive = 0;
        for (double x : missing) {
            sum += std::max(0.0, x);
            positive += x > 0;
        }
        const double by = std::max(1.0, positive);
        all.push_back(
            {"matrix_margin_mean", s.text() + (none ? ", nothing lacks" : ""), [=](uint64_t order) {
                 Launch l;
                 double* lacks = l.array("missing", missing, each(static_cast<uint32_t>(s.count()), 0));
                 double* g = l.array("gradient", gradient, each(1, 1), of_elements(s, [=](int64_t r, int64_t c) {
                     return Expected{gradient[s.at(r, c)] / by, 2 * ROUNDING * std::abs(gradient[s.at(r, c)])};
                 }));
                 double* mean = l.array(
                     "mean", unset(1), each(0, 1), {{sum / by, 8 * ROUNDING * sum * static_cast<double>(s.rows)}});
                 return l.run("matrix_margin_mean", s.count(), order,
                     [=] { palimpsest_cuda_matrix_margin_mean(lacks, s.rows, g, s.count(), mean); });
             }});
    }
}

}  // namespace

std::vector<Case> matrix_cases(uint64_t seed) {
    Random random(seed);
    std::vector<Case> all;
    for (const Shape& s : {Shape{1, 2}, {3, 10}, {5, 32}, {9, 33}, {64, 100}}) {
        conversions(all, random, s);
        arithmetic(all, random, s);
        softmaxes(all, random, s);
        argmax(all, random, s);
        lengths(all, random, s);
        spread(all, random, s.columns);
        margin(all, random, s);
        margin_mean(all, random, s);
    }
    return all;
}

}  // namespace checks

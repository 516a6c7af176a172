// The kernels of layers and losses: elementwise, matrix_rows, cross_entropy, row_loss. Launched as the engine launches
// them.
#include "declared.h"
#include "reference.h"

namespace checks {

namespace {

std::vector<int32_t> integers(Random& random, int64_t count, int64_t begin, int64_t end) {
    std::vector<int32_t> values(static_cast<size_t>(count));
    for (int32_t& x : values)
        x = static_cast<int32_t>(begin + static_cast<int64_t>(random() % static_cast<uint64_t>(end - begin)));
    return values;
}

Floats unset(int64_t count) { return Floats(static_cast<size_t>(count), NAN); }

double rounded(double x) { return static_cast<float>(x); }

std::string by(std::initializer_list<int64_t> extents) {
    std::string text;
    for (int64_t extent : extents) text += (text.empty() ? "" : "x") + std::to_string(extent);
    return text;
}

// Every result is one rounded operation, or two: bits.
void elementwise(std::vector<Case>& all, Random& random) {
    for (int64_t n : {1, 255, 256, 1024, 1025, 3000}) {
        Floats a = normal<float>(random, n), b = normal<float>(random, n);
        const float odd[] = {NAN, -0.0f, 0.0f, INFINITY, -INFINITY, 0x1p-149f, -0x1p-140f};
        for (size_t i = 0; i < 7 && n > 100; i++) {
            a[11 * i] = odd[i];
            b[11 * i + 3] = odd[i];
        }
        auto add = [&](const char* kernel, bool in_place, bool second, auto formula, auto call) {
            std::vector<Expected> after;
            for (size_t i = 0; i < a.size(); i++) after.push_back({formula(double(a[i]), double(b[i])), 0});
            all.push_back({kernel, by({n}), [=](uint64_t order) {
                               Launch l;
                               float* x =
                                   in_place ? l.array("first", a, each(1, 1), after) : l.array("first", a, each(1, 0));
                               float* y = second ? l.array("second", b, each(1, 0)) : nullptr;
                               float* out = in_place ? nullptr : l.array("out", unset(n), each(0, 1), after);
                               return l.run(kernel, n, order, [=] { call(x, y, out, n); });
                           }});
        };
        const float factor = normal<float>(random, 1)[0];
        add(
            "relu", true, false, [](double x, double) { return x < 0 ? 0 : x; },
            [](float* x, float*, float*, int64_t count) { palimpsest_cuda_relu(x, count); });
        add(
            "add_relu", false, true, [](double x, double y) { return x + y < 0 ? 0 : x + y; },
            [](float* x, float* y, float* out, int64_t count) { palimpsest_cuda_add_relu(x, y, out, count); });
        add(
            "relu_gradient", false, true, [](double x, double y) { return y > 0 ? x : 0; },
            [](float* x, float* y, float* out, int64_t count) { palimpsest_cuda_relu_gradient(x, y, out, count); });
        add(
            "add_scaled", true, true, [=](double x, double y) { return x + rounded(factor * y); },
            [=](float* x, float* y, float*, int64_t count) { palimpsest_cuda_add_scaled(x, factor, y, count); });
        add(
            "scaled", false, false, [=](double x, double) { return 0 + rounded(factor * x); },
            [=](float* x, float*, float* out, int64_t count) { palimpsest_cuda_scaled(out, factor, x, count); });
    }
}

void matrix_rows(std::vector<Case>& all, Random& random) {
    struct Shape {
        int64_t rows, width, begin, taken;
    };
    for (const Shape& s : {Shape{1, 1, 0, 1}, {7, 10, 3, 4}, {64, 100, 0, 100}, {3, 700, 699, 1}, {129, 33, 5, 28}}) {
        const Floats matrix = normal<float>(random, s.rows * s.width), sum = normal<float>(random, s.width),
                     bias = normal<float>(random, s.width);
        const std::vector<int32_t> row = integers(random, s.rows + 3, 0, s.rows);
        std::vector<Expected> columns, gathered, repeated, sums;
        std::vector<uint32_t> wanted(static_cast<size_t>(s.rows));
        for (int64_t r = 0; r < s.rows; r++) {
            for (int64_t c = 0; c < s.taken; c++) columns.push_back({matrix[r * s.width + s.begin + c], 0});
            for (int64_t c = 0; c < s.width; c++) repeated.push_back({bias[c], 0});
        }
        for (int32_t r : row) {
            wanted[r]++;
            for (int64_t c = 0; c < s.width; c++) gathered.push_back({matrix[r * s.width + c], 0});
        }
        for (int64_t c = 0; c < s.width; c++) {  // in row order: bits
            double total = sum[c];
            for (int64_t r = 0; r < s.rows; r++) total = rounded(total + matrix[r * s.width + c]);
            sums.push_back({total, 0});
        }
        const std::string shape = by({s.rows, s.width});
        all.push_back({"columns", shape, [=](uint64_t order) {
                           Launch l;
                           const int64_t count = s.rows * s.taken;
                           float* m = l.array("matrix", matrix, [=](size_t i) {
                               const int64_t c = static_cast<int64_t>(i) % s.width;
                               return Touches{c >= s.begin && c < s.begin + s.taken, 0};
                           });
                           float* out = l.array("out", unset(count), each(0, 1), columns);
                           return l.run("columns", count, order,
                               [=] { palimpsest_cuda_columns(m, s.width, s.begin, out, s.taken, count); });
                       }});
        all.push_back({"gather", shape, [=](uint64_t order) {
                           Launch l;
                           const int64_t count = static_cast<int64_t>(gathered.size());
                           float* table = l.array("table", matrix, [=](size_t i) {
                               return Touches{wanted[i / static_cast<size_t>(s.width)], 0};
                           });
                           int32_t* rows = l.array("row", row, each(static_cast<uint32_t>(s.width), 0));
                           float* out = l.array("out", unset(count), each(0, 1), gathered);
                           return l.run("gather", count, order,
                               [=] { palimpsest_cuda_gather(table, rows, s.width, out, count); });
                       }});
        all.push_back(
            {"chosen_rows", shape, [=](uint64_t order) {
                 Launch l;
                 const int64_t count = s.rows * s.width, of = 3, which = 1;
                 auto chose = [=](int64_t r) { return r % 2 == 0; };
                 std::vector<float> one_hot(static_cast<size_t>(of * s.rows));
                 std::vector<Expected> after;
                 for (int64_t r = 0; r < s.rows; r++) {
                     one_hot[static_cast<size_t>(r * of + (chose(r) ? which : 2))] = 1;
                     for (int64_t c = 0; c < s.width; c++)
                         after.push_back(chose(r) ? Expected{matrix[r * s.width + c], 0} : KEPT);
                 }
                 float* choice = l.array("one hot", one_hot, [=](size_t i) {
                     return Touches{static_cast<int64_t>(i) % of == which ? static_cast<uint32_t>(s.width) : 0, 0};
                 });
                 float* from = l.array("from", matrix, [=](size_t i) {
                     return Touches{chose(static_cast<int64_t>(i) / s.width), 0};
                 });
                 float* out = l.array(
                     "out", unset(count),
                     [=](size_t i) {
                         return Touches{0, chose(static_cast<int64_t>(i) / s.width)};
                     },
                     after);
                 return l.run("chosen_rows", count, order,
                     [=] { palimpsest_cuda_chosen_rows(choice, of, which, from, s.width, out, count); });
             }});
        all.push_back({"repeat_row", shape, [=](uint64_t order) {
                           Launch l;
                           const int64_t count = s.rows * s.width;
                           float* once = l.array("bias", bias, each(static_cast<uint32_t>(s.rows), 0));
                           float* out = l.array("out", unset(count), each(0, 1), repeated);
                           return l.run("repeat_row", count, order,
                               [=] { palimpsest_cuda_repeat_row(once, s.width, out, count); });
                       }});
        all.push_back({"add_column_sums", shape, [=](uint64_t order) {
                           Launch l;
                           float* m = l.array("matrix", matrix, each(1, 0));
                           float* total = l.array("sum", sum, each(1, 1), sums);
                           return l.run("add_column_sums", s.width, order,
                               [=] { palimpsest_cuda_add_column_sums(m, s.rows, s.width, total); });
                       }});
    }
}

// -log softmax, written out: the range of a long double needs no maximum taken off.
void softmax(std::vector<Case>& all, Random& random) {
    struct Shape {
        int64_t rows, classes, begin, end;
        float spread;
    };
    for (const Shape& s :
        {Shape{1, 1, 0, 1, 1}, {5, 10, 2, 7, 3}, {4, 32, 0, 32, 3}, {9, 100, 40, 100, 5}, {6, 257, 0, 200, 800}}) {
        Floats logits = normal<float>(random, s.rows * s.classes, s.spread);
        const std::vector<int32_t> label = integers(random, s.rows, s.begin, s.end);
        if (s.rows == 9) logits[5 * s.classes + 60] = NAN;
        std::vector<Expected> gradient, loss;
        for (int64_t r = 0; r < s.rows; r++) {
            const float* z = logits.data() + r * s.classes;
            long double sum = 0;
            for (int64_t c = s.begin; c < s.end; c++) sum += std::exp(static_cast<long double>(z[c]));
            for (int64_t c = 0; c < s.classes; c++) {
                const bool own = c == label[r];
                const long double g = (std::exp(static_cast<long double>(z[c])) / sum - (own ? 1 : 0)) /
                                      static_cast<long double>(s.rows);
                const bool inside = c >= s.begin && c < s.end;
                gradient.push_back(
                    inside ? Expected{double(g), FLOAT_ROUNDING * double(std::abs(g)) + 1e-12} : Expected{0, 0});
            }
            const double value = double(std::log(sum) - z[label[r]]);
            loss.push_back({value, 1e-13 * (1 + std::abs(double(std::log(sum))) + std::abs(z[label[r]]))});
        }
        all.push_back({"softmax_cross_entropy", by({s.rows, s.classes}) + " classes " + by({s.begin, s.end}),
            [=](uint64_t order) {
                Launch l;
                float* z = l.array("logits", logits,
                    [=](size_t i) {  // for the maximum, the sum and the gradient; its own for the loss
                        const int64_t c = static_cast<int64_t>(i) % s.classes;
                        const bool own = c == label[i / static_cast<size_t>(s.classes)];
                        return Touches{c >= s.begin && c < s.end ? 3u + own : 0u, 0};
                    });
                int32_t* y = l.array("label", label, each(32, 0));
                float* g = l.array("gradient", unset(s.rows * s.classes), each(0, 1), gradient);
                double* row_loss = l.array("row_loss", std::vector<double>(label.size(), NAN), each(0, 1), loss);
                return l.run("softmax_cross_entropy", s.rows, order, [=] {
                    palimpsest_cuda_softmax_cross_entropy(z, y, s.rows, s.classes, s.begin, s.end, g, row_loss);
                });
            }});
    }
}

void sigmoid(std::vector<Case>& all, Random& random) {
    struct Shape {
        int64_t rows, classes, old;
        float spread;
    };
    for (const Shape& s : {Shape{1, 1, 0, 1}, {5, 10, 6, 3}, {4, 33, 33, 3}, {9, 100, 0, 5}, {6, 70, 40, 800}}) {
        Floats logits = normal<float>(random, s.rows * s.classes, s.spread);
        const Floats last = normal<float>(random, s.rows * s.old, s.spread);
        const std::vector<int32_t> label = integers(random, s.rows, 0, s.classes);
        if (s.rows == 9) logits[4 * s.classes + 99] = NAN;
        std::vector<Expected> gradient, loss;
        for (int64_t r = 0; r < s.rows; r++) {
            long double sum = 0, size = 0;
            for (int64_t c = 0; c < s.classes; c++) {
                const long double z = logits[r * s.classes + c];
                const long double target =
                    c < s.old ? 1 / (1 + std::exp(-static_cast<long double>(last[r * s.old + c]))) : c == label[r];
                sum += std::log1p(std::exp(z)) - target * z;
                size += 1 + std::abs(z);
                const long double g = (1 / (1 + std::exp(-z)) - target) / static_cast<long double>(s.rows);
                gradient.push_back({double(g), FLOAT_ROUNDING * double(std::abs(g)) + 1e-12});
            }
            loss.push_back({double(sum), 1e-13 * double(size)});
        }
        all.push_back(
            {"sigmoid_cross_entropy", by({s.rows, s.classes}) + " old " + by({s.old}), [=](uint64_t order) {
                 Launch l;
                 float* z = l.array("logits", logits, each(1, 0));
                 int32_t* y = l.array("label", label, each(32, 0));
                 float* before = s.old > 0 ? l.array("last", last, each(1, 0)) : nullptr;
                 float* g = l.array("gradient", unset(s.rows * s.classes), each(0, 1), gradient);
                 double* row_loss = l.array("row_loss", std::vector<double>(label.size(), NAN), each(0, 1), loss);
                 return l.run("sigmoid_cross_entropy", s.rows, order, [=] {
                     palimpsest_cuda_sigmoid_cross_entropy(z, y, before, s.old, s.rows, s.classes, g, row_loss);
                 });
             }});
    }
}

void row_loss(std::vector<Case>& all, Random& random) {
    for (int64_t rows : {1, 31, 32, 33, 500}) {
        std::vector<double> losses;
        double sum = 0;
        for (float x : normal<float>(random, rows, 5)) {
            losses.push_back(x / 3.0);
            sum += losses.back();  // in row order: bits
        }
        all.push_back(
            {"row_loss_mean", by({rows}), [=](uint64_t order) {
                 Launch l;
                 double* each_row = l.array("row_loss", losses, each(1, 0));
                 double* mean =
                     l.array("mean", std::vector<double>(1, NAN), each(0, 1), {{sum / static_cast<double>(rows), 0}});
                 return l.run("row_loss_mean", 1, order, [=] { palimpsest_cuda_row_loss_mean(each_row, rows, mean); });
             }});
    }
    for (int64_t count : {1, 40, 64}) {
        palimpsest_cuda_words words;
        std::vector<Expected> after(64, KEPT);
        for (int64_t i = 0; i < 64; i++) words.value[i] = static_cast<int64_t>(random() >> 20);
        for (int64_t i = 0; i < count; i++) after[i] = {static_cast<double>(words.value[i]), 0};
        all.push_back({"row_loss_table", by({count}), [=](uint64_t order) {
                           Launch l;
                           int64_t* out = l.array(
                               "out", std::vector<int64_t>(64, -1),
                               [=](size_t i) {
                                   return Touches{0, static_cast<int64_t>(i) < count};
                               },
                               after);
                           return l.run(
                               "row_loss_table", 1, order, [=] { palimpsest_cuda_row_loss_table(words, out, count); });
                       }});
    }
}

}  // namespace

std::vector<Case> layer_cases(uint64_t seed) {
    Random random(seed);
    std::vector<Case> all;
    elementwise(all, random);
    matrix_rows(all, random);
    softmax(all, random);
    sigmoid(all, random);
    row_loss(all, random);
    return all;
}

}  // namespace checks

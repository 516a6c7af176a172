// Shapes, types, alignments and values for every kernel, against the C++ twin bit for bit.
#include <cmath>
#include <limits>
#include <random>

#include "checks.h"
#include "simt.h"

namespace checks {

namespace {

using cases::Library;
using cases::Rows;
using cases::Snapshot;

constexpr int ORDERS = 2;  // seeds of the threads' order for each case

struct Groups {
    std::string name;
    std::vector<int64_t> begin;
    std::vector<int64_t> end;
};

// All teachers cover all classes.
Groups full(int64_t classes, int teachers) {
    return {std::to_string(teachers) + " full", std::vector<int64_t>(teachers, 0),
        std::vector<int64_t>(teachers, classes)};
}

// Teacher k covers the k-th share of the classes, as M2KD's own groups; the last classes have no teacher.
Groups own(int64_t classes, int teachers) {
    Groups g{std::to_string(teachers) + " own", {}, {}};
    for (int k = 0; k < teachers; k++) {
        g.begin.push_back(k * classes / (teachers + 1));
        g.end.push_back((k + 1) * classes / (teachers + 1));
    }
    return g;
}

// Teacher k covers everything up to its share, two teachers a share.
Groups cumulative(int64_t classes, int teachers) {
    Groups g{std::to_string(teachers) + " cumulative", {}, {}};
    for (int k = 0; k < teachers; k++) {
        g.begin.push_back(0);
        g.end.push_back((k / 2 + 1) * classes / (teachers / 2 + 1));
    }
    return g;
}

Rows kl_rows(int64_t rows, int64_t classes, const Groups& groups) {
    Rows r;
    r.rows = rows;
    r.columns = classes;
    r.begin = groups.begin;
    r.end = groups.end;
    return r;
}

const char* const TYPE[] = {"float32", "bfloat16", "float16"};

std::string name_of(const char* kernel, const Rows& r, const std::string& more) {
    return std::string(kernel) + " " + std::to_string(r.rows) + "x" + std::to_string(r.columns) + " " + more + " " +
           TYPE[r.type] + " gap " + std::to_string(r.gap) + " offset " + std::to_string(r.offset) + " limit " +
           std::to_string(r.shared_limit);
}

template <class Twin, class Cuda>
void check(const Library& library, const std::string& name, const Rows& rows, uint64_t seed, Twin twin, Cuda cuda) {
    const cases::Result expected = twin(library, rows);
    std::string wrong;
    for (int order = 0; order < ORDERS && wrong.empty(); order++) {
        try {
            std::string accesses;
            wrong = difference(expected, cuda(library, rows, seed + order, accesses));
            if (wrong.empty()) wrong = accesses;
        } catch (const simt::Fault& e) {
            wrong = e.what();
        }
    }
    report(name, wrong);
}

void check_kl(const Library& library, Rows rows, const std::string& more, uint64_t seed, bool randomise = true) {
    std::mt19937_64 random(seed);
    if (randomise) rows.randomise(random);
    check(library, name_of("multi_teacher_kl", rows, more), rows, seed, cases::kl_twin, cases::kl_cuda);
}

void check_mse(const Library& library, Rows rows, const std::string& more, uint64_t seed, bool randomise = true) {
    std::mt19937_64 random(seed);
    if (randomise) rows.randomise(random);
    check(library, name_of("feature_mse", rows, more), rows, seed, cases::mse_twin, cases::mse_cuda);
}

void kl_shapes(const Library& library, uint64_t seed) {
    for (int64_t classes : {1, 2, 3, 10, 31, 33, 100, 128, 129, 255, 256}) {
        check_kl(library, kl_rows(5, classes, full(classes, 3)), "3 full", seed++);
    }
    for (int64_t classes : {257, 1000, 2047, 2048, 2049, 4100})
        check_kl(library, kl_rows(2, classes, full(classes, 2)), "2 full", seed++);
    for (int64_t classes : {10, 100, 1001, 5000}) {
        for (const Groups& g : {own(classes, 4), cumulative(classes, 4)}) {
            for (size_t offset : {0, 1, 2}) {
                Rows r = kl_rows(2, classes, g);
                r.offset = offset;
                r.gap = static_cast<int64_t>(offset) * 3;
                check_kl(library, r, g.name, seed++);
            }
        }
    }
    Rows none = kl_rows(3, 7, full(7, 0));
    check_kl(library, none, "no teacher", seed++);
    Rows zeros = kl_rows(3, 300, full(300, 3));
    std::mt19937_64 random(seed);
    zeros.randomise(random);
    zeros.weight.assign(zeros.weight.size(), 0);
    check_kl(library, zeros, "all weights 0", seed++, false);
    Rows many = kl_rows(1, 20, full(20, 70));
    check_kl(library, many, "70 full", seed++);
}

// Limits of shared memory that push a shape from one variant to the next.
void kl_limits(const Library& library, uint64_t seed) {
    for (int64_t classes : {10000, 14000}) {
        Rows r = kl_rows(1, classes, full(classes, 1));
        r.shared_limit = classes == 10000 ? cases::AMPERE : cases::HOPPER;
        check_kl(library, r, "1 full, largest resident", seed++);
    }
    for (int64_t classes : {200, 3100, 20001}) {
        for (const Groups& g : {full(classes, 2), own(classes, 3), cumulative(classes, 4)}) {
            Rows r = kl_rows(2, classes, g);
            r.shared_limit = classes == 200 ? 3000 : cases::DEFAULT;
            r.offset = static_cast<size_t>(classes % 2);
            check_kl(library, r, g.name + ", streaming", seed++);
        }
    }
}

void types(const Library& library, uint64_t seed) {
    for (cases::Type type : {cases::BFLOAT16, cases::FLOAT16}) {
        for (int64_t columns : {5, 64, 300, 2500}) {
            for (size_t offset : {0, 4, 1}) {
                Rows r = kl_rows(2, columns, full(columns, 3));
                r.type = type;
                r.offset = offset;
                check_kl(library, r, "3 full", seed++);
                check_mse(library, r, "3 teachers", seed++);
            }
        }
        Rows r = kl_rows(1, 3500, own(3500, 2));
        r.type = type;
        r.shared_limit = 20000;
        check_kl(library, r, "2 own, streaming", seed++);
        // Every 16-bit pattern of the student's scale: subnormals, infinities and NaN among them.
        Rows all = kl_rows(16, 4096, full(4096, 1));
        all.type = type;
        std::mt19937_64 random(seed);
        all.randomise(random);
        all.weight.assign(16, 1);
        for (size_t i = 0; i < all.teacher[0].size(); i++)
            all.teacher[0][i] = cases::widen(type, static_cast<uint16_t>(i));
        check_mse(library, all, "all bit patterns", seed++, false);
    }
}

void kl_values(const Library& library, uint64_t seed) {
    const float inf = std::numeric_limits<float>::infinity();
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (int64_t classes : {12, 400}) {
        for (double temperature : {0.07, 1.0, 50.0}) {
            Rows r = kl_rows(7, classes, full(classes, 2));
            r.temperature = temperature;
            std::mt19937_64 random(seed);
            r.randomise(random);
            auto at = [&](std::vector<float>& values, int64_t row, int64_t column) -> float& {
                return values[row * classes + column];
            };
            at(r.student, 0, 1) = 1e4f;
            at(r.teacher[0], 0, 2) = -1e4f;
            at(r.teacher[0], 1, 3) = -inf;
            at(r.teacher[1], 2, 4) = inf;
            at(r.student, 3, 5) = nan;
            at(r.teacher[1], 4, 0) = nan;
            at(r.student, 5, 0) = -inf;
            for (int64_t column = 1; column < classes; column += 3)
                at(r.student, 6, column) = at(r.teacher[0], 6, column) = at(r.teacher[1], 6, column) = -inf;
            check_kl(library, r, "special values, T " + std::to_string(temperature), seed++, false);
            r.shared_limit = 3000;
            check_kl(library, r, "special values, streaming, T " + std::to_string(temperature), seed++, false);
        }
    }
}

// Terms so far apart that float64 rounds their sums as well: only then do the bits tell one tree from another.
void magnitudes(const Library& library, uint64_t seed) {
    for (int64_t columns : {130, 1000, 5000}) {
        Rows r = kl_rows(4, columns, full(columns, 2));
        std::mt19937_64 random(seed);
        r.randomise(random);
        auto far_apart = [&](float& x) { x = std::ldexp(x, static_cast<int>(random() % 41) - 20); };
        Rows features = r;
        for (float& x : features.student) far_apart(x);
        check_mse(library, features, "magnitudes far apart", seed, false);
        auto logit = [&](float& x) { x = -std::ldexp(1.0f, static_cast<int>(random() % 12) - 6); };
        for (float& x : r.student) logit(x);
        for (float& x : r.teacher[0]) logit(x);
        check_kl(library, r, "magnitudes far apart", seed++, false);
    }
}

void mse_shapes(const Library& library, uint64_t seed) {
    for (int64_t dims : {1, 3, 4, 127, 128, 129, 512, 2047, 2048, 2049, 5000, 16384, 40001}) {
        check_mse(library, kl_rows(dims > 2048 ? 2 : 6, dims, full(dims, 3)), "3 teachers", seed++);
    }
    for (size_t offset : {1, 2, 3}) {
        Rows r = kl_rows(3, 1000, full(1000, 4));
        r.offset = offset;
        r.gap = static_cast<int64_t>(5 * offset);
        check_mse(library, r, "4 teachers", seed++);
    }
    check_mse(library, kl_rows(2, 64, full(64, 0)), "no teacher", seed++);
    check_mse(library, kl_rows(2, 50, full(50, 70)), "70 teachers", seed++);
    Rows infinite = kl_rows(2, 131, full(131, 2));
    std::mt19937_64 random(seed);
    infinite.randomise(random);
    infinite.weight = {std::numeric_limits<float>::infinity(), 1, -1, 0};
    check_mse(library, infinite, "an infinite weight", seed++, false);
}

void snapshots(const Library& library, uint64_t seed) {
    std::mt19937_64 random(seed);
    for (int64_t count : {1, 63, 64, 65, 1023, 1024, 4096, 5000, 20480}) {
        for (int64_t planes : {1, 2, 3, 8}) {
            Snapshot s;
            s.planes = planes;
            s.step = static_cast<int64_t>(random() % (1u << planes));
            s.channel = planes % 2 == 0 ? 0 : 1 + static_cast<int64_t>(random() % 600);
            s.in_place = random() % 2 == 0;
            s.offset = random() % 3 == 0 ? 1 : 0;
            s.randomise(random, count);
            std::string wrong;
            try {
                std::string accesses;
                wrong = cases::difference(snapshot_twin(library, s), snapshot_cuda(library, s, seed, accesses));
                if (wrong.empty()) wrong = accesses;
            } catch (const simt::Fault& e) {
                wrong = e.what();
            }
            report("snapshot_reconstruction " + std::to_string(count) + " planes " + std::to_string(planes) +
                       " step " + std::to_string(s.step) + " channel " + std::to_string(s.channel) +
                       (s.in_place ? " in place" : "") + " offset " + std::to_string(s.offset),
                wrong);
        }
    }
}

void random_shapes(const Library& library, uint64_t seed) {
    std::mt19937_64 random(seed);
    auto draw = [&](int64_t most) { return 1 + static_cast<int64_t>(random() % most); };
    for (int i = 0; i < 24; i++) {
        const int64_t columns = draw(i % 3 == 0 ? 40 : i % 3 == 1 ? 700 : 3000);
        Groups g{"random", {}, {}};
        for (int64_t k = draw(6); k > 0; k--) {
            int64_t a = draw(columns) - 1;
            g.begin.push_back(a);
            g.end.push_back(a + draw(columns - a));
        }
        Rows r = kl_rows(draw(7), columns, g);
        r.offset = random() % 5;
        r.gap = static_cast<int64_t>(random() % 4);
        r.temperature = 0.5 + static_cast<double>(random() % 100) / 20;
        r.type = static_cast<cases::Type>(random() % 3);
        check_kl(library, r, "random ranges", seed + i);
        Rows features = r;
        features.begin.assign(g.begin.size(), 0);
        features.end.assign(g.begin.size(), columns);
        check_mse(library, features, "random", seed + i);
    }
}

}  // namespace

void suite(const Library& library, uint64_t seed) {
    kl_shapes(library, seed);
    kl_limits(library, seed + 1000);
    kl_values(library, seed + 2000);
    mse_shapes(library, seed + 3000);
    magnitudes(library, seed + 3500);
    types(library, seed + 4000);
    random_shapes(library, seed + 5000);
    snapshots(library, seed + 6000);
}

}  // namespace checks

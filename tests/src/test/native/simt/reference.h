// One launch beside what plain double precision says of it: arrays in device memory, what each element must become,
// and how often the launch may touch it.
#pragma once

#include <cuda/launch.h>

#include <cmath>
#include <cstdio>
#include <cstring>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "device_memory.h"
#include "simt.h"

namespace checks {

using Floats = std::vector<float>;
using Random = std::mt19937_64;

constexpr double FLOAT_ROUNDING = 0x1p-24;

template <class T>
std::vector<T> normal(Random& random, int64_t count, T spread = 1) {
    std::normal_distribution<T> distribution(0, spread);
    std::vector<T> values(static_cast<size_t>(count));
    for (T& x : values) x = distribution(random);
    return values;
}

// Within `bound` of the value, or its very bits where the bound is 0; NaN for NaN.
struct Expected {
    double value;
    double bound;
};
constexpr Expected KEPT = {0, -1};  // the bits from before the launch

struct Touches {
    uint32_t reads;
    uint32_t writes;
};
using TouchesOf = std::function<Touches(size_t)>;
inline TouchesOf each(uint32_t reads, uint32_t writes) {
    return [=](size_t) { return Touches{reads, writes}; };
}

// What is wrong with a launch when its threads take this order; empty if nothing is.
using Problem = std::function<std::string(uint64_t order)>;
struct Case {
    std::string kernel;  // without palimpsest_cuda_
    std::string shape;
    Problem problem;
};

// Of the kernels that layers and losses need, of small matrices, and of those that train.
std::vector<Case> layer_cases(uint64_t seed);
std::vector<Case> matrix_cases(uint64_t seed);
std::vector<Case> training_cases(uint64_t seed);

// A line of kernels.def.
struct Listed {
    const char* name;
    palimpsest_cuda::Geometry geometry;
    const char* work;
};
const std::vector<Listed>& listed_kernels();
const Listed& listed_kernel(const std::string& name);

inline int64_t blocks_for(int64_t items, int64_t of_a_block) { return (items + of_a_block - 1) / of_a_block; }

template <class T>
bool fits(const Expected& expected, T before, T found) {
    if (expected.bound < 0) return std::memcmp(&before, &found, sizeof(T)) == 0;
    if constexpr (std::is_floating_point_v<T>) {
        if (std::isnan(expected.value)) return std::isnan(found);
    }
    const T exact = static_cast<T>(expected.value);
    if (expected.bound == 0) return std::memcmp(&exact, &found, sizeof(T)) == 0;
    return std::abs(static_cast<double>(found) - expected.value) <= expected.bound;  // false for NaN
}

class Launch {
public:
    // Without `after` all of it is KEPT.
    template <class T>
    T* array(const char* name, const std::vector<T>& before, const TouchesOf& touches,
        const std::vector<Expected>& after = {}) {
        auto array = std::make_shared<simt::Array<T>>(name, before);
        arrays_.push_back([=]() -> std::string {
            const std::vector<T> found = array->values();
            for (size_t i = 0; i < found.size(); i++) {
                const Expected expected = after.empty() ? KEPT : after[i];
                if (!fits(expected, before[i], found[i])) {
                    char text[200];
                    std::snprintf(text, sizeof text, "%s[%zu] is %.17g, expected %.17g within %g", name, i,
                        static_cast<double>(found[i]),
                        expected.bound < 0 ? static_cast<double>(before[i]) : expected.value,
                        std::max(0.0, expected.bound));
                    return text;
                }
                const Touches t = touches(i);
                std::string counted = array->check_element(i, t.reads, t.writes);
                if (!counted.empty()) return counted;
            }
            return "";
        });
        return array->data();
    }

    // In the blocks that kernels.def has for the kernel. Items are those of its `work`: blocks where that is `given`.
    std::string run(
        const std::string& name, int64_t items, uint64_t order, const std::function<void()>& kernel) const {
        try {
            const Listed& listed = listed_kernel(name);
            const std::string work = listed.work;
            const int64_t blocks = work == "one"     ? 1
                                   : work == "given" ? items
                                                     : blocks_for(items, listed.geometry.items);
            simt::launch(blocks, listed.geometry.threads, listed.geometry.shared_bytes, order, kernel);
        } catch (const simt::Fault& e) {
            return e.what();
        }
        for (const auto& check : arrays_) {
            std::string wrong = check();
            if (!wrong.empty()) return wrong;
        }
        return "";
    }

private:
    std::vector<std::function<std::string()>> arrays_;
};

}  // namespace checks

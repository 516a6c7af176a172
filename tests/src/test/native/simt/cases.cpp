#include "cases.h"

#include <dlfcn.h>

#include <cmath>
#include <cstring>
#include <stdexcept>

namespace cases {

Library open_library(const char* path) {
    void* handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!handle) throw std::runtime_error(dlerror());
    auto find = [handle]<class F>(F& function, const char* name) {
        function = reinterpret_cast<F>(dlsym(handle, name));
        if (!function) throw std::runtime_error(dlerror());
    };
    Library library;
    find(library.kl_scratch, "palimpsest_multi_teacher_kl_scratch");
    find(library.kl, "palimpsest_multi_teacher_kl");
    find(library.mse_scratch, "palimpsest_feature_mse_scratch");
    find(library.mse, "palimpsest_feature_mse");
    find(library.snapshot, "palimpsest_snapshot_reconstruction");
    find(library.kl_launch, "palimpsest_multi_teacher_kl_cuda_launch");
    find(library.mse_launch, "palimpsest_feature_mse_cuda_launch");
    find(library.snapshot_launch, "palimpsest_snapshot_reconstruction_cuda_launch");
    return library;
}

int bytes_of(Type type) { return type == FLOAT32 ? 4 : 2; }

// By way of the compiler's own types, which share nothing with the kernels' conversion.
uint16_t narrow(Type type, float x) {
    uint16_t bits;
    if (type == FLOAT16) {
        _Float16 half = static_cast<_Float16>(x);
        std::memcpy(&bits, &half, 2);
    } else {
        uint32_t word;
        std::memcpy(&word, &x, 4);
        bits = static_cast<uint16_t>(word >> 16);
    }
    return bits;
}

float widen(Type type, uint16_t bits) {
    if (type == FLOAT16) {
        _Float16 half;
        std::memcpy(&half, &bits, 2);
        return static_cast<float>(half);
    }
    const uint32_t word = static_cast<uint32_t>(bits) << 16;
    float x;
    std::memcpy(&x, &word, 4);
    return x;
}

void Rows::randomise(std::mt19937_64& random) {
    std::normal_distribution<float> normal(0, 5);
    auto fill = [&](std::vector<float>& values, int64_t count) {
        values.resize(static_cast<size_t>(count));
        for (float& x : values) x = normal(random);
    };
    fill(student, rows * columns);
    teacher.resize(begin.size());
    for (size_t k = 0; k < teacher.size(); k++) {
        fill(teacher[k], rows * (end[k] - begin[k]));
        if (type != FLOAT32) {
            for (float& x : teacher[k]) x = widen(type, narrow(type, x));
        }
    }
    fill(weight, rows * teachers());
    for (float& w : weight) {
        if (random() % 4 == 0) w = 0;
    }
}

namespace {

template <class T>
bool same(T a, T b) {
    return std::memcmp(&a, &b, sizeof(T)) == 0 || (std::isnan(a) && std::isnan(b));
}

template <class T>
std::string first_difference(const char* what, const std::vector<T>& expected, const std::vector<T>& actual) {
    if (expected.size() != actual.size()) return std::string(what) + " has another size";
    for (size_t i = 0; i < expected.size(); i++) {
        if (!same(expected[i], actual[i])) {
            char text[200];
            const double found = actual[i];
            const double wanted = expected[i];
            std::snprintf(text, sizeof text, "%s[%zu] is %a, expected %a", what, i, found, wanted);
            return text;
        }
    }
    return "";
}

// Pointers to dense rows of float32, as the C++ twin takes them.
struct Pointers {
    std::vector<const float*> teacher;
    std::vector<int64_t> stride;
    explicit Pointers(const Rows& rows) {
        for (size_t k = 0; k < rows.teacher.size(); k++) {
            teacher.push_back(rows.teacher[k].data());
            stride.push_back(rows.end[k] - rows.begin[k]);
        }
    }
};

template <class Args, class Kernel>
Result run_twin(Kernel kernel, const Args& args, int64_t scratch_bytes, Result& result) {
    std::vector<double> scratch(static_cast<size_t>(scratch_bytes) / 8 + 16);
    const uintptr_t aligned = (reinterpret_cast<uintptr_t>(scratch.data()) + 63) / 64 * 64;
    if (kernel(PALIMPSEST_BASELINE, &args, 0, args.rows, reinterpret_cast<void*>(aligned), result.row_loss.data()) !=
        PALIMPSEST_OK) {
        throw std::runtime_error("libpalimpsest refused its arguments");
    }
    return result;
}

}  // namespace

std::string difference(const Result& expected, const Result& actual) {
    std::string loss = first_difference("row_loss", expected.row_loss, actual.row_loss);
    return loss.empty() ? first_difference("gradient", expected.gradient, actual.gradient) : loss;
}

std::string difference(const std::vector<float>& expected, const std::vector<float>& actual) {
    return first_difference("out", expected, actual);
}

Result kl_twin(const Library& library, const Rows& rows) {
    Result result{std::vector<double>(rows.rows), std::vector<float>(rows.rows * rows.columns)};
    Pointers at(rows);
    palimpsest_multi_teacher_kl_args args = {rows.rows, rows.columns, rows.teachers(), rows.temperature,
        rows.student.data(), rows.columns, at.teacher.data(), at.stride.data(), rows.begin.data(), rows.end.data(),
        rows.weight.data(), rows.teachers(), result.gradient.data(), rows.columns};
    return run_twin(library.kl, args, library.kl_scratch(&args), result);
}

Result mse_twin(const Library& library, const Rows& rows) {
    Result result{std::vector<double>(rows.rows), std::vector<float>(rows.rows * rows.columns)};
    Pointers at(rows);
    palimpsest_feature_mse_args args = {rows.rows, rows.columns, rows.teachers(), rows.student.data(), rows.columns,
        at.teacher.data(), at.stride.data(), rows.weight.data(), rows.teachers(), result.gradient.data(),
        rows.columns};
    return run_twin(library.mse, args, library.mse_scratch(&args), result);
}

void Snapshot::randomise(std::mt19937_64& random, int64_t count) {
    weights.resize(static_cast<size_t>(count));
    for (float& w : weights) {
        const uint32_t bits = static_cast<uint32_t>(random());  // any bits: -0, subnormals and NaN come back unchanged
        std::memcpy(&w, &bits, 4);
    }
    words.resize(static_cast<size_t>((count + 63) / 64 * planes));
    for (uint64_t& word : words) word = random();
    if (channel > 0) {
        scale.resize(static_cast<size_t>((count + channel - 1) / channel));
        for (float& factor : scale) factor = std::normal_distribution<float>(1, 1)(random);
    }
}

std::vector<float> snapshot_twin(const Library& library, const Snapshot& snapshot) {
    std::vector<float> out(snapshot.weights.size());
    const int64_t count = static_cast<int64_t>(out.size());
    palimpsest_snapshot_reconstruction_args args = {count, snapshot.weights.data(), snapshot.words.data(),
        snapshot.planes, snapshot.step, snapshot.channel > 0 ? snapshot.scale.data() : nullptr, snapshot.channel,
        out.data()};
    if (library.snapshot(PALIMPSEST_BASELINE, &args, 0, (count + 63) / 64) != PALIMPSEST_OK) {
        throw std::runtime_error("libpalimpsest refused its arguments");
    }
    return out;
}

}  // namespace cases

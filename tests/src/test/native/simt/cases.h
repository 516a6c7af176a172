// One launch of a kernel on the host beside its C++ twin from libpalimpsest, and what is asked of it.
#pragma once

#include <palimpsest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

namespace cases {

// The functions of libpalimpsest that are called here.
struct Library {
    decltype(&palimpsest_multi_teacher_kl_scratch) kl_scratch;
    decltype(&palimpsest_multi_teacher_kl) kl;
    decltype(&palimpsest_feature_mse_scratch) mse_scratch;
    decltype(&palimpsest_feature_mse) mse;
    decltype(&palimpsest_snapshot_reconstruction) snapshot;
    decltype(&palimpsest_multi_teacher_kl_cuda_launch) kl_launch;
    decltype(&palimpsest_feature_mse_cuda_launch) mse_launch;
    decltype(&palimpsest_snapshot_reconstruction_cuda_launch) snapshot_launch;
};
Library open_library(const char* path);

constexpr int64_t HOPPER = 232448;  // bytes of shared memory that a block may take on sm_90 and sm_100
constexpr int64_t AMPERE = 166912;  // on sm_80
constexpr int64_t DEFAULT = 49152;  // anywhere without being allowed more

enum Type { FLOAT32, BFLOAT16, FLOAT16 };
int bytes_of(Type type);
// The nearest stored value, as its bits, and back.
uint16_t narrow(Type type, float x);
float widen(Type type, uint16_t bits);

// Student and K teachers as rows of logits or of features: shapes, where they lie in memory, and values.
struct Rows {
    int64_t rows = 1;
    int64_t columns = 1;
    std::vector<int64_t> begin;  // of each teacher's columns; [0, columns) for features
    std::vector<int64_t> end;
    Type type = FLOAT32;
    double temperature = 2;
    int64_t gap = 0;    // elements between rows that belong to nobody
    size_t offset = 0;  // elements between a 256-byte boundary and every array
    int64_t shared_limit = HOPPER;
    std::vector<float> student;               // [rows, columns]
    std::vector<std::vector<float>> teacher;  // K of [rows, end - begin], representable in the type
    std::vector<float> weight;                // [rows, K]

    int64_t teachers() const { return static_cast<int64_t>(begin.size()); }
    // Fills in values: logits around 0 with a spread of ten, weights of which some are 0.
    void randomise(std::mt19937_64& random);
};

struct Result {
    std::vector<double> row_loss;
    std::vector<float> gradient;  // [rows, columns]
};

// Bits, or both NaN. Empty where equal.
std::string difference(const Result& expected, const Result& actual);

Result kl_twin(const Library& library, const Rows& rows);
Result mse_twin(const Library& library, const Rows& rows);

// On the host build of the .cu file. `problems` gets what was accessed too often, too seldom or where it must not be.
Result kl_cuda(const Library& library, const Rows& rows, uint64_t seed, std::string& problems);
Result mse_cuda(const Library& library, const Rows& rows, uint64_t seed, std::string& problems);

struct Snapshot {
    int64_t planes = 1;
    int64_t step = 1;
    int64_t channel = 0;  // weights a channel; 0 for no scale
    bool in_place = false;
    size_t offset = 0;
    std::vector<float> weights;
    std::vector<uint64_t> words;  // [ceil(count / 64), planes]
    std::vector<float> scale;

    void randomise(std::mt19937_64& random, int64_t count);
};
std::vector<float> snapshot_twin(const Library& library, const Snapshot& snapshot);
std::vector<float> snapshot_cuda(
    const Library& library, const Snapshot& snapshot, uint64_t seed, std::string& problems);
std::string difference(const std::vector<float>& expected, const std::vector<float>& actual);

}  // namespace cases

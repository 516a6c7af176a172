// The engine's kernels that have no C++ twin, against references in double precision.
#include <set>

#include "checks.h"
#include "reference.h"

namespace checks {

namespace {

constexpr int ORDERS = 3;  // of the threads, for each case

const char* const ALL[] = {
#define KERNEL(name, ...) #name,
#include "../driver/kernels.inc"
#undef KERNEL
#undef KERNEL_OF_TYPES
};

// The suite compares these with their twins.
bool has_twin(const std::string& kernel) {
    for (const char* twin : {"multi_teacher_kl", "feature_mse", "snapshot_reconstruction"}) {
        if (kernel.rfind(twin, 0) == 0) return true;
    }
    return false;
}

}  // namespace

void engine(uint64_t seed) {
    std::vector<Case> all = layer_cases(seed);
    for (auto* more : {matrix_cases, training_cases}) {
        for (Case& c : more(seed)) all.push_back(std::move(c));
    }
    std::set<std::string> tried;
    for (const Case& c : all) {
        std::string wrong;
        for (int order = 0; order < ORDERS && wrong.empty(); order++) wrong = c.problem(seed + order);
        report(c.kernel + " " + c.shape, wrong);
        tried.insert(c.kernel);
    }
    for (const char* name : ALL) {
        const std::string kernel = std::string(name).substr(std::string("palimpsest_cuda_").size());
        if (!has_twin(kernel)) report(kernel + " is tried", tried.count(kernel) ? "" : "no case launches it");
    }
}

}  // namespace checks

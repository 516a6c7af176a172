// The engine's kernels that have no C++ twin, against references in double precision.
#include <set>

#include "checks.h"
#include "reference.h"

namespace checks {

namespace {

constexpr int ORDERS = 3;  // of the threads, for each case

// The suite compares these with their twins.
bool has_twin(const Listed& kernel) { return kernel.work == std::string("plan"); }

}  // namespace

const std::vector<Listed>& listed_kernels() {
    using namespace palimpsest_cuda;
#define KERNEL(source, name, geometry, work, ...) {#name, geometry, #work},
    static const std::vector<Listed> all = {
#include <kernels.def>
    };
    return all;
}

const Listed& listed_kernel(const std::string& name) {
    for (const Listed& kernel : listed_kernels()) {
        if (kernel.name == name) return kernel;
    }
    throw std::runtime_error("kernels.def has no " + name);
}

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
    for (const Listed& kernel : listed_kernels()) {
        const std::string name = kernel.name;
        if (!has_twin(kernel)) report(name + " is tried", tried.count(name) ? "" : "no case launches it");
    }
}

}  // namespace checks

// A kernel with one barrier left out must be caught: by other bits, a fault, or a sanitizer. What this shows is that
// the harness sees missing barriers, and also that none of the kernels' barriers is there for nothing.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <random>

#include "checks.h"
#include "reference.h"
#include "simt.h"

namespace checks {

namespace {

constexpr int ORDERS = 6;

Problem rows_case(const cases::Library& library, bool features, int64_t rows, std::vector<int64_t> begin,
    std::vector<int64_t> end, int64_t columns, int64_t limit, uint64_t seed) {
    cases::Rows given;
    given.rows = rows;
    given.columns = columns;
    given.begin = std::move(begin);
    given.end = std::move(end);
    given.shared_limit = limit;
    std::mt19937_64 random(seed);
    given.randomise(random);
    given.weight.assign(given.weight.size(), 0.5f);
    given.weight[0] = 0;  // a weight that is read too early shows when it should have been 0
    const cases::Result expected = features ? mse_twin(library, given) : kl_twin(library, given);
    return [=, &library](uint64_t order) -> std::string {
        try {
            std::string accesses;
            return difference(
                expected, (features ? cases::mse_cuda : cases::kl_cuda)(library, given, order, accesses));
        } catch (const simt::Fault& e) {
            return e.what();
        }
    };
}

// The first problem among the cases and orders of threads; empty if none shows.
std::string problem(const std::vector<Problem>& all, uint64_t seed) {
    for (const Problem& c : all) {
        for (int order = 0; order < ORDERS; order++) {
            std::string wrong = c(seed + order);
            if (!wrong.empty()) return wrong;
        }
    }
    return "";
}

// Whether leaving out the site shows. In a process of its own, since a sanitizer ends the process.
bool missed(const std::vector<Problem>& all, uint64_t seed, const std::string& site) {
    std::fflush(stdout);
    const pid_t child = fork();
    if (child < 0) throw std::runtime_error("cannot start another process");
    if (child == 0) {
        dup2(open("/dev/null", O_WRONLY), 2);
        simt::leave_out(site);
        _exit(problem(all, seed).empty() ? 0 : 1);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status != 0;
}

}  // namespace

void barriers(const cases::Library& library, uint64_t seed) {
    std::vector<Problem> all;
    const std::vector<int64_t> begin = {0, 0, 100, 100, 30};
    const std::vector<int64_t> end = {200, 200, 220, 220, 190};
    all.push_back(rows_case(library, false, 3, begin, end, 220, cases::HOPPER, seed));  // narrow
    all.push_back(rows_case(library, false, 1, begin, end, 300, cases::HOPPER, seed));  // wide
    all.push_back(rows_case(library, false, 1, {0, 0, 500}, {4500, 4500, 4400}, 4500, cases::HOPPER, seed));
    all.push_back(rows_case(library, false, 1, begin, end, 300, 5000, seed));  // streaming
    all.push_back(rows_case(library, false, 1, {0, 0, 500}, {4500, 4500, 4400}, 4500, 20000, seed));
    all.push_back(rows_case(library, true, 3, {0, 0}, {200, 200}, 200, cases::HOPPER, seed));        // narrow
    all.push_back(rows_case(library, true, 1, {0, 0}, {40000, 40000}, 40000, cases::HOPPER, seed));  // wide
    for (const Case& c : training_cases(seed)) all.push_back(c.problem);

    std::string untouched = problem(all, seed);
    report("nothing left out", untouched);
    for (const std::string& site : simt::barrier_sites()) {
        const bool shows = missed(all, seed, site);
        if (site.find(simt::MEMORY_ONLY) == std::string::npos) {
            report(site + " left out", shows ? "" : "nobody missed it");
        } else {
            report(site + " left out cannot show on a host",
                shows ? "it was missed: it is more than the order of memory" : "");
        }
    }
}

}  // namespace checks

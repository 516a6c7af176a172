// runner LIBRARY suite SEED      the kernels that have a C++ twin against it over shapes, types and alignments
// runner LIBRARY engine SEED     the engine's other kernels against references in double precision
// runner LIBRARY shapes          the launch that libpalimpsest gives for a shape
// runner LIBRARY barriers SEED   every barrier left out in turn: each must be missed
// runner LIBRARY harness         mistakes that the harness itself must notice
// runner LIBRARY bypass          a kernel that reads device memory by a plain pointer: AddressSanitizer ends the
// process runner LIBRARY case IN OUT     one case from a file (case_file.cpp)
//
// Prints "ok NAME" or "FAILED NAME: why" a check, and at the end "checks N"; whoever reads it counts.
#include <cstdio>
#include <cstdlib>
#include <exception>

#include "cases.h"
#include "checks.h"
#include "device_memory.h"
#include "simt.h"

namespace {

int checks_made = 0;

// What a kernel that makes this mistake ends with: the words of the fault must hold `expected`.
void must_fault(const char* name, const char* expected, int64_t threads, const std::function<void()>& kernel) {
    std::string found = "no fault";
    try {
        simt::launch(1, threads, 64, 1, kernel);
    } catch (const simt::Fault& e) {
        found = e.what();
    }
    const bool as_expected = found.find(expected) != std::string::npos;
    checks::report(name, as_expected ? "" : "expected a fault with '" + std::string(expected) + "', found: " + found);
}

void harness() {
    simt::Array<float> array("array", std::vector<float>(8, 1.0f));
    float* p = array.data();
    must_fault("a load past the end", "outside of all arrays", 32, [&] { (void)load(p + 8); });
    must_fault("a store before the beginning", "outside of all arrays", 32, [&] { store(p - 1, 1.0f); });
    must_fault("an unaligned 16-byte load", "unaligned access", 32,
        [&] { (void)load(reinterpret_cast<const uint4*>(p + 1)); });
    must_fault("a barrier that half a block does not reach", "wait for others", 64, [] {
        if (threadIdx.x < 32) __syncthreads();
    });
    must_fault("a shuffle that one lane does not reach", "wait for others", 32, [] {
        if (threadIdx.x != 5) (void)__shfl_xor_sync(0xffffffffu, 1, 1);
    });
    must_fault("a shuffle of half a warp", "part of a warp", 32, [] { (void)__shfl_xor_sync(0xffffu, 1, 1); });
    must_fault("two barriers that meet", "for each other", 64, [] {
        if (threadIdx.x < 32) {
            __syncthreads();
        } else {
            __syncthreads();
        }
    });
    array.clear_counts();
    simt::launch(1, 32, 64, 1, [&] {
        if (threadIdx.x < 9) (void)load(p + threadIdx.x % 8);
    });
    std::string counted = array.check(1, 0);
    checks::report(
        "an element that is read twice", counted.find("array[0] was read 2") == 0 ? "" : "found: " + counted);
}

int run(int count, char** arguments) {
    if (count < 3) throw std::runtime_error("expected a library and a command");
    const cases::Library library = cases::open_library(arguments[1]);
    const std::string command = arguments[2];
    const uint64_t seed = count > 3 ? std::strtoull(arguments[3], nullptr, 10) : 1;
    if (command == "suite") {
        checks::suite(library, seed);
    } else if (command == "engine") {
        checks::engine(seed);
    } else if (command == "shapes") {
        checks::shapes(library);
    } else if (command == "barriers") {
        checks::barriers(library, seed);
    } else if (command == "harness") {
        harness();
    } else if (command == "bypass") {
        simt::Array<float> array("array", std::vector<float>(8, 1.0f));
        const volatile float* p = array.data();
        simt::launch(1, 32, 0, 1, [&] { (void)*p; });
    } else if (command == "case" && count == 5) {
        checks::case_file(library, arguments[3], arguments[4]);
    } else {
        throw std::runtime_error("unknown command " + command);
    }
    std::printf("checks %d\n", checks_made);
    return 0;
}

}  // namespace

void checks::report(const std::string& name, const std::string& problem) {
    checks_made++;
    if (problem.empty()) {
        std::printf("ok %s\n", name.c_str());
    } else {
        std::printf("FAILED %s: %s\n", name.c_str(), problem.c_str());
    }
}

int main(int count, char** arguments) {
    try {
        return run(count, arguments);
    } catch (const std::exception& e) {
        std::fprintf(stderr, "%s\n", e.what());
        return 2;
    }
}

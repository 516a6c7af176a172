// Which variant takes which shape: the limits that the kernels' .md files state, and what is refused.
#include <cinttypes>
#include <cstdio>

#include "checks.h"

namespace checks {

namespace {

constexpr int REFUSED = -1;

void expect(const std::string& name, int32_t status, const palimpsest_cuda_launch& launch, int variant, int64_t blocks,
    int64_t threads) {
    char found[200];
    std::snprintf(found, sizeof found, "status %d, variant %" PRId64 ", %" PRId64 " blocks of %" PRId64 " threads",
        status, launch.variant, launch.blocks, launch.threads);
    const bool right = variant == REFUSED ? status == PALIMPSEST_INVALID_ARGUMENT
                                          : status == PALIMPSEST_OK && launch.variant == variant &&
                                                launch.blocks == blocks && launch.threads == threads;
    report(name, right ? "" : std::string("found ") + found);
}

}  // namespace

void shapes(const cases::Library& library) {
    auto kl = [&](const char* name, int64_t rows, int64_t classes, int64_t widest, int64_t teachers, int64_t limit,
                  int variant, int64_t blocks, int64_t threads) {
        palimpsest_cuda_launch launch = {};
        const int32_t status = library.kl_launch(rows, classes, widest, teachers, limit, &launch);
        expect(std::string("logits ") + name, status, launch, variant, blocks, threads);
    };
    kl("of 256 classes share a block", 129, 256, 256, 10, cases::DEFAULT, PALIMPSEST_CUDA_NARROW, 33, 128);
    kl("of 257 classes have one each", 129, 257, 257, 10, cases::DEFAULT, PALIMPSEST_CUDA_WIDE, 129, 128);
    kl("fewer than a block holds", 2, 10, 10, 3, cases::DEFAULT, PALIMPSEST_CUDA_NARROW, 1, 64);
    kl("up to 2,900 fit without permission", 1, 2900, 2900, 100, cases::DEFAULT, PALIMPSEST_CUDA_WIDE, 1, 256);
    kl("above stream", 1, 2901, 2901, 100, cases::DEFAULT, PALIMPSEST_CUDA_STREAMING, 1, 256);
    kl("up to 10,000 fit on sm_80", 64, 10000, 10000, 100, cases::AMPERE, PALIMPSEST_CUDA_WIDE, 64, 640);
    kl("up to 14,000 fit on sm_90", 64, 14000, 14000, 100, cases::HOPPER, PALIMPSEST_CUDA_WIDE, 64, 896);
    kl("of 50,000 stream", 64, 50000, 50000, 100, cases::HOPPER, PALIMPSEST_CUDA_STREAMING, 64, 1024);
    kl("of narrow ranges need few threads", 64, 20000, 10, 2, cases::HOPPER, PALIMPSEST_CUDA_WIDE, 64, 128);
    kl("without rows", 0, 10, 10, 1, cases::HOPPER, REFUSED, 0, 0);
    kl("with a range beyond the classes", 1, 10, 11, 1, cases::HOPPER, REFUSED, 0, 0);
    kl("with more teachers than shared memory lists", 1, 10, 10, 1 << 20, cases::HOPPER, REFUSED, 0, 0);

    auto mse = [&](const char* name, int64_t rows, int64_t dims, int64_t teachers, int variant, int64_t blocks,
                   int64_t threads) {
        palimpsest_cuda_launch launch = {};
        const int32_t status = library.mse_launch(rows, dims, teachers, cases::DEFAULT, &launch);
        expect(std::string("features ") + name, status, launch, variant, blocks, threads);
    };
    mse("of one chunk share a block", 130, 2048, 10, PALIMPSEST_CUDA_NARROW, 33, 128);
    mse("of two chunks have one each", 130, 2049, 10, PALIMPSEST_CUDA_WIDE, 130, 64);
    mse("of many chunks take turns", 130, 1 << 20, 10, PALIMPSEST_CUDA_WIDE, 130, 256);
    mse("without dimensions", 1, 0, 1, REFUSED, 0, 0);
    mse("with more teachers than shared memory lists", 1, 10, 1 << 20, REFUSED, 0, 0);

    palimpsest_cuda_launch launch = {};
    int32_t status = library.snapshot_launch(4097, &launch);
    expect("4,097 weights", status, launch, PALIMPSEST_CUDA_NARROW, 2, 128);
    status = library.snapshot_launch(0, &launch);
    expect("no weights", status, launch, REFUSED, 0, 0);
}

}  // namespace checks

// The numbers of the kernel that its checks need too.
#pragma once

#include <stdint.h>

namespace {

constexpr int64_t BLOCK = 16;        // channels that lie together
constexpr int64_t FREQUENCIES = 16;  // of a tile: 4 x 4 values of the input, transformed
constexpr int64_t TAPS = 9;          // of the kernel of 3 x 3
constexpr int64_t GROUP = 28;        // tiles that are multiplied together at most

}  // namespace

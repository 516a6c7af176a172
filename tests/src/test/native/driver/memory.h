// The memory of the devices. An address on a device is one that the host may not touch: a page without rights. What it
// holds lies as far into a second range of addresses, which kernels and copies reach through resolve alone. Addresses
// are never given out twice, so memory that was freed stays known as such.
#pragma once

#include <cstdint>
#include <string>

#include "double.h"

namespace driver_double {

enum Kind { NONE, DEVICE, PINNED, REGISTERED };

struct Block {
    uintptr_t begin = 0;
    uintptr_t end = 0;
    Kind kind = NONE;
    bool live = false;
    int64_t number = 0;  // of the allocation, from 1 on
    Context* context = nullptr;
    unsigned flags = 0;
};

// Both throw Refusal with CUDA_ERROR_OUT_OF_MEMORY.
Block& allocate_device(Context& context, size_t bytes);
Block& allocate_pinned(Context& context, size_t bytes, unsigned flags);
Block& register_host(Context& context, void* p, size_t bytes, unsigned flags);
void release(Block& block);

// The live block that begins at p, or null.
Block* block_at(uintptr_t p);
// The block around p, live or freed, or null.
Block* block_around(uintptr_t p);
int64_t used_bytes(int device);

}  // namespace driver_double

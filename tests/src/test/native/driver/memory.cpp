#include "memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <deque>
#include <map>

#include <simt.h>

namespace driver_double {

namespace {

constexpr size_t PAGE = 4096;
constexpr size_t SPACE = size_t(1) << 40;    // addresses, not memory
constexpr size_t FILLED = size_t(64) << 20;  // of each allocation: what was never written reads as NaN
constexpr unsigned char GARBAGE = 0xff;

unsigned char* reserve(size_t bytes, int protection) {
    void* p = mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) throw std::bad_alloc();
    return static_cast<unsigned char*>(p);
}

struct Memory {
    uintptr_t addresses = reinterpret_cast<uintptr_t>(reserve(SPACE, PROT_NONE));
    unsigned char* contents = reserve(SPACE, PROT_NONE);
    // Of every page, the block that begins in it or covers it; 0 is the block of no memory.
    uint32_t* block_of = reinterpret_cast<uint32_t*>(reserve(SPACE / PAGE * sizeof(uint32_t), PROT_READ | PROT_WRITE));
    size_t next = PAGE;
    std::deque<Block> blocks{Block()};
    std::map<uintptr_t, Block> host;  // pinned and registered, by first address
    std::map<int, int64_t> used;
    int64_t allocations = 0;
};

Memory& memory() {
    static Memory all;
    return all;
}

size_t pages(size_t bytes) { return (bytes + PAGE - 1) / PAGE * PAGE; }

void counted_in(Block& block) {
    const char* kind = block.kind == DEVICE ? "live.memory" : block.kind == PINNED ? "live.pinned" : "live.registered";
    count(kind, block.live ? 1 : -1);
    if (block.kind != DEVICE) return;
    const int64_t bytes = static_cast<int64_t>(block.end - block.begin);
    memory().used[block.context->device] += block.live ? bytes : -bytes;
    count("live_bytes", block.live ? bytes : -bytes);
    const int64_t above = counted("live_bytes") - counted("peak_bytes");
    if (above > 0) count("peak_bytes", above);
}

Block* host_block(uintptr_t p) {
    auto after = memory().host.upper_bound(p);
    if (after == memory().host.begin()) return nullptr;
    Block& block = std::prev(after)->second;
    return p < block.end ? &block : nullptr;
}

}  // namespace

Block& allocate_device(Context& context, size_t bytes) {
    Memory& m = memory();
    const size_t size = pages(bytes);
    if (used_bytes(context.device) + static_cast<int64_t>(bytes) > settings().memory || size > SPACE - PAGE - m.next) {
        refuse(CUDA_ERROR_OUT_OF_MEMORY,
            std::to_string(bytes) + " bytes do not fit beside " + std::to_string(used_bytes(context.device)));
    }
    if (mprotect(m.contents + m.next, size, PROT_READ | PROT_WRITE) != 0)
        refuse(CUDA_ERROR_OUT_OF_MEMORY, "the host has no memory left");
    std::memset(m.contents + m.next, GARBAGE, std::min(size, FILLED));
    const uintptr_t begin = m.addresses + m.next;
    m.blocks.push_back({begin, begin + bytes, DEVICE, true, ++m.allocations, &context});
    std::fill_n(m.block_of + m.next / PAGE, size / PAGE, static_cast<uint32_t>(m.blocks.size() - 1));
    m.next += size + PAGE;  // a page that is nobody's
    counted_in(m.blocks.back());
    return m.blocks.back();
}

Block& allocate_pinned(Context& context, size_t bytes, unsigned flags) {
    unsigned char* p = reserve(pages(bytes) + 2 * PAGE, PROT_NONE) + PAGE;
    if (mprotect(p, pages(bytes), PROT_READ | PROT_WRITE) != 0)
        refuse(CUDA_ERROR_OUT_OF_MEMORY, "the host has no memory left");
    std::memset(p, GARBAGE, std::min(pages(bytes), FILLED));
    const uintptr_t begin = reinterpret_cast<uintptr_t>(p);
    Block& block =
        memory().host[begin] = {begin, begin + bytes, PINNED, true, ++memory().allocations, &context, flags};
    counted_in(block);
    return block;
}

Block& register_host(Context& context, void* p, size_t bytes, unsigned flags) {
    const uintptr_t begin = reinterpret_cast<uintptr_t>(p);
    Block* other = host_block(begin);
    if (other && other->live) refuse(CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED, "registered twice");
    Block& block =
        memory().host[begin] = {begin, begin + bytes, REGISTERED, true, ++memory().allocations, &context, flags};
    counted_in(block);
    return block;
}

void release(Block& block) {
    block.live = false;
    counted_in(block);
    const size_t size = pages(block.end - block.begin);
    if (block.kind == REGISTERED) return;
    void* contents = block.kind == DEVICE ? memory().contents + (block.begin - memory().addresses)
                                          : reinterpret_cast<void*>(block.begin);
    madvise(contents, size, MADV_DONTNEED);
    mprotect(contents, size, PROT_NONE);
}

Block* block_around(uintptr_t p) {
    Memory& m = memory();
    if (p - m.addresses < SPACE) {
        const uint32_t index = m.block_of[(p - m.addresses) / PAGE];
        return index == 0 ? nullptr : &m.blocks[index];
    }
    return host_block(p);
}

Block* block_at(uintptr_t p) {
    Block* block = block_around(p);
    return block && block->live && block->begin == p ? block : nullptr;
}

int64_t used_bytes(int device) { return memory().used[device]; }

bool on_device(const void* p) { return reinterpret_cast<uintptr_t>(p) - memory().addresses < SPACE; }

bool pinned(const void* p) {
    const Block* block = on_device(p) ? nullptr : host_block(reinterpret_cast<uintptr_t>(p));
    return block && block->live;
}

void* try_resolve(const void* p, size_t bytes) {
    const Memory& m = memory();
    const uintptr_t at = reinterpret_cast<uintptr_t>(p);
    const Block* block = block_around(at);
    if (!block || !block->live || at > block->end || bytes > block->end - at) return nullptr;
    return block->kind == DEVICE ? m.contents + (at - m.addresses) : const_cast<void*>(p);
}

std::string describe(const void* p, size_t bytes) {
    const uintptr_t at = reinterpret_cast<uintptr_t>(p);
    const Block* block = block_around(at);
    if (!block && on_device(p)) block = block_around(at - PAGE);  // the page between two allocations
    const std::string what = std::to_string(bytes) + " bytes";
    if (!block) return what + " at " + std::to_string(at) + ", which is no address on the device";
    const std::string of =
        "allocation " + std::to_string(block->number) + " of " + std::to_string(block->end - block->begin) + " bytes";
    if (!block->live) return what + " in " + of + ", which was freed";
    return what + " at byte " + std::to_string(at - block->begin) + " of " + of;
}

void* resolve(const void* p, size_t bytes, bool writes) {
    if (void* found = try_resolve(p, bytes)) return found;
    throw simt::Fault(std::string(writes ? "wrote " : "read ") + describe(p, bytes));
}

std::string live_memory() {
    std::string text;
    for (const Block& block : memory().blocks) {
        if (!block.live) continue;
        text += "allocation " + std::to_string(block.number) + " of " + std::to_string(block.end - block.begin) +
                " bytes not freed\n";
    }
    return text;
}

void free_memory(Context& context) {
    for (Block& block : memory().blocks) {
        if (block.live && block.context == &context) release(block);
    }
    for (auto& [address, block] : memory().host) {
        if (block.live && block.context == &context) release(block);
    }
}

void reset_memory() {
    for (Block& block : memory().blocks) {
        if (block.live) release(block);
    }
    for (auto& [address, block] : memory().host) {
        if (block.live) release(block);
    }
    memory().allocations = 0;
}

}  // namespace driver_double

namespace simt {

// Every access of a kernel comes here.
void* touch(const void* p, size_t bytes, bool writes) {
    if (reinterpret_cast<uintptr_t>(p) % bytes != 0)
        throw Fault("unaligned access: " + driver_double::describe(p, bytes));
    return driver_double::resolve(p, bytes, writes);
}

}  // namespace simt

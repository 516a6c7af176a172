#include "device_memory.h"

#include <sanitizer/asan_interface.h>

#include <cstdlib>
#include <map>
#include <new>

#include "simt.h"

namespace simt {

namespace {

constexpr size_t BOUNDARY = 256;

std::map<uintptr_t, Watched*>& registry() {  // by address of the first byte
    static std::map<uintptr_t, Watched*> all;
    return all;
}

}  // namespace

Watched::Watched(std::string name, size_t bytes, size_t element, size_t offset)
    : name_(std::move(name)), bytes_(bytes), element_(element), reads_(bytes / element), writes_(bytes / element) {
    void* memory = nullptr;
    if (posix_memalign(&memory, BOUNDARY, bytes + 2 * BOUNDARY) != 0) throw std::bad_alloc();
    allocation_ = static_cast<unsigned char*>(memory);
    data_ = allocation_ + offset;
    ASAN_POISON_MEMORY_REGION(allocation_, bytes + 2 * BOUNDARY);
    registry()[reinterpret_cast<uintptr_t>(data_)] = this;
}

Watched::~Watched() {
    registry().erase(reinterpret_cast<uintptr_t>(data_));
    ASAN_UNPOISON_MEMORY_REGION(allocation_, bytes_ + 2 * BOUNDARY);
    std::free(allocation_);
}

void Watched::copy_in(const void* from) {
    if (bytes_ == 0) return;
    ASAN_UNPOISON_MEMORY_REGION(allocation_, bytes_ + 2 * BOUNDARY);
    std::memcpy(data_, from, bytes_);
    ASAN_POISON_MEMORY_REGION(allocation_, bytes_ + 2 * BOUNDARY);
    clear_counts();
}

void Watched::copy_out(void* to) const {
    if (bytes_ == 0) return;
    ASAN_UNPOISON_MEMORY_REGION(allocation_, bytes_ + 2 * BOUNDARY);
    std::memcpy(to, data_, bytes_);
    ASAN_POISON_MEMORY_REGION(allocation_, bytes_ + 2 * BOUNDARY);
}

void Watched::clear_counts() {
    reads_.assign(reads_.size(), 0);
    writes_.assign(writes_.size(), 0);
}

std::string Watched::check(uint32_t reads, uint32_t writes) const {
    for (size_t i = 0; i < reads_.size(); i++) {
        std::string wrong = check_element(i, reads, writes);
        if (!wrong.empty()) return wrong;
    }
    return "";
}

std::string Watched::check_element(size_t index, uint32_t reads, uint32_t writes) const {
    if (reads_[index] == reads && writes_[index] == writes) return "";
    return name_ + "[" + std::to_string(index) + "] was read " + std::to_string(reads_[index]) + " and written " +
           std::to_string(writes_[index]) + " times, expected " + std::to_string(reads) + " and " +
           std::to_string(writes);
}

void* touch(const void* p, size_t bytes, bool writes) {
    const uintptr_t at = reinterpret_cast<uintptr_t>(p);
    auto next = registry().upper_bound(at);
    Watched* array = next == registry().begin() ? nullptr : std::prev(next)->second;
    const size_t offset = array ? at - reinterpret_cast<uintptr_t>(array->data_) : 0;
    if (!array || offset + bytes > array->bytes_) {
        throw Fault("access to device memory outside of all arrays" + (array ? ", next to " + array->name_ : ""));
    }
    if (at % bytes != 0) throw Fault("unaligned access of " + std::to_string(bytes) + " bytes to " + array->name_);
    std::vector<uint32_t>& counts = writes ? array->writes_ : array->reads_;
    for (size_t i = offset / array->element_; i <= (offset + bytes - 1) / array->element_; i++) counts[i]++;
    return array->data_ + offset;
}

}  // namespace simt

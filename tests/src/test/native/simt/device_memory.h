// Arrays that stand for device memory. Kernels reach them through load and store alone (simt.h): the arrays are
// poisoned for AddressSanitizer until they are read back. Every access is counted against each element it covers.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace simt {

class Watched {
public:
    // `offset` bytes after a 256-byte boundary, to make unaligned arrays.
    Watched(std::string name, size_t bytes, size_t element, size_t offset);
    ~Watched();
    Watched(const Watched&) = delete;
    Watched& operator=(const Watched&) = delete;

    void copy_in(const void* from);
    void copy_out(void* to) const;
    void* address() const { return data_; }
    void clear_counts();

    // Empty, or the first element that was not read and written as often as given.
    std::string check(uint32_t reads, uint32_t writes) const;
    std::string check_element(size_t index, uint32_t reads, uint32_t writes) const;

private:
    friend void* touch(const void* p, size_t bytes, bool writes);

    std::string name_;
    size_t bytes_;
    size_t element_;
    unsigned char* allocation_;
    unsigned char* data_;
    std::vector<uint32_t> reads_;
    std::vector<uint32_t> writes_;
};

// A watched array of T with values to start from.
template <class T>
class Array : public Watched {
public:
    Array(std::string name, const std::vector<T>& values, size_t offset = 0)
        : Watched(std::move(name), values.size() * sizeof(T), sizeof(T), offset), size_(values.size()) {
        copy_in(values.data());
    }
    T* data() const { return static_cast<T*>(address()); }
    std::vector<T> values() const {
        std::vector<T> all(size_);
        copy_out(all.data());
        return all;
    }

private:
    size_t size_;
};

}  // namespace simt

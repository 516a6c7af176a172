// What the doubles of cuBLAS and cuDNN use of the driver double: their work goes through its streams, their pointers
// through its memory.
#pragma once

#include <functional>
#include <string>

#include "double.h"

namespace driver_double {

// Counts the call. 0, the status that double_fail planned for it, or -1: no context, or a lost one.
DOUBLE_SHARED int library_call(const char* function);
// At once, or when the stream gets there; in a capture, at every launch of the graph.
DOUBLE_SHARED void library_enqueue(CUstream stream, const char* function, Work work);
DOUBLE_SHARED void library_count(const std::string& counter, int64_t by);
DOUBLE_SHARED int64_t library_counted(const std::string& counter);
DOUBLE_SHARED std::recursive_mutex& library_lock();
// Throws simt::Fault; inside of work only.
DOUBLE_SHARED void* library_resolve(const void* p, size_t bytes, bool writes);
// Waits for the stream, as calls with results on the host do.
DOUBLE_SHARED void library_synchronise(CUstream stream);

template <class T>
const T* readable(const T* p, size_t elements) {
    return elements == 0 ? nullptr : static_cast<const T*>(library_resolve(p, elements * sizeof(T), false));
}
template <class T>
T* writable(T* p, size_t elements) {
    return elements == 0 ? nullptr : static_cast<T*>(library_resolve(p, elements * sizeof(T), true));
}

}  // namespace driver_double

// Copies and fills. Ranges on the device are checked at the call, as the driver does, and again when the stream gets
// there.
#include <cstring>
#include <memory>

#include "double.h"

#include <simt.h>

using namespace driver_double;

namespace {

enum Place { HOST, ON_DEVICE };

void require_range(const void* p, size_t bytes) {
    if (!try_resolve(p, bytes)) refuse(CUDA_ERROR_INVALID_VALUE, "a copy touches " + describe(p, bytes));
}

void count_bytes(Place to, Place from, size_t bytes) {
    const char* name = to == HOST ? "bytes_to_host" : from == HOST ? "bytes_to_device" : "bytes_on_device";
    count(to == HOST ? "copies_to_host" : from == HOST ? "copies_to_device" : "copies_on_device");
    count(name, static_cast<int64_t>(bytes));
}

// What a stream does; `checked` says which ends are memory of CUDA's that must still be there.
Work copy(void* to, bool check_to, const void* from, bool check_from, size_t bytes) {
    return [=] {
        const void* source = check_from ? resolve(from, bytes, false) : from;
        std::memmove(check_to ? resolve(to, bytes, true) : to, source, bytes);
    };
}

void copy_now(void* to, Place to_place, const void* from, Place from_place, size_t bytes) {
    refuse_in_capture("a synchronous copy");
    if (bytes == 0) return;
    if (to_place == ON_DEVICE) require_range(to, bytes);
    if (from_place == ON_DEVICE) require_range(from, bytes);
    count_bytes(to_place, from_place, bytes);
    CUstream_st& stream = *current_context().legacy;
    enqueue(stream, copy(to, to_place == ON_DEVICE, from, from_place == ON_DEVICE, bytes));
    if (to_place == ON_DEVICE && from_place == ON_DEVICE) return;  // the driver does not wait for these
    count("synchronisations");
    drain(stream);
    if (current_context().lost) refuse(current_context().lost, "the context is lost: " + current_context().why_lost);
}

void copy_in_stream(void* to, Place to_place, const void* from, Place from_place, size_t bytes, CUstream handle) {
    CUstream_st& stream = stream_of(handle);
    if (bytes == 0) return;
    if (to_place == ON_DEVICE) require_range(to, bytes);
    if (from_place == ON_DEVICE) require_range(from, bytes);
    count_bytes(to_place, from_place, bytes);
    const void* host = from_place == HOST ? from : to_place == HOST ? to : nullptr;
    if (!host || pinned(host)) {
        enqueue(stream, copy(to, true, from, true, bytes));
        return;
    }
    // Pageable memory: the driver takes a copy of it before it returns, or waits until it is written.
    count("pageable_copies");
    if (stream.capture) refuse(CUDA_ERROR_NOT_SUPPORTED, "the double does not capture copies of pageable memory");
    if (from_place == HOST) {
        const unsigned char* content = static_cast<const unsigned char*>(from);
        auto staged = std::make_shared<std::vector<unsigned char>>(content, content + bytes);
        enqueue(stream, [=] { std::memcpy(resolve(to, bytes, true), staged->data(), bytes); });
    } else {
        enqueue(stream, copy(to, false, from, true, bytes));
        count("synchronisations");
        drain(stream);
    }
}

Place place(const void* p) { return on_device(p) ? ON_DEVICE : HOST; }

void* pointer(CUdeviceptr address) { return reinterpret_cast<void*>(address); }

template <class T>
void fill(CUdeviceptr address, T value, size_t count_of, CUstream_st& stream) {
    const size_t bytes = count_of * sizeof(T);
    if (address % sizeof(T) != 0) refuse(CUDA_ERROR_INVALID_VALUE, "the address of a fill is not aligned");
    if (bytes == 0) return;
    require_range(pointer(address), bytes);
    count("fills");
    enqueue(stream, [=] {
        T* to = static_cast<T*>(resolve(pointer(address), bytes, true));
        for (size_t i = 0; i < count_of; i++) to[i] = value;
    });
}

}  // namespace

#define COPY(name, To, to, to_place, From, from, from_place)                                                         \
    DOUBLE_API CUresult name##_v2(To, From, size_t bytes) {                                                          \
        return call(#name, CONTEXT, [=] { copy_now(to, to_place, from, from_place, bytes); });                       \
    }                                                                                                                \
    DOUBLE_API CUresult name##Async_v2(To, From, size_t bytes, CUstream stream) {                                    \
        return call(#name "Async", CONTEXT, [=] { copy_in_stream(to, to_place, from, from_place, bytes, stream); }); \
    }

COPY(cuMemcpyHtoD, CUdeviceptr to, pointer(to), ON_DEVICE, const void* from, from, HOST)
COPY(cuMemcpyDtoH, void* to, to, HOST, CUdeviceptr from, pointer(from), ON_DEVICE)
COPY(cuMemcpyDtoD, CUdeviceptr to, pointer(to), ON_DEVICE, CUdeviceptr from, pointer(from), ON_DEVICE)

DOUBLE_API CUresult cuMemcpy(CUdeviceptr to, CUdeviceptr from, size_t bytes) {
    return call("cuMemcpy", CONTEXT,
        [=] { copy_now(pointer(to), place(pointer(to)), pointer(from), place(pointer(from)), bytes); });
}

DOUBLE_API CUresult cuMemcpyAsync(CUdeviceptr to, CUdeviceptr from, size_t bytes, CUstream stream) {
    return call("cuMemcpyAsync", CONTEXT,
        [=] { copy_in_stream(pointer(to), place(pointer(to)), pointer(from), place(pointer(from)), bytes, stream); });
}

#define FILL(name, T)                                                                             \
    DOUBLE_API CUresult name##_v2(CUdeviceptr address, T value, size_t n) {                       \
        return call(#name, CONTEXT, [=] { fill(address, value, n, *current_context().legacy); }); \
    }                                                                                             \
    DOUBLE_API CUresult name##Async(CUdeviceptr address, T value, size_t n, CUstream stream) {    \
        return call(#name "Async", CONTEXT, [=] { fill(address, value, n, stream_of(stream)); }); \
    }

FILL(cuMemsetD8, unsigned char)
FILL(cuMemsetD16, unsigned short)
FILL(cuMemsetD32, unsigned int)

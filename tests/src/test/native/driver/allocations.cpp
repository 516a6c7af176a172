// Allocation calls: device memory, pinned and registered host memory.
#include "double.h"
#include "memory.h"

using namespace driver_double;

static void require_size(size_t bytes) {
    if (bytes == 0) refuse(CUDA_ERROR_INVALID_VALUE, "an allocation of no bytes");
}

DOUBLE_API CUresult cuMemAlloc_v2(CUdeviceptr* address, size_t bytes) {
    return call("cuMemAlloc_v2", CONTEXT, [=] {
        refuse_in_capture("cuMemAlloc");
        require_size(bytes);
        *address = allocate_device(current_context(), bytes).begin;
    });
}

static Block& to_free(uintptr_t address, Kind kind) {
    Block* block = block_at(address);
    if (block && block->kind == kind) return *block;
    const Block* around = block_around(address);
    if (around && around->begin == address && !around->live) {
        refuse(CUDA_ERROR_INVALID_VALUE, "allocation " + std::to_string(around->number) + " was freed before");
    }
    refuse(CUDA_ERROR_INVALID_VALUE, "nothing was allocated at this address");
}

// Waits for the device first, as the driver does.
DOUBLE_API CUresult cuMemFree_v2(CUdeviceptr address) {
    return call("cuMemFree_v2", CONTEXT, [=] {
        refuse_in_capture("cuMemFree");
        if (address == 0) return;
        Block& block = to_free(address, DEVICE);
        drain_context(*block.context);
        release(block);
    });
}

DOUBLE_API CUresult cuMemAllocAsync(CUdeviceptr* address, size_t bytes, CUstream stream) {
    return call("cuMemAllocAsync", CONTEXT, [=] {
        require_size(bytes);
        if (stream_of(stream).capture) refuse(CUDA_ERROR_NOT_SUPPORTED, "the double does not capture allocations");
        *address = allocate_device(current_context(), bytes).begin;
    });
}

DOUBLE_API CUresult cuMemFreeAsync(CUdeviceptr address, CUstream stream) {
    return call("cuMemFreeAsync", CONTEXT, [=] {
        if (stream_of(stream).capture) refuse(CUDA_ERROR_NOT_SUPPORTED, "the double does not capture allocations");
        Block& block = to_free(address, DEVICE);
        enqueue(stream_of(stream), [&block] {
            if (block.live) release(block);
        });
    });
}

DOUBLE_API CUresult cuMemGetInfo_v2(size_t* free, size_t* total) {
    return call("cuMemGetInfo_v2", CONTEXT, [=] {
        *total = static_cast<size_t>(settings().memory);
        *free = static_cast<size_t>(settings().memory - used_bytes(current_context().device));
    });
}

DOUBLE_API CUresult cuMemGetAddressRange_v2(CUdeviceptr* base, size_t* bytes, CUdeviceptr address) {
    return call("cuMemGetAddressRange_v2", CONTEXT, [=] {
        const Block* block = block_around(address);
        if (!block || !block->live) refuse(CUDA_ERROR_NOT_FOUND, "no allocation holds this address");
        if (base) *base = block->begin;
        if (bytes) *bytes = block->end - block->begin;
    });
}

static void pin(void** p, size_t bytes, unsigned flags) {
    refuse_in_capture("cuMemHostAlloc");
    require_size(bytes);
    *p = reinterpret_cast<void*>(allocate_pinned(current_context(), bytes, flags).begin);
}

DOUBLE_API CUresult cuMemHostAlloc(void** p, size_t bytes, unsigned flags) {
    return call("cuMemHostAlloc", CONTEXT, [=] { pin(p, bytes, flags); });
}

DOUBLE_API CUresult cuMemAllocHost_v2(void** p, size_t bytes) {
    return call("cuMemAllocHost_v2", CONTEXT, [=] { pin(p, bytes, 0); });
}

// Does not wait: a copy that still needs the memory is the program's mistake, and becomes a fault.
DOUBLE_API CUresult cuMemFreeHost(void* p) {
    return call("cuMemFreeHost", CONTEXT, [=] {
        refuse_in_capture("cuMemFreeHost");
        release(to_free(reinterpret_cast<uintptr_t>(p), PINNED));
    });
}

DOUBLE_API CUresult cuMemHostRegister_v2(void* p, size_t bytes, unsigned flags) {
    return call("cuMemHostRegister_v2", CONTEXT, [=] {
        require_size(bytes);
        register_host(current_context(), p, bytes, flags);
    });
}

DOUBLE_API CUresult cuMemHostUnregister(void* p) {
    return call("cuMemHostUnregister", CONTEXT, [=] {
        Block* block = block_at(reinterpret_cast<uintptr_t>(p));
        if (!block || block->kind != REGISTERED) refuse(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, "not registered");
        release(*block);
    });
}

DOUBLE_API CUresult cuMemHostGetDevicePointer_v2(CUdeviceptr* address, void* p, unsigned) {
    return call("cuMemHostGetDevicePointer_v2", CONTEXT, [=] {
        if (!pinned(p)) refuse(CUDA_ERROR_INVALID_VALUE, "not pinned memory");
        *address = reinterpret_cast<CUdeviceptr>(p);
    });
}

DOUBLE_API CUresult cuMemHostGetFlags(unsigned* flags, void* p) {
    return call("cuMemHostGetFlags", CONTEXT, [=] {
        if (!pinned(p)) refuse(CUDA_ERROR_INVALID_VALUE, "not pinned memory");
        *flags = block_around(reinterpret_cast<uintptr_t>(p))->flags;
    });
}

DOUBLE_API CUresult cuPointerGetAttribute(void* value, CUpointer_attribute which, CUdeviceptr address) {
    return call("cuPointerGetAttribute", INITIALISED, [=] {
        const Block* block = block_around(address);
        if (!block || !block->live) refuse(CUDA_ERROR_INVALID_VALUE, "no memory of CUDA's");
        if (which == CU_POINTER_ATTRIBUTE_MEMORY_TYPE) {
            *static_cast<unsigned*>(value) = block->kind == DEVICE ? CU_MEMORYTYPE_DEVICE : CU_MEMORYTYPE_HOST;
        } else if (which == CU_POINTER_ATTRIBUTE_CONTEXT) {
            *static_cast<Context**>(value) = block->context;
        } else {
            refuse(
                CUDA_ERROR_NOT_SUPPORTED, "attribute " + std::to_string(which) + " is not one that the double knows");
        }
    });
}

// Initialisation, devices and contexts.
#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <sstream>

#include "double.h"
#include "memory.h"

namespace driver_double {

namespace {

struct Primary {
    CUctx_st* context = nullptr;
    int64_t retained = 0;
    unsigned flags = 0;
};

struct Devices {
    bool initialised = false;
    std::vector<int> visible;  // which of the machine's devices has the ordinal
    std::map<int, Primary> primary;
    std::set<CUctx_st*> contexts;
};

Devices& devices() {
    static Devices all;
    return all;
}

// The last is current. Every thread has its own; contexts that are gone stay in it and count as unknown.
thread_local std::vector<CUctx_st*> stack;

// As the driver reads CUDA_VISIBLE_DEVICES: ordinals up to the first that there is not.
std::vector<int> visible_devices() {
    std::string list = settings().visible;
    const char* variable = std::getenv("CUDA_VISIBLE_DEVICES");
    if (list.empty() && variable) list = *variable ? variable : "none";
    std::vector<int> found;
    if (list.empty()) {
        for (int i = 0; i < settings().devices; i++) found.push_back(i);
        return found;
    }
    std::stringstream words(list);
    for (std::string word; std::getline(words, word, ',');) {
        char* end = nullptr;
        const long ordinal = std::strtol(word.c_str(), &end, 10);
        if (end == word.c_str() || ordinal < 0 || ordinal >= settings().devices) break;
        found.push_back(static_cast<int>(ordinal));
    }
    return found;
}

int physical(CUdevice device) {
    if (device < 0 || device >= static_cast<int>(devices().visible.size())) {
        refuse(CUDA_ERROR_INVALID_DEVICE,
            "device " + std::to_string(device) + " of " + std::to_string(devices().visible.size()));
    }
    return devices().visible[device];
}

CUctx_st* create(int device, bool primary, unsigned flags) {
    CUctx_st* context = new CUctx_st();
    context->device = device;
    context->primary = primary;
    context->flags = flags;
    context->legacy = std::make_unique<CUstream_st>();
    context->legacy->context = context;
    devices().contexts.insert(context);
    count("live.context");
    return context;
}

// Everything in it goes with it; what a program left in a healthy context is remembered as abandoned.
void destroy(CUctx_st* context) {
    if (!context->lost) drain_context(*context);
    const int64_t before = counted("live");
    destroy_streams(*context);
    destroy_modules(*context);
    free_memory(*context);
    const int64_t gone = before - counted("live");
    if (gone > 0 && !context->lost) {
        count("abandoned", gone);
        note_fault(std::to_string(gone) + " objects were still there when their context was destroyed");
    }
    devices().contexts.erase(context);
    count("live.context", -1);
    delete context;
}

CUctx_st* require(CUcontext context) {
    if (!devices().contexts.count(context)) refuse(CUDA_ERROR_INVALID_CONTEXT, "an unknown or destroyed context");
    return context;
}

int attribute(CUdevice_attribute which) {
    static const std::map<int, int> fixed = {
        {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK, 1024},
        {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_X, 1024},
        {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Y, 1024},
        {CU_DEVICE_ATTRIBUTE_MAX_BLOCK_DIM_Z, 64},
        {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_X, 2147483647},
        {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Y, 65535},
        {CU_DEVICE_ATTRIBUTE_MAX_GRID_DIM_Z, 65535},
        {CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK, 49152},
        {CU_DEVICE_ATTRIBUTE_WARP_SIZE, 32},
        {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_BLOCK, 65536},
        {CU_DEVICE_ATTRIBUTE_CLOCK_RATE, 1000000},
        {CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, 2},
        {CU_DEVICE_ATTRIBUTE_CAN_MAP_HOST_MEMORY, 1},
        {CU_DEVICE_ATTRIBUTE_CONCURRENT_KERNELS, 1},
        {CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE, 1000000},
        {CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH, 64},
        {CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE, 1 << 20},
        {CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR, 2048},
        {CU_DEVICE_ATTRIBUTE_ASYNC_ENGINE_COUNT, 2},
        {CU_DEVICE_ATTRIBUTE_UNIFIED_ADDRESSING, 1},
        {CU_DEVICE_ATTRIBUTE_STREAM_PRIORITIES_SUPPORTED, 1},
        {CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR, 65536},
        {CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED, 1},
    };
    if (which == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR) return static_cast<int>(settings().capability / 10);
    if (which == CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR) return static_cast<int>(settings().capability % 10);
    if (which == CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN)
        return static_cast<int>(settings().shared_limit);
    if (which == CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR)
        return static_cast<int>(settings().shared_limit) + 1024;
    const auto found = fixed.find(which);
    return found == fixed.end() ? 0 : found->second;
}

}  // namespace

bool initialised() { return devices().initialised; }

bool known(const Context* context) {
    return devices().contexts.count(static_cast<CUctx_st*>(const_cast<Context*>(context))) != 0;
}

Context* current_context_or_null() {
    return stack.empty() || !devices().contexts.count(stack.back()) ? nullptr : stack.back();
}

Context& current_context() {
    if (!stack.empty() && stack.back() && !current_context_or_null())
        refuse(CUDA_ERROR_CONTEXT_IS_DESTROYED, "its context was destroyed");
    Context* context = current_context_or_null();
    if (!context) refuse(CUDA_ERROR_INVALID_CONTEXT, "this thread has no current context");
    return *context;
}

void lose_all_contexts(CUresult status) {
    for (CUctx_st* context : devices().contexts) {
        context->lost = status;
        context->why_lost = "as planned by double_fail";
    }
}

void reset_devices() {
    for (CUctx_st* context : devices().contexts) delete context;
    devices() = Devices();
}

}  // namespace driver_double

using namespace driver_double;

DOUBLE_API CUresult cuInit(unsigned) {
    return call("cuInit", NOTHING, [] {
        if (devices().initialised) return;
        devices().visible = visible_devices();
        if (devices().visible.empty()) refuse(CUDA_ERROR_NO_DEVICE, "no device is visible");
        devices().initialised = true;
    });
}

DOUBLE_API CUresult cuDriverGetVersion(int* version) {
    return call("cuDriverGetVersion", NOTHING, [=] { *version = static_cast<int>(settings().driver_version); });
}

DOUBLE_API CUresult cuDeviceGetCount(int* number) {
    return call("cuDeviceGetCount", INITIALISED, [=] { *number = static_cast<int>(devices().visible.size()); });
}

DOUBLE_API CUresult cuDeviceGet(CUdevice* device, int ordinal) {
    return call("cuDeviceGet", INITIALISED, [=] {
        physical(ordinal);
        *device = ordinal;
    });
}

DOUBLE_API CUresult cuDeviceGetName(char* name, int length, CUdevice device) {
    return call("cuDeviceGetName", INITIALISED, [=] {
        const std::string full = "Driver double " + std::to_string(physical(device));
        if (length < 1) refuse(CUDA_ERROR_INVALID_VALUE, "no room for a name");
        std::strncpy(name, full.c_str(), static_cast<size_t>(length) - 1);
        name[length - 1] = 0;
    });
}

DOUBLE_API CUresult cuDeviceGetUuid(CUuuid* uuid, CUdevice device) {
    return call("cuDeviceGetUuid", INITIALISED, [=] {
        *uuid = CUuuid();
        uuid->bytes[15] = static_cast<char>(physical(device));
    });
}

DOUBLE_API CUresult cuDeviceGetPCIBusId(char* id, int length, CUdevice device) {
    return call("cuDeviceGetPCIBusId", INITIALISED, [=] {
        const std::string full = "0000:0" + std::to_string(physical(device)) + ":00.0";
        if (length <= static_cast<int>(full.size())) refuse(CUDA_ERROR_INVALID_VALUE, "no room for a bus id");
        std::memcpy(id, full.c_str(), full.size() + 1);
    });
}

DOUBLE_API CUresult cuDeviceGetAttribute(int* value, CUdevice_attribute which, CUdevice device) {
    return call("cuDeviceGetAttribute", INITIALISED, [=] {
        const int machine_device = physical(device);
        *value = which == CU_DEVICE_ATTRIBUTE_PCI_BUS_ID ? machine_device : attribute(which);
    });
}

DOUBLE_API CUresult cuDeviceComputeCapability(int* major, int* minor, CUdevice device) {
    return call("cuDeviceComputeCapability", INITIALISED, [=] {
        physical(device);
        *major = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
        *minor = attribute(CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
    });
}

DOUBLE_API CUresult cuDeviceTotalMem_v2(size_t* bytes, CUdevice device) {
    return call("cuDeviceTotalMem_v2", INITIALISED, [=] {
        physical(device);
        *bytes = static_cast<size_t>(settings().memory);
    });
}

DOUBLE_API CUresult cuDevicePrimaryCtxRetain(CUcontext* context, CUdevice device) {
    return call("cuDevicePrimaryCtxRetain", INITIALISED, [=] {
        Primary& primary = devices().primary[physical(device)];
        if (!primary.context) primary.context = create(physical(device), true, primary.flags);
        primary.retained++;
        *context = primary.context;
    });
}

static void let_go(Primary& primary, int64_t references) {
    if (primary.retained == 0)
        refuse(CUDA_ERROR_INVALID_CONTEXT, "the primary context was released more often than retained");
    primary.retained -= references;
    if (primary.retained > 0) return;
    primary.retained = 0;
    destroy(primary.context);
    primary.context = nullptr;
}

DOUBLE_API CUresult cuDevicePrimaryCtxRelease_v2(CUdevice device) {
    return call("cuDevicePrimaryCtxRelease_v2", INITIALISED, [=] { let_go(devices().primary[physical(device)], 1); });
}

DOUBLE_API CUresult cuDevicePrimaryCtxReset_v2(CUdevice device) {
    return call("cuDevicePrimaryCtxReset_v2", INITIALISED, [=] {
        Primary& primary = devices().primary[physical(device)];
        if (primary.context) let_go(primary, primary.retained);
    });
}

DOUBLE_API CUresult cuDevicePrimaryCtxSetFlags_v2(CUdevice device, unsigned flags) {
    return call(
        "cuDevicePrimaryCtxSetFlags_v2", INITIALISED, [=] { devices().primary[physical(device)].flags = flags; });
}

DOUBLE_API CUresult cuDevicePrimaryCtxGetState(CUdevice device, unsigned* flags, int* active) {
    return call("cuDevicePrimaryCtxGetState", INITIALISED, [=] {
        const Primary& primary = devices().primary[physical(device)];
        *flags = primary.flags;
        *active = primary.context != nullptr;
    });
}

DOUBLE_API CUresult cuCtxCreate_v2(CUcontext* context, unsigned flags, CUdevice device) {
    return call("cuCtxCreate_v2", INITIALISED, [=] {
        *context = create(physical(device), false, flags);
        stack.push_back(*context);
    });
}

DOUBLE_API CUresult cuCtxDestroy_v2(CUcontext context) {
    return call("cuCtxDestroy_v2", INITIALISED, [=] {
        if (require(context)->primary)
            refuse(CUDA_ERROR_INVALID_CONTEXT, "a primary context is released, not destroyed");
        if (!stack.empty() && stack.back() == context) stack.pop_back();
        destroy(context);
    });
}

DOUBLE_API CUresult cuCtxSetCurrent(CUcontext context) {
    return call("cuCtxSetCurrent", INITIALISED, [=] {
        if (!stack.empty()) stack.pop_back();
        if (context) stack.push_back(require(context));
    });
}

DOUBLE_API CUresult cuCtxGetCurrent(CUcontext* context) {
    return call("cuCtxGetCurrent", INITIALISED, [=] { *context = stack.empty() ? nullptr : stack.back(); });
}

DOUBLE_API CUresult cuCtxPushCurrent_v2(CUcontext context) {
    return call("cuCtxPushCurrent_v2", INITIALISED, [=] { stack.push_back(require(context)); });
}

DOUBLE_API CUresult cuCtxPopCurrent_v2(CUcontext* context) {
    return call("cuCtxPopCurrent_v2", INITIALISED, [=] {
        if (stack.empty()) refuse(CUDA_ERROR_INVALID_CONTEXT, "no context to take off the stack");
        if (context) *context = stack.back();
        stack.pop_back();
    });
}

DOUBLE_API CUresult cuCtxGetDevice(CUdevice* device) {
    return call("cuCtxGetDevice", CONTEXT, [=] {
        const auto at = std::find(devices().visible.begin(), devices().visible.end(), current_context().device);
        *device = static_cast<int>(at - devices().visible.begin());
    });
}

DOUBLE_API CUresult cuCtxGetFlags(unsigned* flags) {
    return call("cuCtxGetFlags", CONTEXT, [=] { *flags = current_context().flags; });
}

DOUBLE_API CUresult cuCtxGetApiVersion(CUcontext context, unsigned* version) {
    return call("cuCtxGetApiVersion", INITIALISED, [=] {
        if (context) require(context);
        *version = 3020;
    });
}

DOUBLE_API CUresult cuCtxGetStreamPriorityRange(int* least, int* greatest) {
    return call("cuCtxGetStreamPriorityRange", CONTEXT, [=] {
        if (least) *least = 0;
        if (greatest) *greatest = -5;
    });
}

DOUBLE_API CUresult cuCtxSynchronize() {
    return call("cuCtxSynchronize", CONTEXT, [] {
        refuse_in_capture("cuCtxSynchronize");
        count("synchronisations");
        drain_context(current_context());
        if (current_context().lost)
            refuse(current_context().lost, "the context is lost: " + current_context().why_lost);
    });
}

static const std::map<int, std::pair<const char*, const char*>>& errors() {
#define ERROR(name, text)     \
    {                         \
        name, { #name, text } \
    }
    static const std::map<int, std::pair<const char*, const char*>> all = {
        ERROR(CUDA_SUCCESS, "no error"),
        ERROR(CUDA_ERROR_INVALID_VALUE, "invalid argument"),
        ERROR(CUDA_ERROR_OUT_OF_MEMORY, "out of memory"),
        ERROR(CUDA_ERROR_NOT_INITIALIZED, "initialization error"),
        ERROR(CUDA_ERROR_NO_DEVICE, "no CUDA-capable device is detected"),
        ERROR(CUDA_ERROR_INVALID_DEVICE, "invalid device ordinal"),
        ERROR(CUDA_ERROR_INVALID_IMAGE, "device kernel image is invalid"),
        ERROR(CUDA_ERROR_INVALID_CONTEXT, "invalid device context"),
        ERROR(CUDA_ERROR_NO_BINARY_FOR_GPU, "no kernel image is available for execution on the device"),
        ERROR(CUDA_ERROR_UNSUPPORTED_PTX_VERSION, "the provided PTX was compiled with an unsupported toolchain."),
        ERROR(CUDA_ERROR_FILE_NOT_FOUND, "file not found"),
        ERROR(CUDA_ERROR_INVALID_HANDLE, "invalid resource handle"),
        ERROR(CUDA_ERROR_NOT_FOUND, "named symbol not found"),
        ERROR(CUDA_ERROR_NOT_READY, "device not ready"),
        ERROR(CUDA_ERROR_ILLEGAL_ADDRESS, "an illegal memory access was encountered"),
        ERROR(CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES, "too many resources requested for launch"),
        ERROR(CUDA_ERROR_PRIMARY_CONTEXT_ACTIVE, "cannot set while device is active in this process"),
        ERROR(CUDA_ERROR_CONTEXT_IS_DESTROYED, "context is destroyed"),
        ERROR(
            CUDA_ERROR_HOST_MEMORY_ALREADY_REGISTERED, "part or all of the requested memory range is already mapped"),
        ERROR(CUDA_ERROR_HOST_MEMORY_NOT_REGISTERED, "pointer does not correspond to a registered memory region"),
        ERROR(CUDA_ERROR_LAUNCH_FAILED, "unspecified launch failure"),
        ERROR(CUDA_ERROR_NOT_PERMITTED, "operation not permitted"),
        ERROR(CUDA_ERROR_NOT_SUPPORTED, "operation not supported"),
        ERROR(CUDA_ERROR_SYSTEM_DRIVER_MISMATCH, "system has unsupported display driver / cuda driver combination"),
        ERROR(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "operation not permitted when stream is capturing"),
        ERROR(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "operation failed due to a previous error during capture"),
        ERROR(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, "capture was not initiated in this stream"),
        ERROR(CUDA_ERROR_STREAM_CAPTURE_UNJOINED, "capturing stream has unjoined work"),
        ERROR(CUDA_ERROR_STREAM_CAPTURE_ISOLATION, "dependency created on uncaptured work in another stream"),
        ERROR(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT,
            "operation would make the legacy stream depend on a capturing blocking stream"),
        ERROR(CUDA_ERROR_CAPTURED_EVENT, "operation not permitted on an event last recorded in a capturing stream"),
        ERROR(CUDA_ERROR_UNKNOWN, "unknown error"),
    };
#undef ERROR
    return all;
}

static CUresult error_text(CUresult error, const char** text, bool name) {
    const auto found = errors().find(error);
    *text = found == errors().end() ? nullptr : name ? found->second.first : found->second.second;
    return *text ? CUDA_SUCCESS : CUDA_ERROR_INVALID_VALUE;
}

DOUBLE_API CUresult cuGetErrorName(CUresult error, const char** text) { return error_text(error, text, true); }
DOUBLE_API CUresult cuGetErrorString(CUresult error, const char** text) { return error_text(error, text, false); }

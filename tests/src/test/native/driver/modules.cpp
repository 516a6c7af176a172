// Modules: images are recognised by how they begin, their kernels by name, and launches run the host build of those.
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "double.h"
#include "image.h"
#include "kernels.h"

#include <simt.h>

struct CUfunc_st {
    CUmodule_handle* module;
    const driver_double::Kernel* kernel;
    int64_t most_dynamic_shared = 49152;
};

namespace driver_double {

namespace {

std::set<CUmodule_handle*>& modules() {
    static std::set<CUmodule_handle*> all;
    return all;
}

CUmodule_handle* module_of(CUmodule handle) {
    CUmodule_handle* module = reinterpret_cast<CUmodule_handle*>(handle);
    if (!modules().count(module)) refuse(CUDA_ERROR_INVALID_HANDLE, "an unknown or unloaded module");
    return module;
}

CUfunc_st& function_of(CUfunction function) {
    for (CUmodule_handle* module : modules()) {
        for (const auto& [name, own] : module->functions) {
            if (own.get() != function) continue;
            if (module->context != &current_context())
                refuse(CUDA_ERROR_INVALID_HANDLE, "a kernel of another context's module");
            return *function;
        }
    }
    refuse(CUDA_ERROR_INVALID_HANDLE, "a kernel of an unknown or unloaded module");
}

void load(CUmodule* handle, const void* image) {
    if (!image) refuse(CUDA_ERROR_INVALID_VALUE, "a module without an image");
    std::string listed;
    if (!recognise(image, &listed)) refuse(CUDA_ERROR_INVALID_IMAGE, "the image is neither a fatbin, a cubin nor PTX");
    CUmodule_handle* module = new CUmodule_handle();
    module->context = &current_context();
    module->text = listed;
    modules().insert(module);
    count("live.module");
    *handle = reinterpret_cast<CUmodule>(module);
}

void forget(CUmodule_handle* module) {
    modules().erase(module);
    count("live.module", -1);
    delete module;
}

void require_dimensions(const char* what, unsigned x, unsigned y, unsigned z) {
    if (x == 0 || y == 0 || z == 0) refuse(CUDA_ERROR_INVALID_VALUE, std::string(what) + " has a dimension of 0");
    if (y != 1 || z != 1)
        refuse(CUDA_ERROR_NOT_SUPPORTED, "the double launches one-dimensional grids and blocks only");
}

}  // namespace

void destroy_modules(Context& context) {
    for (CUmodule_handle* module : std::set<CUmodule_handle*>(modules())) {
        if (module->context == &context) forget(module);
    }
}

void reset_modules() {
    for (CUmodule_handle* module : modules()) delete module;
    modules().clear();
}

}  // namespace driver_double

using namespace driver_double;

DOUBLE_API CUresult cuModuleLoadData(CUmodule* module, const void* image) {
    return call("cuModuleLoadData", CONTEXT, [=] { load(module, image); });
}

DOUBLE_API CUresult cuModuleLoadDataEx(CUmodule* module, const void* image, unsigned, void*, void*) {
    return call("cuModuleLoadDataEx", CONTEXT, [=] { load(module, image); });
}

DOUBLE_API CUresult cuModuleLoadFatBinary(CUmodule* module, const void* image) {
    return call("cuModuleLoadFatBinary", CONTEXT, [=] { load(module, image); });
}

DOUBLE_API CUresult cuModuleLoad(CUmodule* module, const char* path) {
    return call("cuModuleLoad", CONTEXT, [=] {
        std::ifstream file(path, std::ios::binary);
        if (!file) refuse(CUDA_ERROR_FILE_NOT_FOUND, path);
        std::stringstream content;
        content << file.rdbuf();
        load(module, content.str().c_str());
    });
}

DOUBLE_API CUresult cuModuleUnload(CUmodule module) {
    return call("cuModuleUnload", CONTEXT, [=] {
        CUmodule_handle* own = module_of(module);
        drain_context(*own->context);
        forget(own);
    });
}

DOUBLE_API CUresult cuModuleGetFunction(CUfunction* function, CUmodule handle, const char* name) {
    return call("cuModuleGetFunction", CONTEXT, [=] {
        CUmodule_handle* module = module_of(handle);
        const Kernel* found = kernel(name);
        if (!module->text.empty() && module->text.find(name) == std::string::npos) found = nullptr;
        if (!found)
            refuse(CUDA_ERROR_NOT_FOUND,
                std::string("no kernel ") + name + " in the image, or no line for it in kernels.def");
        std::shared_ptr<CUfunc_st>& own = module->functions[name];
        if (!own) own = std::make_shared<CUfunc_st>(CUfunc_st{module, found});
        *function = own.get();
    });
}

DOUBLE_API CUresult cuFuncGetModule(CUmodule* module, CUfunction function) {
    return call(
        "cuFuncGetModule", CONTEXT, [=] { *module = reinterpret_cast<CUmodule>(function_of(function).module); });
}

// Registers, local and constant memory are nvcc's matter: 0 here.
DOUBLE_API CUresult cuFuncGetAttribute(int* value, CUfunction_attribute which, CUfunction handle) {
    return call("cuFuncGetAttribute", CONTEXT, [=] {
        const CUfunc_st& function = function_of(handle);
        *value = which == CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK ? 1024
                 : which == CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES
                     ? static_cast<int>(function.most_dynamic_shared)
                     : 0;
    });
}

DOUBLE_API CUresult cuFuncSetAttribute(CUfunction handle, CUfunction_attribute which, int value) {
    return call("cuFuncSetAttribute", CONTEXT, [=] {
        CUfunc_st& function = function_of(handle);
        if (which != CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES) return;
        if (value < 0 || value > settings().shared_limit) {
            refuse(CUDA_ERROR_INVALID_VALUE,
                std::to_string(value) + " bytes of shared memory are above the device's limit");
        }
        function.most_dynamic_shared = value;
    });
}

DOUBLE_API CUresult cuFuncSetCacheConfig(CUfunction function, int) {
    return call("cuFuncSetCacheConfig", CONTEXT, [=] { function_of(function); });
}

DOUBLE_API CUresult cuLaunchKernel(CUfunction handle, unsigned grid_x, unsigned grid_y, unsigned grid_z,
    unsigned block_x, unsigned block_y, unsigned block_z, unsigned shared_bytes, CUstream stream_handle,
    void** arguments, void** extra) {
    return call("cuLaunchKernel", CONTEXT, [=] {
        const CUfunc_st& function = function_of(handle);
        const std::string& name = function.kernel->name;
        CUstream_st& stream = stream_of(stream_handle);
        require_dimensions("the grid", grid_x, grid_y, grid_z);
        require_dimensions("the block", block_x, block_y, block_z);
        if (block_x > 1024) refuse(CUDA_ERROR_INVALID_VALUE, std::to_string(block_x) + " threads in a block");
        if (grid_x > 2147483647u) refuse(CUDA_ERROR_INVALID_VALUE, std::to_string(grid_x) + " blocks");
        if (shared_bytes > function.most_dynamic_shared) {
            refuse(CUDA_ERROR_INVALID_VALUE, name + " may take " + std::to_string(function.most_dynamic_shared) +
                                                 " bytes of shared memory, not " + std::to_string(shared_bytes));
        }
        if (function.kernel->threads != 0 &&
            (block_x != function.kernel->threads || shared_bytes != function.kernel->shared_bytes)) {
            refuse(CUDA_ERROR_INVALID_VALUE, name + " in blocks of " + std::to_string(block_x) + " threads with " +
                                                 std::to_string(shared_bytes) +
                                                 " bytes of shared memory, which is not what it is written for");
        }
        if (extra || !arguments)
            refuse(CUDA_ERROR_NOT_SUPPORTED, "the double takes arguments as an array of pointers only");
        const Work body = function.kernel->bind(arguments);
        const uint64_t order = settings().seed == 0 ? 2 : draw();
        count("launches");
        count(name);
        note_launch(name + " " + std::to_string(grid_x) + " blocks of " + std::to_string(block_x) + " threads, " +
                    std::to_string(shared_bytes) + " bytes of shared memory");
        enqueue(stream, [=] {
            try {
                simt::launch(grid_x, block_x, shared_bytes, order, body);
            } catch (const simt::Fault& fault) {
                throw simt::Fault(name + ": " + fault.what());
            }
        });
    });
}

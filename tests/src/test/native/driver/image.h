// Module images, and the one that the NVRTC double makes.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "double.h"

struct CUmodule_handle {
    driver_double::Context* context;
    std::string text;  // the only names it has; empty: any kernel
    std::map<std::string, std::shared_ptr<CUfunc_st>> functions;
};

namespace driver_double {

// Begins what the NVRTC double compiles; the names of its kernels follow, then a 0.
constexpr const char* COMPILED = "// palimpsest driver double\n.version 8.0\n";

// Whether the driver would take it for a fatbin, a cubin or PTX. `text` becomes PTX itself, whose kernels can be
// looked for.
bool recognise(const void* image, std::string* text);

}  // namespace driver_double

// The kernels that the double can launch: native/kernels/*/*.cu, compiled for the host, by the names they have on the
// device.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "double.h"

namespace driver_double {

struct Kernel {
    std::string name;
    unsigned
        threads;  // of each block, and its shared memory, as kernels.def has them; 0 threads: planned for each shape
    unsigned shared_bytes;
    // Copies the arguments, as a launch does, and returns what every thread runs.
    std::function<Work(void** arguments)> bind;
};

// Null where kernels.def has no such line.
const Kernel* kernel(const std::string& name);
std::vector<std::string> kernel_names();

}  // namespace driver_double

// Every kernel of native/kernels as a function of the host.
#pragma once

#include <palimpsest.h>

#define KERNEL(source, name, geometry, work, ...) extern "C" void palimpsest_cuda_##name(__VA_ARGS__);
#include <kernels.def>

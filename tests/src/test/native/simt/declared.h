// Every kernel of native/kernels as a function of the host, from the driver double's list.
#pragma once

#include <palimpsest.h>

#define KERNEL(name, ...) extern "C" void name(__VA_ARGS__);
#include "../driver/kernels.inc"
#undef KERNEL
#undef KERNEL_OF_TYPES

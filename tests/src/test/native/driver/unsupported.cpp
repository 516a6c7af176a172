// The functions that JCuda's library refers to and the double does not do: an undefined one would end the process at
// its first call.
#include "double.h"

using namespace driver_double;

// Arguments do not matter: under the x86-64 System V convention a function may ignore those it was given.
#define UNSUPPORTED(name)                                                                                     \
    DOUBLE_API CUresult name() {                                                                              \
        return call(#name, NOTHING, [] { refuse(CUDA_ERROR_NOT_SUPPORTED, "the double does not do this"); }); \
    }
#include "unsupported.inc"

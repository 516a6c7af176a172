#include "kernels.h"

#include <palimpsest.h>

#include <tuple>
#include <utility>

#define KERNEL(name, ...) extern "C" void name(__VA_ARGS__);
#include "kernels.inc"
#undef KERNEL
#undef KERNEL_OF_TYPES

namespace driver_double {

namespace {

template <class... A, size_t... I>
Work bound(void (*function)(A...), void** arguments, std::index_sequence<I...>) {
    const std::tuple<A...> values(*static_cast<const A*>(arguments[I])...);
    return [function, values] { std::apply(function, values); };
}

template <class... A>
Kernel entry(const char* name, void (*function)(A...)) {
    return {name, [function](void** arguments) { return bound(function, arguments, std::index_sequence_for<A...>()); }};
}

const std::vector<Kernel>& all() {
#define KERNEL(name, ...) entry(#name, name),
    static const std::vector<Kernel> kernels = {
#include "kernels.inc"
    };
#undef KERNEL
    return kernels;
}

}  // namespace

const Kernel* kernel(const std::string& name) {
    for (const Kernel& k : all()) {
        if (k.name == name) return &k;
    }
    return nullptr;
}

std::vector<std::string> kernel_names() {
    std::vector<std::string> names;
    for (const Kernel& k : all()) names.push_back(k.name);
    return names;
}

}  // namespace driver_double

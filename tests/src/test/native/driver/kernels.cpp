#include "kernels.h"

#include <cuda/launch.h>

#include <tuple>
#include <utility>

#define KERNEL(source, name, geometry, work, ...) extern "C" void palimpsest_cuda_##name(__VA_ARGS__);
#include <kernels.def>

namespace driver_double {

namespace {

template <class... A, size_t... I>
Work bound(void (*function)(A...), void** arguments, std::index_sequence<I...>) {
    const std::tuple<A...> values(*static_cast<const A*>(arguments[I])...);
    return [function, values] { std::apply(function, values); };
}

template <class... A>
Kernel entry(const char* name, const palimpsest_cuda::Geometry& geometry, void (*function)(A...)) {
    return {name, static_cast<unsigned>(geometry.threads), static_cast<unsigned>(geometry.shared_bytes),
        [function](void** arguments) { return bound(function, arguments, std::index_sequence_for<A...>()); }};
}

const std::vector<Kernel>& all() {
    using namespace palimpsest_cuda;
#define KERNEL(source, name, geometry, work, ...) entry("palimpsest_cuda_" #name, geometry, palimpsest_cuda_##name),
    static const std::vector<Kernel> kernels = {
#include <kernels.def>
    };
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

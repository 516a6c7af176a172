// What tests ask of the double: machines to imitate, failures to come, counters, and a report. DriverDouble.java calls
// these.
#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "double.h"
#include "kernels.h"
#include "library.h"

#include <simt.h>

namespace driver_double {

namespace {

struct Failure {
    std::string function;  // without _v2; "*" is every function
    int64_t nth;           // calls until the first failure
    int64_t times;         // failures to come; below 0 without end
    CUresult status;
    bool lasting;  // the context is lost with it
};

struct Control {
    std::map<std::string, int64_t> counters;
    std::vector<Failure> failures;
    std::vector<std::string> faults;
    std::vector<std::string> launches;
    uint64_t random = 0;
};

constexpr size_t MOST_LINES = 10000;
constexpr const char* PLANNED = "as planned by double_fail";

Control& control() {
    static Control all;
    return all;
}

std::string plain(std::string function) {
    for (const char* version : {"_v2", "_v3"}) {
        const size_t at = function.size() < 3 ? std::string::npos : function.size() - 3;
        if (at != std::string::npos && function.compare(at, 3, version) == 0) function.resize(at);
    }
    return function;
}

void keep(std::vector<std::string>& lines, const std::string& line) {
    if (lines.size() < MOST_LINES) lines.push_back(line);
}

// The failure that was planned for this call, or null.
const Failure* planned(const std::string& function) {
    static Failure now;
    for (auto f = control().failures.begin(); f != control().failures.end(); ++f) {
        if ((f->function != "*" && f->function != function) || f->nth-- > 1) continue;
        f->nth = 1;
        now = *f;
        if (f->times > 0 && --f->times == 0) control().failures.erase(f);
        return &now;
    }
    return nullptr;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string all;
    for (const std::string& line : lines) all += line + "\n";
    return all;
}

std::string report() {
    std::string text;
    for (const auto& [name, value] : control().counters) {
        if (name.rfind("live.", 0) == 0 && value != 0)
            text += std::to_string(value) + " × " + name.substr(5) + " not released\n";
    }
    text += live_memory();
    return text + joined(control().faults);
}

}  // namespace

void refuse(CUresult status, const std::string& why) { throw Refusal{status, why}; }

Settings& settings() {
    static Settings all;
    return all;
}

void reset_settings() { settings() = {1, 13000, 90, int64_t(8) << 30, 232448, 0, ""}; }

std::recursive_mutex& the_lock() {
    static std::recursive_mutex lock;
    static const bool first = [] {
        reset_settings();
        reset_devices();
        return true;
    }();
    (void)first;
    return lock;
}

void begin(const char* name, Need need) {
    const std::string function = plain(name);
    count(function);
    if (const Failure* failure = planned(function)) {
        if (failure->lasting) lose_all_contexts(failure->status);
        refuse(failure->status, PLANNED);
    }
    if (need != NOTHING && !initialised()) refuse(CUDA_ERROR_NOT_INITIALIZED, "before cuInit");
    if (need == CONTEXT) {
        const Context& context = current_context();
        if (context.lost) refuse(context.lost, "the context is lost: " + context.why_lost);
    }
    if (initialised()) advance_some();
}

CUresult refused(const char* function, const Refusal& refusal) {
    const bool lost = refusal.why.rfind("the context is lost", 0) == 0;
    if (refusal.status != CUDA_ERROR_NOT_READY && !lost) {
        keep(control().faults,
            std::string(function) + " returned " + std::to_string(refusal.status) + ": " + refusal.why);
    }
    return refusal.status;
}

void count(const std::string& name, int64_t by) {
    control().counters[name] += by;
    if (name.rfind("live.", 0) == 0) control().counters["live"] += by;
}

int64_t counted(const std::string& name) {
    const auto found = control().counters.find(name);
    return found == control().counters.end() ? 0 : found->second;
}

void note_fault(const std::string& text) {
    count("faults");
    keep(control().faults, text);
}

void note_launch(const std::string& line) { keep(control().launches, line); }

uint64_t draw() {  // SplitMix64
    uint64_t z = control().random += 0x9E3779B97F4A7C15ull;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
}

int library_call(const char* name) {
    std::lock_guard<std::recursive_mutex> held(the_lock());
    try {
        begin(name, CONTEXT);
        return 0;
    } catch (const Refusal& refusal) {
        refused(name, refusal);
        return refusal.why == PLANNED ? refusal.status : -1;
    }
}

void library_enqueue(CUstream stream, const char* function, Work work) {
    std::lock_guard<std::recursive_mutex> held(the_lock());
    try {
        enqueue(stream_of(stream), [function, work = std::move(work)] {
            try {
                work();
            } catch (const simt::Fault& fault) {
                throw simt::Fault(std::string(function) + ": " + fault.what());
            }
        });
    } catch (const Refusal& refusal) {
        refused(function, refusal);
    }
}

void library_count(const std::string& counter, int64_t by) { count(counter, by); }
int64_t library_counted(const std::string& counter) { return counted(counter); }
std::recursive_mutex& library_lock() { return the_lock(); }
void* library_resolve(const void* p, size_t bytes, bool writes) { return resolve(p, bytes, writes); }

void library_synchronise(CUstream stream) {
    count("synchronisations");
    drain(stream_of(stream));
}

}  // namespace driver_double

using namespace driver_double;

// A machine as at first: nothing allocated, no failures planned, settings back. Handles from before are unknown from
// here on.
DOUBLE_API void double_reset() {
    std::lock_guard<std::recursive_mutex> held(the_lock());
    reset_graphs();
    reset_streams();
    reset_modules();
    reset_memory();
    reset_devices();
    reset_settings();
    control() = Control();
}

// Counters, launches and faults start again, planned failures are forgotten; everything live stays, and stays counted.
DOUBLE_API void double_clear() {
    std::lock_guard<std::recursive_mutex> held(the_lock());
    Control fresh;
    for (const auto& [name, value] : control().counters) {
        if (name.rfind("live", 0) == 0) fresh.counters[name] = value;
    }
    fresh.counters["peak_bytes"] = counted("live_bytes");
    fresh.random = control().random;
    control() = fresh;
}

// -1: no such setting. `seed` 0 runs work of streams at once; others draw when it runs, as late as the program's waits
// allow.
DOUBLE_API int32_t double_set(const char* setting, int64_t value) {
    std::lock_guard<std::recursive_mutex> held(the_lock());
    const std::map<std::string, int64_t*> all = {{"devices", &settings().devices},
        {"driver_version", &settings().driver_version}, {"capability", &settings().capability},
        {"memory", &settings().memory}, {"shared_limit", &settings().shared_limit}, {"seed", &settings().seed}};
    const auto found = all.find(setting);
    if (found == all.end()) return -1;
    *found->second = value;
    if (found->first == "seed") control().random = static_cast<uint64_t>(value);
    return 0;
}

// As the variable CUDA_VISIBLE_DEVICES, which a JVM cannot change for itself; empty: all devices. Read by cuInit.
DOUBLE_API void double_set_visible(const char* devices) {
    std::lock_guard<std::recursive_mutex> held(the_lock());
    settings().visible = devices;
}

// From the nth call of `function` on (1 is the next one; "*" is any call), `times` of them return `error`; below 0
// all. With `lasting` the context is lost as well: every later call returns the error until the context is destroyed.
// Names are those of cuda.h, without _v2; functions of cuBLAS and cuDNN have their own statuses.
DOUBLE_API void double_fail(const char* function, int64_t nth, int64_t times, int32_t error, int32_t lasting) {
    std::lock_guard<std::recursive_mutex> held(the_lock());
    control().failures.push_back({function, nth, times, static_cast<CUresult>(error), lasting != 0});
}

// A counter, 0 where nothing was counted: calls by the function's name, launches by the kernel's, and those that
// README.md lists.
DOUBLE_API int64_t double_get(const char* counter) {
    std::lock_guard<std::recursive_mutex> held(the_lock());
    return counted(counter);
}

// "report": what is live, and what went wrong; "launches": kernels in the order of their launches; "kernels": those
// that there are. Returns the length without the final 0; at most `capacity` bytes are written.
DOUBLE_API int64_t double_text(const char* which, char* buffer, int64_t capacity) {
    std::lock_guard<std::recursive_mutex> held(the_lock());
    const std::string text = std::strcmp(which, "launches") == 0  ? joined(control().launches)
                             : std::strcmp(which, "kernels") == 0 ? joined(kernel_names())
                                                                  : report();
    if (capacity > 0) {
        const size_t length = std::min(text.size(), static_cast<size_t>(capacity) - 1);
        std::memcpy(buffer, text.data(), length);
        buffer[length] = 0;
    }
    return static_cast<int64_t>(text.size());
}

// What the parts of the driver double share. One lock is held in every call; the state lives until double_reset.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "cuda_types.h"

#define DOUBLE_API extern "C" __attribute__((visibility("default")))
#define DOUBLE_SHARED __attribute__((visibility("default")))

namespace driver_double {

// Work of a stream. May throw simt::Fault, which the context then keeps as its error, as a GPU does.
using Work = std::function<void()>;

// Leaves a call with its status; `why` goes into the report.
struct Refusal {
    CUresult status;
    std::string why;
};
[[noreturn]] void refuse(CUresult status, const std::string& why);

struct Context;
struct Graph;

// A point in a stream that others wait for.
struct Marker {
    CUstream_st* stream;
    bool reached = false;
    double milliseconds = 0;
};

struct Step {
    std::shared_ptr<Marker> waits;    // null: nothing
    std::shared_ptr<Marker> reaches;  // null: nothing
    Work work;                        // empty: nothing
};

// The devices of the machine, as double_set made them.
struct Settings {
    int64_t devices, driver_version, capability, memory, shared_limit, seed;
    std::string visible;  // as CUDA_VISIBLE_DEVICES
};
Settings& settings();
void reset_settings();

enum Need { NOTHING, INITIALISED, CONTEXT };

std::recursive_mutex& the_lock();
// Counts the call, fails it where double_fail says so, and lets streams advance. Throws Refusal.
void begin(const char* function, Need need);
CUresult refused(const char* function, const Refusal& refusal);

template <class Body>
CUresult call(const char* function, Need need, Body body) {
    std::lock_guard<std::recursive_mutex> held(the_lock());
    try {
        begin(function, need);
        body();
        return CUDA_SUCCESS;
    } catch (const Refusal& refusal) {
        return refused(function, refusal);
    }
}

// Counters, read by double_get. "live.<kind>" counts objects, and "live" is their sum.
void count(const std::string& name, int64_t by = 1);
int64_t counted(const std::string& name);
void note_fault(const std::string& text);
void note_launch(const std::string& line);
uint64_t draw();  // from the seed of double_set

// Kernels and copies that went wrong, memory that was given up: what a person reads when a test fails.
std::string live_memory();

bool initialised();

// Objects, by handle. Each of these throws Refusal where the handle is unknown.
Context& current_context();
Context* current_context_or_null();
CUstream_st& stream_of(CUstream handle);

void lose_all_contexts(CUresult status);
void destroy_streams(Context& context);
void destroy_modules(Context& context);
void free_memory(Context& context);

// Streams.
void enqueue(CUstream_st& stream, Work work);
void drain(CUstream_st& stream);
void drain_context(Context& context);
void advance_some();
void leave_capture(const CUgraph_st& capture);
// Throws where a synchronising call would break a capture in progress.
void refuse_in_capture(const char* what);

// Memory. resolve: where the host finds [p, p + bytes); throws simt::Fault unless that lies in one live allocation.
void* resolve(const void* p, size_t bytes, bool writes);
void* try_resolve(const void* p, size_t bytes);  // null instead of a fault
std::string describe(const void* p, size_t bytes);
bool on_device(const void* p);
bool pinned(const void* p);

// Which of the contexts, and what happened to it.
struct Context {
    int device;
    bool primary;
    unsigned flags;
    CUresult lost = CUDA_SUCCESS;
    std::string why_lost;
    std::unique_ptr<CUstream_st> legacy;
};
bool known(const Context* context);

void reset_devices();
void reset_memory();
void reset_streams();
void reset_graphs();
void reset_modules();

}  // namespace driver_double

struct CUctx_st : driver_double::Context {};

// One capture: what was recorded so far, and where it began.
struct CUgraph_st {
    struct Node {
        driver_double::Work work;
        std::set<size_t> after;
    };
    std::vector<Node> nodes;
    CUstream_st* origin = nullptr;
    bool invalid = false;
};

struct CUgraphExec_st {
    driver_double::Context* context;
    std::vector<CUgraph_st::Node> nodes;
};

struct CUstream_st {
    driver_double::Context* context;
    unsigned flags;
    int priority;
    std::vector<driver_double::Step> steps;  // from `next` on
    size_t next = 0;
    CUgraph_st* capture = nullptr;
    std::set<size_t> tail;  // of the capture
    bool idle() const { return next == steps.size(); }
};

struct CUevent_st {
    driver_double::Context* context;
    unsigned flags;
    std::shared_ptr<driver_double::Marker> marker;  // null: never recorded
    CUgraph_st* capture = nullptr;                  // recorded in a capture: no marker, but nodes
    std::set<size_t> tail;
};

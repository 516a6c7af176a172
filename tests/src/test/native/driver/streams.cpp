// Streams and events. A stream is a list of steps; when one runs is drawn from the seed, or at once if that is 0. Only
// a wait - for an event, or of the host - makes sure that one has run, as on a GPU.
#include <algorithm>
#include <chrono>

#include "double.h"

#include <simt.h>

namespace driver_double {

namespace {

struct Streams {
    std::set<CUstream_st*> streams;
    std::set<CUevent_st*> events;
};

Streams& all() {
    static Streams streams;
    return streams;
}

double now() {
    return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The first step, or one that it waits for in another stream.
void run_one(CUstream_st& stream) {
    Step& front = stream.steps[stream.next];
    if (front.waits && !front.waits->reached) {
        run_one(*front.waits->stream);
        return;
    }
    const Step step = std::move(front);
    if (++stream.next == stream.steps.size()) {
        stream.steps.clear();
        stream.next = 0;
    }
    Context& context = *stream.context;
    if (step.work && !context.lost) {
        try {
            step.work();
        } catch (const simt::Fault& fault) {
            context.lost = CUDA_ERROR_ILLEGAL_ADDRESS;
            context.why_lost = fault.what();
            note_fault(fault.what());
        }
    }
    if (step.reaches) {
        step.reaches->reached = true;
        step.reaches->milliseconds = now();
    }
}

bool blocking(const CUstream_st& stream) { return (stream.flags & CU_STREAM_NON_BLOCKING) == 0; }

// The legacy stream and blocking streams wait for each other.
void order_with_legacy(CUstream_st& stream) {
    CUstream_st& legacy = *stream.context->legacy;
    if (&stream != &legacy) {
        if (blocking(stream)) drain(legacy);
        return;
    }
    for (CUstream_st* other : all().streams) {
        if (other->context != stream.context || !blocking(*other)) continue;
        if (other->capture) {
            other->capture->invalid = true;
            refuse(CUDA_ERROR_STREAM_CAPTURE_IMPLICIT, "the legacy stream would wait for a stream in capture");
        }
        drain(*other);
    }
}

void add(CUstream_st& stream, Step step) {
    order_with_legacy(stream);
    stream.steps.push_back(std::move(step));
    if (settings().seed == 0) drain(stream);
}

CUevent_st& event_of(CUevent event) {
    if (!all().events.count(event)) refuse(CUDA_ERROR_INVALID_HANDLE, "an unknown or destroyed event");
    return *event;
}

void refuse_if_lost() {
    const Context& context = current_context();
    if (context.lost) refuse(context.lost, "the context is lost: " + context.why_lost);
}

void record(CUevent handle, CUstream stream_handle) {
    CUevent_st& event = event_of(handle);
    CUstream_st& stream = stream_of(stream_handle);
    if (event.context != stream.context)
        refuse(CUDA_ERROR_INVALID_HANDLE, "the event and the stream belong to different contexts");
    event.capture = stream.capture;
    if (stream.capture) {
        event.tail = stream.tail;
        return;
    }
    event.marker = std::make_shared<Marker>();
    event.marker->stream = &stream;
    add(stream, {nullptr, event.marker, {}});
}

void create_stream(CUstream* handle, unsigned flags, int priority) {
    if (flags > CU_STREAM_NON_BLOCKING) refuse(CUDA_ERROR_INVALID_VALUE, "stream flags " + std::to_string(flags));
    *handle = new CUstream_st();
    (*handle)->context = &current_context();
    (*handle)->flags = flags;
    (*handle)->priority = priority;
    all().streams.insert(*handle);
    count("live.stream");
}

void forget(CUstream_st* stream) {
    all().streams.erase(stream);
    count("live.stream", -1);
    delete stream;
}

void forget(CUevent_st* event) {
    all().events.erase(event);
    count("live.event", -1);
    delete event;
}

}  // namespace

CUstream_st& stream_of(CUstream handle) {
    if (!handle || handle == CU_STREAM_LEGACY || handle == CU_STREAM_PER_THREAD) return *current_context().legacy;
    if (!all().streams.count(handle)) refuse(CUDA_ERROR_INVALID_HANDLE, "an unknown or destroyed stream");
    if (handle->context != &current_context()) refuse(CUDA_ERROR_INVALID_HANDLE, "a stream of another context");
    return *handle;
}

void enqueue(CUstream_st& stream, Work work) {
    if (!stream.capture) {
        add(stream, {nullptr, nullptr, std::move(work)});
        return;
    }
    if (stream.capture->invalid) refuse(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "the capture was broken before");
    stream.capture->nodes.push_back({std::move(work), stream.tail});
    stream.tail = {stream.capture->nodes.size() - 1};
    count("captured");
}

void drain(CUstream_st& stream) {
    while (!stream.idle()) run_one(stream);
}

void drain_context(Context& context) {
    drain(*context.legacy);
    for (CUstream_st* stream : all().streams) {
        if (stream->context == &context) drain(*stream);
    }
}

void advance_some() {
    if (settings().seed == 0) return;
    std::vector<CUstream_st*> busy;
    for (CUstream_st* stream : all().streams) {
        if (!stream->idle()) busy.push_back(stream);
    }
    if (Context* context = current_context_or_null()) {
        if (!context->legacy->idle()) busy.push_back(context->legacy.get());
    }
    if (busy.empty()) return;
    CUstream_st* chosen = busy[draw() % busy.size()];
    for (uint64_t steps = draw() % 3; steps > 0 && !chosen->idle(); steps--) run_one(*chosen);
}

void refuse_in_capture(const char* what) {
    for (CUstream_st* stream : all().streams) {
        if (!stream->capture || stream->context != &current_context()) continue;
        stream->capture->invalid = true;
        refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, std::string(what) + " while a stream is in capture");
    }
}

void leave_capture(const CUgraph_st& capture) {
    for (CUstream_st* stream : all().streams) {
        if (stream->capture != &capture) continue;
        stream->capture = nullptr;
        stream->tail.clear();
    }
    for (CUevent_st* event : all().events) {
        if (event->capture == &capture) event->capture = nullptr;
    }
}

void destroy_streams(Context& context) {
    for (CUstream_st* stream : std::set<CUstream_st*>(all().streams)) {
        if (stream->context == &context) forget(stream);
    }
    for (CUevent_st* event : std::set<CUevent_st*>(all().events)) {
        if (event->context == &context) forget(event);
    }
}

void reset_streams() {
    for (CUstream_st* stream : all().streams) delete stream;
    for (CUevent_st* event : all().events) delete event;
    all() = Streams();
}

}  // namespace driver_double

using namespace driver_double;

DOUBLE_API CUresult cuStreamCreate(CUstream* stream, unsigned flags) {
    return call("cuStreamCreate", CONTEXT, [=] { create_stream(stream, flags, 0); });
}

DOUBLE_API CUresult cuStreamCreateWithPriority(CUstream* stream, unsigned flags, int priority) {
    return call("cuStreamCreateWithPriority", CONTEXT, [=] { create_stream(stream, flags, priority); });
}

// The work of a destroyed stream is still done; here at once.
DOUBLE_API CUresult cuStreamDestroy_v2(CUstream handle) {
    return call("cuStreamDestroy_v2", CONTEXT, [=] {
        CUstream_st& stream = stream_of(handle);
        if (&stream == current_context().legacy.get())
            refuse(CUDA_ERROR_INVALID_HANDLE, "the default stream is not destroyed");
        drain(stream);
        forget(&stream);
    });
}

DOUBLE_API CUresult cuStreamSynchronize(CUstream handle) {
    return call("cuStreamSynchronize", CONTEXT, [=] {
        CUstream_st& stream = stream_of(handle);
        if (stream.capture) {
            stream.capture->invalid = true;
            refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "a wait for a stream in capture");
        }
        count("synchronisations");
        order_with_legacy(stream);
        drain(stream);
        refuse_if_lost();
    });
}

DOUBLE_API CUresult cuStreamQuery(CUstream handle) {
    return call("cuStreamQuery", CONTEXT, [=] {
        CUstream_st& stream = stream_of(handle);
        if (stream.capture) {
            stream.capture->invalid = true;
            refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "a query of a stream in capture");
        }
        if (stream.idle()) return;
        run_one(stream);  // so that a program that asks again and again gets there
        refuse(CUDA_ERROR_NOT_READY, "work is left");
    });
}

DOUBLE_API CUresult cuStreamWaitEvent(CUstream stream_handle, CUevent event_handle, unsigned) {
    return call("cuStreamWaitEvent", CONTEXT, [=] {
        CUstream_st& stream = stream_of(stream_handle);
        const CUevent_st& event = event_of(event_handle);
        if (event.capture) {
            if (stream.capture && stream.capture != event.capture)
                refuse(CUDA_ERROR_STREAM_CAPTURE_ISOLATION, "two captures meet");
            if (!stream.capture && !stream.idle()) drain(stream);
            stream.capture = event.capture;
            stream.tail.insert(event.tail.begin(), event.tail.end());
            return;
        }
        if (stream.capture && event.marker) {
            stream.capture->invalid = true;
            refuse(CUDA_ERROR_STREAM_CAPTURE_ISOLATION, "a stream in capture waits for an event outside of it");
        }
        if (event.marker && !event.marker->reached) add(stream, {event.marker, nullptr, {}});
    });
}

DOUBLE_API CUresult cuStreamGetFlags(CUstream stream, unsigned* flags) {
    return call("cuStreamGetFlags", CONTEXT, [=] { *flags = stream_of(stream).flags; });
}

DOUBLE_API CUresult cuStreamGetPriority(CUstream stream, int* priority) {
    return call("cuStreamGetPriority", CONTEXT, [=] { *priority = stream_of(stream).priority; });
}

DOUBLE_API CUresult cuStreamGetCtx(CUstream stream, CUcontext* context) {
    return call("cuStreamGetCtx", CONTEXT, [=] { *context = static_cast<CUcontext>(stream_of(stream).context); });
}

DOUBLE_API CUresult cuLaunchHostFunc(CUstream stream, CUhostFn function, void* data) {
    return call("cuLaunchHostFunc", CONTEXT, [=] { enqueue(stream_of(stream), [=] { function(data); }); });
}

DOUBLE_API CUresult cuEventCreate(CUevent* event, unsigned flags) {
    return call("cuEventCreate", CONTEXT, [=] {
        *event = new CUevent_st();
        (*event)->context = &current_context();
        (*event)->flags = flags;
        all().events.insert(*event);
        count("live.event");
    });
}

DOUBLE_API CUresult cuEventDestroy_v2(CUevent event) {
    return call("cuEventDestroy_v2", CONTEXT, [=] { forget(&event_of(event)); });
}

DOUBLE_API CUresult cuEventRecord(CUevent event, CUstream stream) {
    return call("cuEventRecord", CONTEXT, [=] { record(event, stream); });
}

DOUBLE_API CUresult cuEventRecordWithFlags(CUevent event, CUstream stream, unsigned) {
    return call("cuEventRecordWithFlags", CONTEXT, [=] { record(event, stream); });
}

DOUBLE_API CUresult cuEventSynchronize(CUevent handle) {
    return call("cuEventSynchronize", CONTEXT, [=] {
        const CUevent_st& event = event_of(handle);
        if (event.capture) refuse(CUDA_ERROR_CAPTURED_EVENT, "a wait for an event of a capture");
        count("synchronisations");
        const std::shared_ptr<Marker> marker = event.marker;
        while (marker && !marker->reached) run_one(*marker->stream);
        refuse_if_lost();
    });
}

DOUBLE_API CUresult cuEventQuery(CUevent handle) {
    return call("cuEventQuery", CONTEXT, [=] {
        const CUevent_st& event = event_of(handle);
        if (event.capture) refuse(CUDA_ERROR_CAPTURED_EVENT, "a query of an event of a capture");
        if (!event.marker || event.marker->reached) return;
        run_one(*event.marker->stream);
        refuse(CUDA_ERROR_NOT_READY, "the event was not reached");
    });
}

DOUBLE_API CUresult cuEventElapsedTime(float* milliseconds, CUevent begin, CUevent end) {
    return call("cuEventElapsedTime", CONTEXT, [=] {
        for (CUevent event : {begin, end}) {
            if (event_of(event).flags & CU_EVENT_DISABLE_TIMING)
                refuse(CUDA_ERROR_INVALID_HANDLE, "an event without timing");
            if (!event->marker) refuse(CUDA_ERROR_INVALID_HANDLE, "an event that was not recorded");
            if (!event->marker->reached) refuse(CUDA_ERROR_NOT_READY, "an event that was not reached");
        }
        *milliseconds = static_cast<float>(end->marker->milliseconds - begin->marker->milliseconds);
    });
}

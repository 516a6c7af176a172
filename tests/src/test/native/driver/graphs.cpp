// Stream capture: steps become the nodes of a graph, each with those it has to come after. A launch runs them in an
// order that is drawn among those allowed, so that a missing dependency shows.
#include <algorithm>

#include "double.h"

namespace driver_double {

namespace {

struct Graphs {
    std::set<CUgraph_st*> graphs;  // those that a program holds
    std::set<CUgraphExec_st*> executables;
};

Graphs& all() {
    static Graphs graphs;
    return graphs;
}

// Whether every node comes before one of `ends`.
bool joined(const CUgraph_st& capture, const std::set<size_t>& ends) {
    std::vector<bool> before(capture.nodes.size());
    std::vector<size_t> open(ends.begin(), ends.end());
    while (!open.empty()) {
        const size_t node = open.back();
        open.pop_back();
        if (before[node]) continue;
        before[node] = true;
        open.insert(open.end(), capture.nodes[node].after.begin(), capture.nodes[node].after.end());
    }
    return std::find(before.begin(), before.end(), false) == before.end();
}

std::vector<size_t> drawn_order(const std::vector<CUgraph_st::Node>& nodes) {
    std::vector<size_t> order;
    std::vector<bool> done(nodes.size());
    while (order.size() < nodes.size()) {
        std::vector<size_t> ready;
        for (size_t i = 0; i < nodes.size(); i++) {
            const std::set<size_t>& after = nodes[i].after;
            if (!done[i] && std::all_of(after.begin(), after.end(), [&](size_t a) { return done[a]; }))
                ready.push_back(i);
            if (!ready.empty() && settings().seed == 0) break;
        }
        const size_t next = ready[settings().seed == 0 ? 0 : draw() % ready.size()];
        done[next] = true;
        order.push_back(next);
    }
    return order;
}

void require(CUgraph graph) {
    if (!all().graphs.count(graph)) refuse(CUDA_ERROR_INVALID_VALUE, "an unknown or destroyed graph");
}

void require(CUgraphExec executable) {
    if (!all().executables.count(executable))
        refuse(CUDA_ERROR_INVALID_VALUE, "an unknown or destroyed executable graph");
}

}  // namespace

void reset_graphs() {
    for (CUgraph_st* graph : all().graphs) delete graph;
    for (CUgraphExec_st* executable : all().executables) delete executable;
    all() = Graphs();
}

}  // namespace driver_double

using namespace driver_double;

DOUBLE_API CUresult cuStreamBeginCapture_v2(CUstream handle, CUstreamCaptureMode) {
    return call("cuStreamBeginCapture_v2", CONTEXT, [=] {
        CUstream_st& stream = stream_of(handle);
        if (&stream == current_context().legacy.get())
            refuse(CUDA_ERROR_STREAM_CAPTURE_UNSUPPORTED, "a capture of the default stream");
        if (stream.capture) refuse(CUDA_ERROR_INVALID_VALUE, "the stream is in capture already");
        drain(stream);
        stream.capture = new CUgraph_st();
        stream.capture->origin = &stream;
    });
}

DOUBLE_API CUresult cuStreamIsCapturing(CUstream handle, CUstreamCaptureStatus* status) {
    return call("cuStreamIsCapturing", CONTEXT, [=] {
        const CUgraph_st* capture = stream_of(handle).capture;
        *status = !capture           ? CU_STREAM_CAPTURE_STATUS_NONE
                  : capture->invalid ? CU_STREAM_CAPTURE_STATUS_INVALIDATED
                                     : CU_STREAM_CAPTURE_STATUS_ACTIVE;
    });
}

DOUBLE_API CUresult cuStreamEndCapture(CUstream handle, CUgraph* graph) {
    return call("cuStreamEndCapture", CONTEXT, [=] {
        *graph = nullptr;
        CUstream_st& stream = stream_of(handle);
        CUgraph_st* capture = stream.capture;
        if (!capture) refuse(CUDA_ERROR_INVALID_VALUE, "the stream is not in capture");
        if (capture->origin != &stream)
            refuse(CUDA_ERROR_STREAM_CAPTURE_UNMATCHED, "the capture began in another stream");
        const bool complete = joined(*capture, stream.tail);
        leave_capture(*capture);
        if (capture->invalid || !complete) {
            const bool invalid = capture->invalid;
            delete capture;
            if (invalid) refuse(CUDA_ERROR_STREAM_CAPTURE_INVALIDATED, "the capture was broken before");
            refuse(CUDA_ERROR_STREAM_CAPTURE_UNJOINED, "a stream joined the capture and was not waited for");
        }
        all().graphs.insert(capture);
        count("live.graph");
        *graph = capture;
    });
}

DOUBLE_API CUresult cuGraphDestroy(CUgraph graph) {
    return call("cuGraphDestroy", INITIALISED, [=] {
        require(graph);
        all().graphs.erase(graph);
        count("live.graph", -1);
        delete graph;
    });
}

DOUBLE_API CUresult cuGraphInstantiateWithFlags(CUgraphExec* executable, CUgraph graph, unsigned long long) {
    return call("cuGraphInstantiateWithFlags", CONTEXT, [=] {
        require(graph);
        *executable = new CUgraphExec_st{&current_context(), graph->nodes};
        all().executables.insert(*executable);
        count("live.executable_graph");
    });
}

DOUBLE_API CUresult cuGraphExecDestroy(CUgraphExec executable) {
    return call("cuGraphExecDestroy", INITIALISED, [=] {
        require(executable);
        all().executables.erase(executable);
        count("live.executable_graph", -1);
        delete executable;
    });
}

DOUBLE_API CUresult cuGraphUpload(CUgraphExec executable, CUstream stream) {
    return call("cuGraphUpload", CONTEXT, [=] {
        require(executable);
        stream_of(stream);
    });
}

DOUBLE_API CUresult cuGraphLaunch(CUgraphExec executable, CUstream handle) {
    return call("cuGraphLaunch", CONTEXT, [=] {
        require(executable);
        CUstream_st& stream = stream_of(handle);
        if (stream.capture) refuse(CUDA_ERROR_NOT_SUPPORTED, "the double does not capture launches of graphs");
        for (size_t node : drawn_order(executable->nodes)) enqueue(stream, executable->nodes[node].work);
    });
}

DOUBLE_API CUresult cuGraphGetNodes(CUgraph graph, void** nodes, size_t* number) {
    return call("cuGraphGetNodes", INITIALISED, [=] {
        require(graph);
        if (nodes) refuse(CUDA_ERROR_NOT_SUPPORTED, "the double tells only how many nodes there are");
        *number = graph->nodes.size();
    });
}

// The scheduler: one block at a time, one thread at a time, the next one drawn from those that may run.
#include "simt.h"

#include <cstdlib>
#include <memory>
#include <queue>
#include <set>

#include "fibers.h"

namespace simt {

Index thread_index, block_index, block_size, grid_size;

namespace {

struct Waiting {
    std::vector<int> threads;
    std::string site;
};

struct Warp {
    Waiting barrier;
    Waiting exchange;
    uint64_t value[2][LANES];  // two, so that a lane may give its next value before all have seen this one
};

std::set<std::string> sites;
std::string left_out;
std::string next_site;
std::string fault;

std::vector<std::unique_ptr<fibers::Fiber>> pool;
std::priority_queue<std::pair<uint64_t, int>> ready;  // with what was drawn for each
std::vector<uint64_t> rank;                           // of each thread, in launches where it stays the same
bool ranked;
std::vector<int> turns;  // exchanges of each thread so far
std::vector<Warp> warps;
Waiting block;
unsigned char* shared_memory;
uint64_t random_state;

uint64_t next_random() {  // SplitMix64
    uint64_t z = random_state += 0x9E3779B97F4A7C15ull;
    z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9ull;
    z = (z ^ z >> 27) * 0x94D049BB133111EBull;
    return z ^ z >> 31;
}

int current() { return static_cast<int>(thread_index.x); }

// Drawn anew each time, threads keep near each other; with ranks that stay, some warps and lanes run as far ahead as
// barriers let them.
void make_ready(int thread) { ready.emplace(ranked ? rank[thread] : next_random(), thread); }

// The current thread waits until `all` threads do.
void wait(Waiting& waiting, size_t all, const std::string& site) {
    if (waiting.threads.empty()) waiting.site = site;
    if (waiting.site != site && fault.empty())
        fault = "threads wait at " + waiting.site + " and at " + site + " for each other";
    waiting.threads.push_back(current());
    if (waiting.threads.size() == all) {
        for (int thread : waiting.threads) make_ready(thread);
        waiting.threads.clear();
    }
    pool[current()]->give_way();
    if (!fault.empty()) throw Fault(fault);  // woken only to leave
}

void run_block(int threads, const std::function<void()>& kernel) {
    warps.assign(threads / LANES, Warp());
    turns.assign(threads, 0);
    block = Waiting();
    ready = {};
    rank.clear();
    uint64_t of_warp = 0;
    for (int i = 0; i < threads; i++) {
        if (i % LANES == 0) of_warp = next_random() & ~uint64_t(0xffff);
        rank.push_back(of_warp | (next_random() & 0xffff));
    }
    std::vector<bool> started(threads);
    for (int i = 0; i < threads; i++) make_ready(i);
    int alive = threads;
    while (!ready.empty() && fault.empty()) {
        const int thread = ready.top().second;
        ready.pop();
        thread_index.x = static_cast<unsigned int>(thread);
        if (started[thread]) {
            pool[thread]->resume();
        } else {
            started[thread] = true;
            pool[thread]->start(kernel);
        }
        if (pool[thread]->done()) alive--;
    }
    if (fault.empty() && alive > 0) fault = "some threads wait for others that have left, or that wait elsewhere";
    for (int i = 0; i < threads; i++) {
        thread_index.x = static_cast<unsigned int>(i);
        if (started[i] && !pool[i]->done()) pool[i]->resume();
    }
}

}  // namespace

void launch(
    int64_t blocks, int64_t threads, int64_t shared_bytes, uint64_t seed, const std::function<void()>& kernel) {
    if (threads % LANES != 0 || threads < LANES || threads > 1024)
        throw Fault(std::to_string(threads) + " threads in a block");
    while (pool.size() < static_cast<size_t>(threads)) pool.push_back(std::make_unique<fibers::Fiber>());
    random_state = seed;
    ranked = seed % 2 != 0;
    fault.clear();
    block_size.x = static_cast<unsigned int>(threads);
    grid_size.x = static_cast<unsigned int>(blocks);
    // An exception cannot leave a fiber: it ends the thread, and the scheduler ends the others.
    const std::function<void()> guarded = [&kernel] {
        try {
            kernel();
        } catch (const Fault& e) {
            if (fault.empty()) fault = e.what();
        }
    };
    for (int64_t b = 0; b < blocks && fault.empty(); b++) {
        // A new allocation of just this size for every block: AddressSanitizer sees what lies outside.
        void* memory = nullptr;
        if (posix_memalign(&memory, 128, static_cast<size_t>(shared_bytes) + (shared_bytes == 0)) != 0)
            throw std::bad_alloc();
        shared_memory = static_cast<unsigned char*>(memory);
        std::memset(shared_memory, 0xff, static_cast<size_t>(shared_bytes));
        block_index.x = static_cast<unsigned int>(b);
        run_block(static_cast<int>(threads), guarded);
        std::free(memory);
    }
    if (!fault.empty()) throw Fault(fault);
}

void name_next_barrier(const char* file, int line, const char* remark) {
    next_site = std::string(file) + ":" + std::to_string(line) + remark;
    next_site = next_site.substr(next_site.rfind('/') + 1);
}

void barrier(Scope scope, const char* file, int line) {
    if (next_site.empty()) name_next_barrier(file, line, "");
    std::string site = next_site + (scope == BLOCK ? " (block)" : " (warp)");
    next_site.clear();
    sites.insert(site);
    if (site == left_out) return;
    if (scope == BLOCK) {
        wait(block, block_size.x, site);
    } else {
        wait(warps[current() / LANES].barrier, LANES, site);
    }
}

const uint64_t* exchange(uint64_t value) {
    Warp& warp = warps[current() / LANES];
    uint64_t* values = warp.value[turns[current()]++ % 2];
    values[lane()] = value;
    wait(warp.exchange, LANES, "a shuffle or vote");
    return values;
}

int lane() { return current() % LANES; }

void require_all_lanes(unsigned int mask) {
    if (mask != 0xffffffffu) throw Fault("a shuffle or vote of part of a warp");
}

unsigned char* shared() { return shared_memory; }

std::vector<std::string> barrier_sites() { return {sites.begin(), sites.end()}; }

void leave_out(const std::string& site) { left_out = site; }

}  // namespace simt

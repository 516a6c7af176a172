#include "fibers.h"

#include <sys/mman.h>

#include <cstdint>
#include <new>

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#else  // the driver double is loaded into a JVM, without sanitizers
#define __asan_unpoison_memory_region(address, bytes) ((void)0)
#define __sanitizer_start_switch_fiber(fake_stack, stack, bytes) ((void)(fake_stack))
#define __sanitizer_finish_switch_fiber(fake_stack, old_stack, old_bytes) ((void)(fake_stack))
#endif

// void palimpsest_switch(void** save, void* to): keeps the registers that calls preserve on the old stack and goes on
// on the new one.
extern "C" void palimpsest_switch(void** save, void* to);
extern "C" void palimpsest_enter();
asm(R"(
.pushsection .text
.globl palimpsest_switch
.type palimpsest_switch, @function
palimpsest_switch:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
.size palimpsest_switch, .-palimpsest_switch
.globl palimpsest_enter
.type palimpsest_enter, @function
palimpsest_enter:
    movq %r12, %rdi
    callq *%r13
    ud2
.size palimpsest_enter, .-palimpsest_enter
.popsection
)");

namespace fibers {

Fiber::Fiber() {
    void* p = mmap(nullptr, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) throw std::bad_alloc();
    stack_ = static_cast<unsigned char*>(p);
}

Fiber::~Fiber() {
    __asan_unpoison_memory_region(stack_, STACK);  // a fiber that was abandoned left its frames marked
    munmap(stack_, STACK);
}

void Fiber::start(const std::function<void()>& body) {
    __asan_unpoison_memory_region(stack_, STACK);
    body_ = &body;
    done_ = false;
    fake_stack_ = nullptr;
    // What palimpsest_switch pops: r15, r14, r13 (the function), r12 (its argument), rbx, rbp, the return address.
    uint64_t* top = reinterpret_cast<uint64_t*>(stack_ + STACK) - 2;
    *--top = reinterpret_cast<uint64_t>(&palimpsest_enter);
    *--top = 0;
    *--top = 0;
    *--top = reinterpret_cast<uint64_t>(this);
    *--top = reinterpret_cast<uint64_t>(&Fiber::run);
    *--top = 0;
    *--top = 0;
    saved_ = top;
    resume();
}

void Fiber::resume() {
    void* fake = nullptr;
    __sanitizer_start_switch_fiber(&fake, stack_, STACK);
    palimpsest_switch(&outside_, saved_);
    __sanitizer_finish_switch_fiber(fake, nullptr, nullptr);
}

void Fiber::give_way() {
    __sanitizer_start_switch_fiber(done_ ? nullptr : &fake_stack_, outside_stack_, outside_size_);
    palimpsest_switch(&saved_, outside_);
    __sanitizer_finish_switch_fiber(fake_stack_, &outside_stack_, &outside_size_);
}

void Fiber::run(Fiber* self) {
    __sanitizer_finish_switch_fiber(nullptr, &self->outside_stack_, &self->outside_size_);
    (*self->body_)();
    self->done_ = true;
    self->give_way();
}

}  // namespace fibers

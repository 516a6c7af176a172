// Threads of control that give way to each other by name; x86-64 System V.
#pragma once

#include <functional>
#include <memory>

namespace fibers {

constexpr size_t STACK = 256 << 10;

class Fiber {
public:
    Fiber();
    ~Fiber();
    Fiber(const Fiber&) = delete;
    Fiber& operator=(const Fiber&) = delete;

    // Called outside of fibers: runs `body` from its beginning until it gives way or returns.
    void start(const std::function<void()>& body);
    void resume();
    bool done() const { return done_; }

    // Called inside: back to whoever started or resumed this fiber.
    void give_way();

private:
    static void run(Fiber* self);

    unsigned char* stack_;
    void* saved_ = nullptr;    // stack pointer while others run
    void* outside_ = nullptr;  // stack pointer of whoever resumed it
    void* fake_stack_ = nullptr;
    [[maybe_unused]] const void* outside_stack_ = nullptr;  // told to sanitizers only
    [[maybe_unused]] size_t outside_size_ = 0;
    const std::function<void()>* body_ = nullptr;
    bool done_ = true;
};

}  // namespace fibers

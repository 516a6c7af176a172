package dev.palimpsest.engine;

/** How long something that an engine hands out may be used: until it is closed, while the engine is open. */
final class Lifetime {
    private final Guard guard;
    private final String over;
    private boolean closed;

    /** @param over the sentence that refuses a use after {@link #close} */
    Lifetime(Guard guard, String over) {
        this.guard = guard;
        this.over = over;
    }

    Guard guard() {
        return guard;
    }

    void enter() {
        guard.enter();
        if (closed) {
            throw new IllegalStateException(over);
        }
    }

    /**
     * Refuses every use from now on.
     *
     * @return whether it was open
     */
    boolean close() {
        boolean open = !closed;
        closed = true;
        return open;
    }
}

package dev.palimpsest.engine;

/** How long the matrices of one {@link Matrices} may be used. */
final class MatrixScope {
    private final Guard guard;
    private boolean closed;

    MatrixScope(Guard guard) {
        this.guard = guard;
    }

    Guard guard() {
        return guard;
    }

    void enter() {
        guard.enter();
        if (closed) {
            throw new IllegalStateException("the matrices are closed: compute before Matrices.close");
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

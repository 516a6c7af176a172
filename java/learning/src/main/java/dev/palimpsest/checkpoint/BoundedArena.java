package dev.palimpsest.checkpoint;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * An arena that refuses to allocate more than a file can fill: what a file's header says of a network is held against
 * the tensors that are there before memory is taken for it. Not thread-safe, whatever the other arena is.
 */
final class BoundedArena implements Arena {
    private final Arena arena;
    private final long most;
    private long taken;

    /** @param most bytes */
    BoundedArena(Arena arena, long most) {
        this.arena = arena;
        this.most = most;
    }

    /** @throws IllegalArgumentException if all segments together have more than the most bytes */
    @Override
    public MemorySegment allocate(long bytes, long alignment) {
        if (bytes < 0 || bytes > most - taken) {
            throw new IllegalArgumentException(
                    "the network that its options describe is larger than what the file holds of one");
        }
        taken += bytes;
        return arena.allocate(bytes, alignment);
    }

    @Override
    public MemorySegment.Scope scope() {
        return arena.scope();
    }

    @Override
    public void close() {
        arena.close();
    }
}

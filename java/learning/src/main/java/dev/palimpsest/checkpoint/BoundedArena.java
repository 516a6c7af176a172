package dev.palimpsest.checkpoint;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * An arena that refuses to allocate more than a file can fill: what somebody says of a file's network is held against
 * the tensors that are there before memory is taken for it. Not thread-safe, whatever the other arena is.
 */
public final class BoundedArena implements Arena {
    /** Half-precision weights are widened and have gradients; a little more is refused by name, not by size. */
    private static final int MEMORY_PER_BYTE = 8;

    private final Arena arena;
    private final long most;
    private long taken;

    /**
     * For a network with the weights of a file.
     *
     * @param arena that allocates
     * @param bytes of the tensors that the file has
     */
    public BoundedArena(Arena arena, long bytes) {
        this.arena = arena;
        most = MEMORY_PER_BYTE * bytes;
    }

    /**
     * {@inheritDoc}
     *
     * @throws IllegalArgumentException if all segments together are more than the file can fill
     */
    @Override
    public MemorySegment allocate(long bytes, long alignment) {
        if (bytes < 0 || bytes > most - taken) {
            throw new IllegalArgumentException(
                    "the network that is described is larger than what the file holds of one");
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

package dev.palimpsest.engine.onednn;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;

/**
 * Off-heap memory by exact size, reused last-in first-out so that what is handed out next is likely still in the
 * cache. Steps over the same shapes ask for the same sizes, so after the first one nothing new is allocated.
 */
final class Workspace implements AutoCloseable {
    /** Each segment has its own, so that it can go alone. */
    private final Map<MemorySegment, Arena> arenas = new HashMap<>();

    private final Map<Long, ArrayDeque<MemorySegment>> free = new HashMap<>();
    private long allocatedBytes;
    private long takenBytes;

    MemorySegment take(long bytes) {
        takenBytes += bytes;
        ArrayDeque<MemorySegment> same = free.get(bytes);
        if (same != null && !same.isEmpty()) {
            return same.pop();
        }
        allocatedBytes += bytes;
        Arena arena = Arena.ofShared();
        MemorySegment segment = arena.allocate(bytes, 64);
        arenas.put(segment, arena);
        return segment;
    }

    void give(MemorySegment segment) {
        takenBytes -= segment.byteSize();
        free.computeIfAbsent(segment.byteSize(), size -> new ArrayDeque<>()).push(segment);
    }

    /** Frees what nobody has. */
    void trim() {
        for (ArrayDeque<MemorySegment> same : free.values()) {
            for (MemorySegment segment : same) {
                allocatedBytes -= segment.byteSize();
                Objects.requireNonNull(arenas.remove(segment)).close();
            }
        }
        free.clear();
    }

    /** Frees everything, whoever has it. */
    @Override
    public void close() {
        free.clear();
        arenas.values().forEach(Arena::close);
        arenas.clear();
    }

    /** Bytes handed out and not given back: zero when nobody computes. */
    long takenBytes() {
        return takenBytes;
    }

    long allocatedBytes() {
        return allocatedBytes;
    }
}

package dev.palimpsest.engine.onednn;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Map;

/**
 * Off-heap memory by exact size, reused last-in first-out so that what is handed out next is likely still in the
 * cache. Steps over the same shapes ask for the same sizes, so after the first one nothing new is allocated.
 */
final class Workspace {
    private final Arena arena;
    private final Map<Long, ArrayDeque<MemorySegment>> free = new HashMap<>();
    private long allocatedBytes;
    private long takenBytes;

    Workspace(Arena arena) {
        this.arena = arena;
    }

    MemorySegment take(long bytes) {
        takenBytes += bytes;
        ArrayDeque<MemorySegment> same = free.get(bytes);
        if (same != null && !same.isEmpty()) {
            return same.pop();
        }
        allocatedBytes += bytes;
        return arena.allocate(bytes, 64);
    }

    void give(MemorySegment segment) {
        takenBytes -= segment.byteSize();
        free.computeIfAbsent(segment.byteSize(), size -> new ArrayDeque<>()).push(segment);
    }

    /** Bytes handed out and not given back: zero when nobody computes. */
    long takenBytes() {
        return takenBytes;
    }

    long allocatedBytes() {
        return allocatedBytes;
    }
}

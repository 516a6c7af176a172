package dev.palimpsest.kernel.ffi;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.MemorySegment.Scope;
import java.util.Arrays;

/**
 * Memory of a caller's that C gets by its address alone: while a {@link NativeKernel} runs, another thread that closes
 * its arena is refused; closed before, it makes the kernel throw {@link IllegalStateException}. Filled by one thread,
 * then read by any.
 */
public final class Held {
    /** Arenas that can be held at once: as many as {@link NativeKernel} has parameters for. */
    static final int MOST = 8;

    private static final Thread ANOTHER = Thread.ofPlatform().unstarted(() -> {});

    private final MemorySegment[] segments = new MemorySegment[MOST];
    private int count;

    /** Holds nothing yet. */
    public Held() {
        Arrays.fill(segments, MemorySegment.NULL);
    }

    /**
     * Holds one more, if its arena is not held already.
     *
     * @param segment off-heap, of which the calling thread may use every byte
     * @return false if as many arenas as possible are held
     */
    public boolean add(MemorySegment segment) {
        Scope scope = segment.scope();
        if (!segment.isAccessibleBy(ANOTHER) || scope.equals(MemorySegment.NULL.scope())) {
            return true; // only the caller can free it, who waits for the kernel; or nobody
        }
        for (int i = 0; i < count; i++) {
            if (segments[i].scope().equals(scope)) {
                return true;
            }
        }
        if (count == MOST) {
            return false;
        }
        segments[count++] = segment;
        return true;
    }

    /** Holds nothing any more. */
    public void clear() {
        Arrays.fill(segments, 0, count, MemorySegment.NULL);
        count = 0;
    }

    MemorySegment get(int index) {
        return segments[index];
    }
}

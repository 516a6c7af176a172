package dev.palimpsest.engine.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/**
 * One built oneDNN primitive, which computes on the thread that runs it. Each thread of the team has memory objects of
 * its own; running only sets data pointers that moved.
 */
final class Primitive {
    private static final int ARGUMENT_BYTES = 16;
    /** A thread that no arena is confined to. */
    private static final Thread OTHER = Thread.ofPlatform().unstarted(() -> {});

    /** A thread's memory objects and where they point. */
    private record Bound(MemorySegment arguments, MemorySegment[] memories, long[] addresses) {}

    private final OneDnn dnn;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment descriptor;
    private final MemorySegment primitive;
    private final Bound[] bound;
    private final long scratchpadBytes;
    private final int scratchpad;

    /** @param arguments the DNNL_ARG_* numbers in the order in which {@link #run} takes their memory */
    Primitive(OneDnn dnn, MemorySegment descriptor, int... arguments) {
        this.dnn = dnn;
        this.descriptor = descriptor;
        primitive = dnn.created(slot -> dnn.call("dnnl_primitive_create", "PP", slot, descriptor));
        scratchpadBytes = dnn.bytes(dnn.argument(descriptor, OneDnn.SCRATCHPAD));
        dnn.reserveScratchpads(scratchpadBytes);
        scratchpad = scratchpadBytes > 0 ? 1 : 0;
        bound = new Bound[dnn.threads()];
        Arrays.setAll(bound, thread -> bind(arguments));
        dnn.opened(this, this::close);
    }

    private Bound bind(int[] wanted) {
        int count = wanted.length + scratchpad;
        Bound made =
                new Bound(arena.allocate((long) ARGUMENT_BYTES * count, 64), new MemorySegment[count], new long[count]);
        for (int i = 0; i < count; i++) {
            int argument = i < wanted.length ? wanted[i] : OneDnn.SCRATCHPAD;
            MemorySegment description = dnn.argument(descriptor, argument);
            made.memories[i] = dnn.created(slot ->
                    dnn.call("dnnl_memory_create", "PPPP", slot, description, dnn.engine(), MemorySegment.NULL));
            made.arguments.set(JAVA_INT, (long) i * ARGUMENT_BYTES, argument);
            made.arguments.set(ADDRESS, (long) i * ARGUMENT_BYTES + 8, made.memories[i]);
        }
        return made;
    }

    /** The descriptor that a backward primitive takes as its hint. */
    MemorySegment descriptor() {
        return descriptor;
    }

    /** What the primitive expects for an argument. */
    MemorySegment expects(int argument) {
        return dnn.argument(descriptor, argument);
    }

    long bytes(int argument) {
        return dnn.bytes(expects(argument));
    }

    /** What it takes of a thread's scratchpad, from the beginning. */
    long scratchpadBytes() {
        return scratchpadBytes;
    }

    /**
     * Computes with the engine's own memory.
     *
     * @param thread of the team that calls; 0 for the engine's own
     * @param data addresses of the arguments
     */
    void run(int thread, long... data) {
        run(thread, MemorySegment.NULL, MemorySegment.NULL, data);
    }

    /**
     * Computes with memory of callers', too, which other threads may want to free.
     *
     * @param held stays open until this returns
     * @param heldToo the same; {@link MemorySegment#NULL} where there is one alone
     * @param data addresses of the arguments, those of both segments among them
     * @throws IllegalStateException with a sentence, if one of them is closed already
     */
    void run(int thread, MemorySegment held, MemorySegment heldToo, long... data) {
        Bound own = bound[thread];
        for (int i = 0; i < data.length; i++) {
            point(own, i, data[i]);
        }
        if (scratchpad > 0) {
            point(own, data.length, dnn.scratchpad(thread));
        }
        dnn.useOneThread();
        dnn.execute(primitive, thread, own.memories.length, own.arguments, shared(held), shared(heldToo));
    }

    /** Memory that is confined to a thread needs no holding: it is the caller's, who waits. */
    private static MemorySegment shared(MemorySegment segment) {
        return segment.isAccessibleBy(OTHER) ? segment : MemorySegment.NULL;
    }

    private void point(Bound own, int argument, long address) {
        if (own.addresses[argument] != address) {
            dnn.setData(own.memories[argument], address);
            own.addresses[argument] = address;
        }
    }

    /** Closing again does nothing: a frozen network may be closed after its engine. */
    void close() {
        if (!dnn.closed(this)) {
            return;
        }
        for (Bound each : bound) {
            for (MemorySegment memory : each.memories) {
                dnn.destroy("dnnl_memory_destroy", memory);
            }
        }
        dnn.destroy("dnnl_primitive_destroy", primitive);
        dnn.destroy("dnnl_primitive_desc_destroy", descriptor);
        arena.close();
    }
}

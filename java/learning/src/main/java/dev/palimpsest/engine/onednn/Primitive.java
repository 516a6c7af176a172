package dev.palimpsest.engine.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_INT;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** One built oneDNN primitive with its memory objects; running it only sets data pointers that moved. */
final class Primitive {
    private static final int ARGUMENT_BYTES = 16;

    private final OneDnn dnn;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment descriptor;
    private final MemorySegment primitive;
    private final MemorySegment arguments;
    private final MemorySegment[] memories;
    private final long[] addresses;
    private final long scratchpadBytes;
    private final int threads;

    /** @param arguments the DNNL_ARG_* numbers in the order in which {@link #run} takes their memory */
    Primitive(OneDnn dnn, MemorySegment descriptor, int... arguments) {
        this.dnn = dnn;
        this.descriptor = descriptor;
        threads = dnn.threads();
        primitive = dnn.created(slot -> dnn.call("dnnl_primitive_create", "PP", slot, descriptor));
        scratchpadBytes = dnn.bytes(dnn.argument(descriptor, OneDnn.SCRATCHPAD));
        dnn.scratchpad(scratchpadBytes);
        int count = arguments.length + (scratchpadBytes > 0 ? 1 : 0);
        memories = new MemorySegment[count];
        addresses = new long[count];
        this.arguments = arena.allocate((long) ARGUMENT_BYTES * count, 8);
        for (int i = 0; i < count; i++) {
            int argument = i < arguments.length ? arguments[i] : OneDnn.SCRATCHPAD;
            MemorySegment description = dnn.argument(descriptor, argument);
            memories[i] = dnn.created(slot ->
                    dnn.call("dnnl_memory_create", "PPPP", slot, description, dnn.engine(), MemorySegment.NULL));
            this.arguments.set(JAVA_INT, (long) i * ARGUMENT_BYTES, argument);
            this.arguments.set(ADDRESS, (long) i * ARGUMENT_BYTES + 8, memories[i]);
        }
        dnn.opened(this, this::close);
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

    void run(MemorySegment... data) {
        for (int i = 0; i < data.length; i++) {
            point(i, data[i]);
        }
        if (scratchpadBytes > 0) {
            point(data.length, dnn.scratchpad(scratchpadBytes));
        }
        // The plan of who computes what was made for this number.
        dnn.use(threads);
        dnn.execute(primitive, memories.length, arguments);
    }

    private void point(int argument, MemorySegment data) {
        if (addresses[argument] != data.address()) {
            dnn.setData(memories[argument], data);
            addresses[argument] = data.address();
        }
    }

    /** Closing again does nothing: a frozen network may be closed after its engine. */
    void close() {
        if (!dnn.closed(this)) {
            return;
        }
        for (MemorySegment memory : memories) {
            dnn.destroy("dnnl_memory_destroy", memory);
        }
        dnn.destroy("dnnl_primitive_destroy", primitive);
        dnn.destroy("dnnl_primitive_desc_destroy", descriptor);
        arena.close();
    }
}

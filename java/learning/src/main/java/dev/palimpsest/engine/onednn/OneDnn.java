package dev.palimpsest.engine.onednn;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_BYTE;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static java.lang.foreign.ValueLayout.JAVA_INT;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.palimpsest.engine.EngineException;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.invoke.MethodHandle;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;

/**
 * oneDNN's C interface through FFM, with the few constants that this project uses (oneapi/dnnl/dnnl_types.h, 3.x).
 * {@link #call} is for set-up; the two functions on the way of every step have handles of their own.
 */
final class OneDnn {
    static final int FORWARD_TRAINING = 64;
    static final int FORWARD_INFERENCE = 96;
    static final int BACKWARD = 128;
    static final int CONVOLUTION_DIRECT = 1;
    static final int RELU = 0x20;
    static final int POOLING_MAX = 0x1ff;
    static final int POOLING_AVERAGE = 0x3ff;

    static final int SRC = 1;
    static final int DST = 17;
    static final int WEIGHTS = 33;
    static final int BIAS = 41;
    static final int WORKSPACE = 64;
    static final int SCRATCHPAD = 80;
    static final int DIFF_SRC = 129;
    static final int DIFF_DST = 145;
    static final int DIFF_WEIGHTS = 161;

    private static final int CPU = 1;
    private static final int IN_ORDER = 1;
    private static final int FLOAT32 = 3;
    private static final int QUERY_IMPLEMENTATION = 8;
    private static final int QUERY_ARGUMENT = 255;
    /** How the names of implementations begin that are plain loops. */
    private static final String REFERENCE = "ref";

    private static final int SCRATCHPAD_BY_USER = 1;
    /** Flags of dnnl_cpu_isa_avx512_core. */
    private static final int AVX512 = 0x27;
    /** dnnl_cpu_isa_t of dnnl_types.h. */
    private static final Map<Integer, String> ISA_NAMES = Map.of(
            0x1,
            "sse41",
            0x3,
            "avx",
            0x7,
            "avx2",
            0xf,
            "avx2_vnni",
            0x1f,
            "avx2_vnni_2",
            AVX512,
            "avx512_core",
            0x67,
            "avx512_core_vnni",
            0xe7,
            "avx512_core_bf16",
            0x1ef,
            "avx10_1_512",
            0xfef,
            "avx10_1_512_amx");

    private static final Linker LINKER = Linker.nativeLinker();

    private final Map<String, MethodHandle> handles = new HashMap<>();
    private final MethodHandle execute;
    /** What the library keeps for later of primitives that are closed: the code of some networks. */
    private static final int CACHED_PRIMITIVES = 256;

    private final MethodHandle setDataHandle;
    private final Arena arena;
    private final SymbolLookup symbols;
    private final MemorySegment engine;
    /** One for each thread of the team. */
    private final MemorySegment[] streams;

    private final MemorySegment slot;
    private final Map<Integer, MemorySegment> attributes = new HashMap<>();
    private final IdentityHashMap<Object, Runnable> primitives = new IdentityHashMap<>();
    private final List<MemorySegment> descriptions = new ArrayList<>();
    /** Memory that all primitives of a thread share. */
    private final MemorySegment[] scratchpads;

    private final MethodHandle setThreads;

    OneDnn(Arena arena, int threads) {
        this.arena = arena;
        slot = arena.allocate(ADDRESS);
        symbols = OneDnnLibrary.load();
        execute = handle("dnnl_primitive_execute", "PPIPPP");
        setDataHandle = handle("dnnl_memory_set_data_handle", "PL");
        setThreads = query("omp_set_num_threads", FunctionDescriptor.ofVoid(JAVA_INT));
        useOneThread();
        call("dnnl_set_primitive_cache_capacity", "I", CACHED_PRIMITIVES);
        engine = created(slot -> call("dnnl_engine_create", "PIL", slot, CPU, 0L));
        streams = new MemorySegment[threads];
        Arrays.setAll(streams, thread -> created(slot -> call("dnnl_stream_create", "PPI", slot, engine, IN_ORDER)));
        scratchpads = new MemorySegment[threads];
        Arrays.fill(scratchpads, MemorySegment.NULL);
    }

    String version() {
        try {
            MemorySegment version = ((MemorySegment) query("dnnl_version", FunctionDescriptor.of(ADDRESS))
                            .invokeExact())
                    .reinterpret(12);
            return version.get(JAVA_INT, 0) + "." + version.get(JAVA_INT, 4) + "." + version.get(JAVA_INT, 8);
        } catch (Throwable e) {
            throw new EngineException("dnnl_version failed: " + e, e);
        }
    }

    boolean hasAvx512() {
        return (instructions() & AVX512) == AVX512;
    }

    /** The instruction set that oneDNN's code is chosen for, as oneDNN names it. */
    String isa() {
        int flags = instructions();
        return ISA_NAMES.getOrDefault(flags, "instruction set 0x" + Integer.toHexString(flags));
    }

    private int instructions() {
        try {
            return (int) query("dnnl_get_effective_cpu_isa", FunctionDescriptor.of(JAVA_INT))
                    .invokeExact();
        } catch (Throwable e) {
            throw new EngineException("dnnl_get_effective_cpu_isa failed: " + e, e);
        }
    }

    MemorySegment engine() {
        return engine;
    }

    /** A memory descriptor of float32 values, which lives until {@link #forgetDescriptions}. */
    MemorySegment describe(Shape shape, Format format) {
        try (Arena temporary = Arena.ofConfined()) {
            MemorySegment dims = dims(temporary, shape.extents());
            MemorySegment description = created(to ->
                    call("dnnl_memory_desc_create_with_tag", "PIPII", to, shape.rank(), dims, FLOAT32, format.tag()));
            descriptions.add(description);
            return description;
        }
    }

    static MemorySegment dims(Arena arena, int... extents) {
        return arena.allocateFrom(
                JAVA_LONG, Arrays.stream(extents).asLongStream().toArray());
    }

    /** What a primitive expects for one of its arguments. */
    MemorySegment argument(MemorySegment primitiveDescriptor, int argument) {
        try {
            return (MemorySegment)
                    query("dnnl_primitive_desc_query_md", FunctionDescriptor.of(ADDRESS, ADDRESS, JAVA_INT, JAVA_INT))
                            .invokeExact(primitiveDescriptor, QUERY_ARGUMENT, argument);
        } catch (Throwable e) {
            throw new EngineException("dnnl_primitive_desc_query_md failed: " + e, e);
        }
    }

    /** Whether a primitive would run oneDNN's plain loops, for it has no code for these orders. */
    boolean isReference(MemorySegment primitiveDescriptor) {
        MemorySegment name = created(
                to -> call("dnnl_primitive_desc_query", "PIIP", primitiveDescriptor, QUERY_IMPLEMENTATION, 0, to));
        byte[] start = name.reinterpret(REFERENCE.length()).toArray(JAVA_BYTE);
        return new String(start, StandardCharsets.US_ASCII).equals(REFERENCE);
    }

    long bytes(MemorySegment descriptor) {
        try {
            return (long) query("dnnl_memory_desc_get_size", FunctionDescriptor.of(JAVA_LONG, ADDRESS))
                    .invokeExact(descriptor);
        } catch (Throwable e) {
            throw new EngineException("dnnl_memory_desc_get_size failed: " + e, e);
        }
    }

    /** Whether memory of one description is laid out as that of another. */
    boolean equal(MemorySegment description, MemorySegment other) {
        try {
            return (int) query("dnnl_memory_desc_equal", FunctionDescriptor.of(JAVA_INT, ADDRESS, ADDRESS))
                            .invokeExact(description, other)
                    != 0;
        } catch (Throwable e) {
            throw new EngineException("dnnl_memory_desc_equal failed: " + e, e);
        }
    }

    /** A description of its own, to be destroyed by the caller. */
    MemorySegment copy(MemorySegment description) {
        return created(to -> call("dnnl_memory_desc_clone", "PP", to, description));
    }

    /**
     * Attributes with the scratchpad in our hands and, where asked, adding to what the output holds and then a ReLU.
     */
    MemorySegment attributes(boolean sum, boolean relu) {
        return attributes.computeIfAbsent((sum ? 1 : 0) + (relu ? 2 : 0), key -> buildAttributes(sum, relu));
    }

    private MemorySegment buildAttributes(boolean sum, boolean relu) {
        MemorySegment built = created(to -> call("dnnl_primitive_attr_create", "P", to));
        call("dnnl_primitive_attr_set_scratchpad_mode", "PI", built, SCRATCHPAD_BY_USER);
        MemorySegment operations = created(to -> call("dnnl_post_ops_create", "P", to));
        if (sum) {
            call("dnnl_post_ops_append_sum", "PFII", operations, 1f, 0, 0);
        }
        if (relu) {
            call("dnnl_post_ops_append_eltwise", "PIFF", operations, RELU, 0f, 0f);
        }
        call("dnnl_primitive_attr_set_post_ops", "PP", built, operations);
        destroy("dnnl_post_ops_destroy", operations);
        return built;
    }

    /** Makes every thread's scratchpad at least so large. To be called while nothing runs. */
    void reserveScratchpads(long bytes) {
        for (int thread = 0; thread < scratchpads.length; thread++) {
            if (scratchpads[thread].byteSize() < bytes) {
                scratchpads[thread] = arena.allocate(bytes, 64);
            }
        }
    }

    long scratchpad(int thread) {
        return scratchpads[thread].address();
    }

    int threads() {
        return streams.length;
    }

    /** Builds an object whose creating call writes it into a slot; what that call needs is built before it. */
    MemorySegment created(Consumer<MemorySegment> call) {
        call.accept(slot);
        return slot.get(ADDRESS, 0);
    }

    /**
     * Whatever the calling thread builds or runs in oneDNN it does alone: our own threads share the work. Set anew each
     * time: OpenMP keeps the number for the thread, and others may set it too.
     */
    void useOneThread() {
        try {
            setThreads.invokeExact(1);
        } catch (Throwable e) {
            throw new EngineException("omp_set_num_threads failed: " + e, e);
        }
    }

    /** Every primitive is known here until it is closed, so that closing the engine frees what is left. */
    void opened(Object primitive, Runnable closing) {
        primitives.put(primitive, closing);
    }

    /**
     * Forgets a primitive.
     *
     * @return whether it was still open
     */
    boolean closed(Object primitive) {
        return primitives.remove(primitive) != null;
    }

    int openPrimitives() {
        return primitives.size();
    }

    /**
     * Computes. The last two pointers are none of the function's, which never looks at them: the JVM keeps their arenas
     * open until it returns.
     *
     * @throws IllegalStateException with a sentence, if one of them is closed already
     */
    void execute(
            MemorySegment primitive,
            int thread,
            int count,
            MemorySegment arguments,
            MemorySegment held,
            MemorySegment heldToo) {
        try {
            check(
                    (int) execute.invokeExact(primitive, streams[thread], count, arguments, held, heldToo),
                    "dnnl_primitive_execute");
        } catch (EngineException e) {
            throw e;
        } catch (IllegalStateException e) {
            throw new IllegalStateException(
                    "memory of a parameter was closed while the engine used it: keep its arena open until the call"
                            + " returns",
                    e);
        } catch (Throwable e) {
            throw new EngineException("dnnl_primitive_execute failed: " + e, e);
        }
    }

    void setData(MemorySegment memory, long address) {
        try {
            check((int) setDataHandle.invokeExact(memory, address), "dnnl_memory_set_data_handle");
        } catch (EngineException e) {
            throw e;
        } catch (Throwable e) {
            throw new EngineException("dnnl_memory_set_data_handle failed: " + e, e);
        }
    }

    /**
     * Calls a function that returns a status. Signature: P pointer, I int32, L int64, F float32.
     *
     * @throws EngineException if it refuses
     */
    void call(String function, String signature, Object... arguments) {
        try {
            check((int) handle(function, signature).invokeWithArguments(arguments), function);
        } catch (EngineException e) {
            throw e;
        } catch (Throwable e) {
            throw new EngineException(function + " failed: " + e, e);
        }
    }

    void destroy(String function, MemorySegment object) {
        call(function, "P", object);
    }

    /** Gives the system back what the C library keeps in pieces between primitives that live on, where it can. */
    void trimHeap() {
        LINKER.defaultLookup().find("malloc_trim").ifPresent(function -> {
            try {
                int _ = (int) LINKER.downcallHandle(function, FunctionDescriptor.of(JAVA_INT, JAVA_LONG))
                        .invokeExact(0L);
            } catch (Throwable e) {
                throw new EngineException("malloc_trim failed: " + e, e);
            }
        });
    }

    /** Frees what {@link #describe} made; primitives have copies. */
    void forgetDescriptions() {
        descriptions.forEach(description -> destroy("dnnl_memory_desc_destroy", description));
        descriptions.clear();
    }

    void close() {
        List.copyOf(primitives.values()).forEach(Runnable::run);
        attributes.values().forEach(built -> destroy("dnnl_primitive_attr_destroy", built));
        forgetDescriptions();
        for (MemorySegment stream : streams) {
            destroy("dnnl_stream_destroy", stream);
        }
        destroy("dnnl_engine_destroy", engine);
    }

    private static void check(int status, String function) {
        if (status != 0) {
            String reason = switch (status) {
                case 1 -> "out of memory";
                case 2 -> "invalid arguments";
                case 3 -> "not implemented for these shapes";
                default -> "status " + status;
            };
            throw new EngineException(function + " was refused by oneDNN: " + reason);
        }
    }

    private MethodHandle handle(String function, String signature) {
        return handles.computeIfAbsent(function, name -> {
            MemoryLayout[] parameters = signature
                    .chars()
                    .mapToObj(c -> switch (c) {
                        case 'P' -> ADDRESS;
                        case 'I' -> JAVA_INT;
                        case 'L' -> JAVA_LONG;
                        case 'F' -> JAVA_FLOAT;
                        default -> throw new IllegalArgumentException(signature);
                    })
                    .toArray(MemoryLayout[]::new);
            return LINKER.downcallHandle(symbols.findOrThrow(name), FunctionDescriptor.of(JAVA_INT, parameters));
        });
    }

    private MethodHandle query(String function, FunctionDescriptor descriptor) {
        return handles.computeIfAbsent(function, name -> LINKER.downcallHandle(symbols.findOrThrow(name), descriptor));
    }
}

package dev.palimpsest.kernel.ffi;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.palimpsest.kernel.ffi.NativeStruct.Listed;
import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;

/**
 * Reads the lists that the library exports: {@code palimpsest_structs} and {@code palimpsest_cuda_kernels}. The
 * layouts of their entries are the only ones that are written here; the interface's version stands for them.
 */
final class NativeTables {
    /** Words of 8 bytes of a palimpsest_field, a palimpsest_struct and a palimpsest_cuda_kernel. */
    private static final int FIELD_WORDS = 4;

    private static final int STRUCT_WORDS = 4;
    private static final int KERNEL_WORDS = 7;
    private static final long LONGEST_TEXT = 4096;

    private NativeTables() {}

    static Map<String, NativeStruct> structs(Function<String, MemorySegment> symbols) throws Throwable {
        Map<String, NativeStruct> structs = new LinkedHashMap<>();
        for (MemorySegment entry : table(symbols.apply("structs"), STRUCT_WORDS)) {
            List<Listed> fields = new ArrayList<>();
            for (MemorySegment field : entries(entry.getAtIndex(ADDRESS, 3), number(entry, 2), FIELD_WORDS)) {
                fields.add(new Listed(text(field, 0), text(field, 1), number(field, 2), number(field, 3)));
            }
            structs.put(text(entry, 0), new NativeStruct(text(entry, 0), number(entry, 1), fields));
        }
        return structs;
    }

    static List<DeclaredKernel> kernels(Function<String, MemorySegment> symbols, Map<String, NativeStruct> structs)
            throws Throwable {
        List<DeclaredKernel> kernels = new ArrayList<>();
        for (MemorySegment entry : table(symbols.apply("cuda_kernels"), KERNEL_WORDS)) {
            kernels.add(DeclaredKernel.of(
                    text(entry, 0),
                    text(entry, 1),
                    text(entry, 2),
                    text(entry, 3),
                    (int) number(entry, 4),
                    (int) number(entry, 5),
                    (int) number(entry, 6),
                    structs));
        }
        return List.copyOf(kernels);
    }

    private static List<MemorySegment> table(MemorySegment function, int words) throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment count = arena.allocate(JAVA_LONG);
            MemorySegment first =
                    (MemorySegment) NativeLibrary.handle(function, FunctionDescriptor.of(ADDRESS, ADDRESS))
                            .invokeExact(count);
            return entries(first, count.get(JAVA_LONG, 0), words);
        }
    }

    private static List<MemorySegment> entries(MemorySegment first, long count, int words) {
        List<MemorySegment> entries = new ArrayList<>();
        MemorySegment all = first.reinterpret(count * words * Long.BYTES);
        for (long i = 0; i < count; i++) {
            entries.add(all.asSlice(i * words * Long.BYTES, (long) words * Long.BYTES));
        }
        return entries;
    }

    private static String text(MemorySegment entry, int word) {
        return entry.getAtIndex(ADDRESS, word).reinterpret(LONGEST_TEXT).getString(0);
    }

    private static long number(MemorySegment entry, int word) {
        return entry.getAtIndex(JAVA_LONG, word);
    }
}

package dev.palimpsest.kernel.ffi;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** Structs have the layout that the library has, by the names of palimpsest.h. */
class NativeStructTest {
    private static final Path HEADER = Path.of("../native/include/palimpsest.h");

    /** As a C compiler lays out fields of 8 bytes: in the header's order, without gaps. */
    @Test
    void fieldsLieInTheHeadersOrder() throws IOException {
        String header = Files.readString(HEADER);
        Matcher lists = Pattern.compile("#define PALIMPSEST_(\\w+)_FIELDS\\(FIELD\\)((?:.*\\\\\\n)*.*)")
                .matcher(header);
        Set<String> seen = new TreeSet<>();
        while (lists.find()) {
            String name = "palimpsest_" + lists.group(1).toLowerCase(java.util.Locale.ROOT);
            NativeStruct struct = NativeLibrary.struct(name.contains("_cuda_") ? name : name + "_args");
            Matcher fields = Pattern.compile("FIELD\\(([^,]+), (\\w+)\\)").matcher(lists.group(2));
            long offset = 0;
            while (fields.find()) {
                NativeStruct.Field field = struct.field(fields.group(2));
                assertEquals(offset, field.offset(), name + "." + field.name());
                assertEquals(fields.group(1).equals("double"), field.real(), name + "." + field.name());
                offset += fields.group(1).endsWith("word_table") ? 512 : 8;
            }
            assertEquals(offset, struct.bytes(), name);
            seen.add(name);
        }
        assertEquals(10, seen.size(), seen.toString());
    }

    @Test
    void fieldsAreWrittenWhereTheyLieAndAsWhatTheyAre() {
        NativeStruct struct = NativeLibrary.struct("palimpsest_multi_teacher_kl_args");
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment memory = struct.allocate(arena);
            struct.field("classes").set(memory, 7);
            struct.field("temperature").setDouble(memory, 2.5);
            assertEquals(7, memory.get(JAVA_LONG, 8));
            assertEquals(2.5, memory.get(JAVA_DOUBLE, 24));
            assertThrows(
                    IllegalArgumentException.class,
                    () -> struct.field("temperature").set(memory, 1));
            assertThrows(
                    IllegalArgumentException.class, () -> struct.field("rows").setDouble(memory, 1));
            assertThrows(IllegalArgumentException.class, () -> struct.field("dims"));
        }
    }

    @Test
    void aLibraryWithAnotherLayoutIsRefused() {
        NativeStruct.Listed first = new NativeStruct.Listed("a", "int64_t", 0, 8);
        NativeStruct.Listed late = new NativeStruct.Listed("b", "double", 12, 8);
        String why = assertThrows(
                        UnsupportedOperationException.class, () -> new NativeStruct("s", 20, List.of(first, late)))
                .getMessage();
        assertTrue(why.contains("its struct s has b at byte 12, expected 8"), why);
        assertThrows(UnsupportedOperationException.class, () -> new NativeStruct("s", 16, List.of(first)));
    }

    @Test
    void whatIsNotListedIsRefusedByName() {
        assertThrows(IllegalArgumentException.class, () -> NativeLibrary.struct("palimpsest_none"));
        assertThrows(
                UnsupportedOperationException.class,
                () -> DeclaredKernel.of("k", "s", "float* x, int64_t count", "rows", 32, 1, 0, java.util.Map.of()));
    }
}

package dev.palimpsest.kernel.ffi;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemoryLayout;
import java.lang.foreign.MemoryLayout.PathElement;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.StructLayout;
import java.util.ArrayList;
import java.util.List;

/**
 * A struct of palimpsest.h with named fields, laid out as the loaded library has it. Immutable.
 *
 * <p>Every field is 8 bytes wide, or an array of such: a pointer, an int64 or a float64.
 */
public final class NativeStruct {
    private final StructLayout layout;

    /** A field as the library's list has it: its C type, as in {@code const float*}, and where it lies. */
    record Listed(String name, String type, long offset, long bytes) {}

    /**
     * @param name the struct's name in C
     * @param bytes its size in the library
     * @param fields in order
     * @throws UnsupportedOperationException if fields and size do not fit each other
     */
    NativeStruct(String name, long bytes, List<Listed> fields) {
        List<MemoryLayout> members = new ArrayList<>();
        for (Listed field : fields) {
            boolean real = field.type.equals("double");
            long count = field.bytes / Long.BYTES;
            MemoryLayout one = real ? JAVA_DOUBLE : JAVA_LONG;
            members.add((count == 1 ? one : MemoryLayout.sequenceLayout(count, one)).withName(field.name));
        }
        layout = MemoryLayout.structLayout(members.toArray(MemoryLayout[]::new)).withName(name);
        for (Listed field : fields) {
            require(field.name, field.offset, layout.byteOffset(PathElement.groupElement(field.name)));
        }
        require("the end", bytes, layout.byteSize());
    }

    private void require(String what, long inLibrary, long here) {
        if (inLibrary != here) {
            throw new UnsupportedOperationException("its struct " + name() + " has " + what + " at byte " + inLibrary
                    + ", expected " + here + " (fields of 8 bytes without gaps): rebuild it");
        }
    }

    /**
     * Where a field lies, and of which kind it is.
     *
     * @param name of the field
     * @param offset in bytes from the beginning of the struct
     * @param real whether it is a float64; otherwise a pointer or an int64
     */
    public record Field(String name, long offset, boolean real) {
        /**
         * Writes an address or an int64.
         *
         * @param struct memory of the struct
         * @param value what the field becomes
         * @throws IllegalArgumentException if the field is a float64
         */
        public void set(MemorySegment struct, long value) {
            require(false);
            struct.set(JAVA_LONG, offset, value);
        }

        /**
         * Writes a float64.
         *
         * @param struct memory of the struct
         * @param value what the field becomes
         * @throws IllegalArgumentException if the field is an address or an int64
         */
        public void setDouble(MemorySegment struct, double value) {
            require(true);
            struct.set(JAVA_DOUBLE, offset, value);
        }

        /**
         * Reads an address or an int64.
         *
         * @param struct memory of the struct
         * @return the field's value
         * @throws IllegalArgumentException if the field is a float64
         */
        public long get(MemorySegment struct) {
            require(false);
            return struct.get(JAVA_LONG, offset);
        }

        private void require(boolean wanted) {
            if (real != wanted) {
                throw new IllegalArgumentException("field " + name + " is " + (real ? "a" : "no") + " float64");
            }
        }
    }

    /**
     * A field by its name in C.
     *
     * @param name of the field
     * @return its place
     * @throws IllegalArgumentException if the struct has no such field
     */
    public Field field(String name) {
        PathElement path = PathElement.groupElement(name);
        return new Field(
                name,
                layout.byteOffset(path),
                JAVA_DOUBLE.equals(layout.select(path).withoutName()));
    }

    /**
     * The struct's name in C.
     *
     * @return for example {@code palimpsest_feature_mse_args}
     */
    public String name() {
        return layout.name().orElseThrow();
    }

    /**
     * The struct's size.
     *
     * @return bytes
     */
    public long bytes() {
        return layout.byteSize();
    }

    /**
     * Memory for the struct, all zero.
     *
     * @param arena that frees it
     * @return a segment of {@link #bytes()} bytes
     */
    public MemorySegment allocate(Arena arena) {
        return arena.allocate(layout);
    }

    /**
     * Memory for an array of the struct, all zero.
     *
     * @param arena that frees it
     * @param count elements
     * @return a segment of count × {@link #bytes()} bytes
     */
    public MemorySegment allocate(Arena arena, long count) {
        return arena.allocate(layout, count);
    }

    /**
     * An element of an array of the struct.
     *
     * @param array from {@link #allocate(Arena, long)}
     * @param index of the element
     * @return its memory
     */
    public MemorySegment element(MemorySegment array, long index) {
        return array.asSlice(index * bytes(), bytes());
    }
}

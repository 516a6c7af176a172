package dev.palimpsest.kernel;

import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/** The implementations that every kernel has, slowest first. All of them give the same bits. */
public enum Implementation {
    /** Plain Java: the executable specification, and what runs where no native library loads. */
    JAVA,
    /** C++ for SSE2, which every x86-64 has. */
    BASELINE,
    /** C++ for AVX2 and FMA. */
    AVX2,
    /** C++ for AVX-512 F, BW, DQ and VL. */
    AVX512;

    /**
     * The name in {@code -Dpalimpsest.kernels=NAME}.
     *
     * @return the constant's name in lower case
     */
    @Override
    public String toString() {
        return name().toLowerCase(Locale.ROOT);
    }

    /**
     * The implementation of a name.
     *
     * @param name as in {@code -Dpalimpsest.kernels=NAME}
     * @return the implementation
     * @throws IllegalArgumentException if there is no such implementation; the message lists them
     */
    public static Implementation of(String name) {
        for (Implementation implementation : values()) {
            if (implementation.toString().equals(name)) {
                return implementation;
            }
        }
        throw new IllegalArgumentException("-Dpalimpsest.kernels=" + name + " is unknown: expected one of "
                + Arrays.stream(values()).map(Implementation::toString).collect(Collectors.joining(", ")));
    }

    /**
     * The C interface's number of the instruction set.
     *
     * @return a palimpsest_isa; -1 for plain Java
     */
    @SuppressWarnings("EnumOrdinal") // the constants stand in the order of palimpsest_isa
    public int isa() {
        return ordinal() - 1;
    }
}

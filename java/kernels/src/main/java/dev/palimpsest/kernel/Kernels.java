package dev.palimpsest.kernel;

import dev.palimpsest.kernel.ffi.NativeLibrary;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.stream.Collectors;

/**
 * Which implementation the kernels use, and why.
 *
 * <p>The best that this machine has, or the one forced by {@code -Dpalimpsest.kernels=java|baseline|avx2|avx512}. An
 * automatic choice falls back to plain Java and says why in {@link #description()}; a forced one that cannot run is an
 * error. Thread-safe.
 */
public final class Kernels {
    private Kernels() {}

    /**
     * What runs on this machine.
     *
     * @return the implementations, slowest first; always holds {@link Implementation#JAVA}
     */
    public static List<Implementation> available() {
        List<Implementation> available = new ArrayList<>(List.of(Implementation.JAVA));
        if (NativeLibrary.isLoaded()) {
            for (Implementation implementation : Implementation.values()) {
                if (implementation != Implementation.JAVA && NativeLibrary.supports(implementation.isa())) {
                    available.add(implementation);
                }
            }
        }
        return List.copyOf(available);
    }

    /**
     * What the façades use unless another is set.
     *
     * @return the best implementation of this machine, or the one that {@code -Dpalimpsest.kernels} names
     * @throws IllegalArgumentException if {@code -Dpalimpsest.kernels} names no implementation
     * @throws UnsupportedOperationException if it names one that cannot run here; the message says why
     */
    public static Implementation chosen() {
        String forced = System.getProperty("palimpsest.kernels");
        if (forced == null) {
            return available().getLast();
        }
        return require(Implementation.of(forced));
    }

    /**
     * One line for people: what was chosen, from what, and where the library came from or why there is none.
     *
     * @return for example {@code avx2 (best of java, baseline, avx2; /tmp/…/libpalimpsest.so, built by g++ 12.2.0)}
     */
    public static String description() {
        String from = System.getProperty("palimpsest.kernels") == null
                ? "best of "
                : "forced by -Dpalimpsest.kernels; this machine has ";
        if (chosen() == Implementation.JAVA && System.getProperty("palimpsest.kernels") != null) {
            return "java (forced by -Dpalimpsest.kernels; the native library is not looked at)";
        }
        String names = available().stream().map(Implementation::toString).collect(Collectors.joining(", "));
        return chosen() + " (" + from + names + "; " + NativeLibrary.description() + ")";
    }

    /** @throws UnsupportedOperationException if it cannot run here; the message says why */
    static Implementation require(Implementation implementation) {
        // Plain Java loads nothing native.
        return implementation == Implementation.JAVA ? implementation : require(implementation, available());
    }

    static Implementation require(Implementation implementation, List<Implementation> available) {
        if (!available.contains(implementation)) {
            String why = NativeLibrary.isLoaded()
                    ? "this processor lacks the instructions; it has " + available
                    : NativeLibrary.description();
            throw new UnsupportedOperationException("the " + implementation + " kernels cannot run here: " + why);
        }
        return implementation;
    }

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
}

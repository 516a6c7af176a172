package dev.palimpsest.cuda;

import static org.junit.jupiter.api.Assumptions.assumeFalse;

import java.util.Optional;

/**
 * Where tests of group "device" run: on the driver double, or, with {@code -Drequire.device=cuda}, on the machine's
 * GPU.
 */
public final class TestDevice {
    private static final boolean REAL = "cuda".equals(System.getProperty("require.device"));

    private TestDevice() {}

    public static CudaOptions options() {
        return REAL ? CudaOptions.ofSystem() : new CudaOptions(Optional.of(DriverDouble.FOLDER), Long.MAX_VALUE);
    }

    /** A fresh device. The absence of a GPU that was asked for is an error, never a test that does not run. */
    public static CudaDevice open() {
        return open(Long.MAX_VALUE);
    }

    public static CudaDevice open(long memoryLimit) {
        if (!REAL) {
            DriverDouble.reset();
        }
        return CudaDevice.open(0, options().withMemoryLimit(memoryLimit));
    }

    /** For what only the double can do: fail at will, count, change its machine. */
    public static void requireDouble() {
        assumeFalse(REAL, "not run: only the driver double fails at will");
        DriverDouble.reset();
    }

    /**
     * From now on streams work in an order drawn from the seed, as far as their waits allow; a GPU has its own order.
     */
    public static void order(long seed) {
        if (!REAL) {
            DriverDouble.set(DriverDouble.Setting.SEED, seed);
        }
    }

    /** How often the host has waited, as far as that can be known. */
    public static long waits() {
        return REAL ? 0 : DriverDouble.count("synchronisations");
    }

    /** To be called when everything was closed. */
    public static void assertNothingIsLeft() {
        if (!REAL) {
            DriverDouble.assertNothingLeaked();
        }
    }
}

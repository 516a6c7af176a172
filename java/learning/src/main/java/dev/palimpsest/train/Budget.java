package dev.palimpsest.train;

import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Limits on time and memory, looked at after every step; the first one that is passed ends training for good. Time of a
 * run that was cut short counts up to the checkpoint that it goes on from.
 */
final class Budget {
    private static final Path STATUS = Path.of("/proc/self/status");
    /** Reading the process's memory takes some 50 µs. */
    private static final long MEMORY_INTERVAL_NANOS = 200_000_000L;

    /** In a checkpoint's metadata. */
    private static final String SECONDS = "budget.seconds";

    private static final String PASSED = "budget.passed";

    private final BudgetOptions options;
    private final long opened = System.nanoTime();
    /** When the run would have begun, had it not been cut short. */
    private long began = opened;

    private long memoryLooked = opened - MEMORY_INTERVAL_NANOS;
    /** Why training has to end; null while it need not. */
    private @Nullable String passed;

    Budget(BudgetOptions options) {
        this.options = options;
    }

    /** Why training has to end, if it has to. */
    Optional<String> passed() {
        return Optional.ofNullable(passed);
    }

    /**
     * Looks at the clock and at memory.
     *
     * @return whether training has to end
     */
    boolean check() {
        long now = System.nanoTime();
        double minutes = (now - began) / 60e9;
        if (passed == null && options.maxMinutes() > 0 && minutes > options.maxMinutes()) {
            passed = String.format(Locale.ROOT, "the time of max-minutes = %s is used up", plain(options.maxMinutes()));
        }
        if (passed == null && options.maxMemory() > 0 && now - memoryLooked >= MEMORY_INTERVAL_NANOS) {
            memoryLooked = now;
            long megabytes = peakMegabytes();
            if (megabytes > options.maxMemory()) {
                passed = String.format(
                        Locale.ROOT,
                        "%,d MB of memory were in use, more than max-memory = %d",
                        megabytes,
                        options.maxMemory());
            }
        }
        return passed != null;
    }

    /** Adds the time used so far, where it counts, and whether training has to end. */
    void save(SafetensorsWriter to) {
        if (options.maxMinutes() > 0) {
            to.metadata(SECONDS, Double.toString((System.nanoTime() - began) * 1e-9));
        }
        if (passed != null) {
            to.metadata(PASSED, passed);
        }
    }

    /** Takes over what {@link #save} added. */
    void resume(Safetensors from) {
        String seconds = from.metadata().get(SECONDS);
        if (seconds != null) {
            began = opened - (long) (Double.parseDouble(seconds) * 1e9);
        }
        passed = from.metadata().get(PASSED);
    }

    private static String plain(double minutes) {
        return minutes == Math.rint(minutes) ? Long.toString((long) minutes) : Double.toString(minutes);
    }

    /** The most main memory that this process ever had, in 10⁶ bytes. */
    private static long peakMegabytes() {
        try {
            for (String line : Files.readAllLines(STATUS)) {
                if (line.startsWith("VmHWM:")) {
                    return Long.parseLong(line.replaceAll("\\D", "")) * 1024 / 1_000_000;
                }
            }
        } catch (IOException e) {
            throw new TrainingException(
                    "max-memory cannot be watched here, " + STATUS + " is not to be read: leave the option out");
        }
        throw new TrainingException(
                "max-memory cannot be watched here, " + STATUS + " names no VmHWM: leave the option out");
    }
}

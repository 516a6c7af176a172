package dev.palimpsest.cli;

import dev.palimpsest.cuda.DriverDouble;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** {@code palimpsest doctor} about the GPU alone, on a driver double that refuses kernel images. */
public final class RefusingDriverMain {
    private RefusingDriverMain() {}

    /** @param arguments the status, and how often cuModuleLoadData returns it */
    public static void main(String[] arguments) {
        long times = Long.parseLong(arguments[1]);
        if (times > 0) {
            DriverDouble.fail("cuModuleLoadData", 1, times, Integer.parseInt(arguments[0]), false);
        }
        Palimpsest.commandLine(null, null, List.of(() -> Doctor.engines(1)))
                .setOut(new PrintWriter(System.out, true, StandardCharsets.UTF_8))
                .execute("doctor");
    }
}

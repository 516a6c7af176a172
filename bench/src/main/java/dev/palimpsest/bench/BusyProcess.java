package dev.palimpsest.bench;

import java.io.IOException;
import java.util.List;

/** A process that computes on one core until it is closed, or the one that started it has ended. */
final class BusyProcess implements AutoCloseable {
    private final Process process;

    private BusyProcess(Process process) {
        this.process = process;
    }

    static BusyProcess start() throws IOException {
        String java = ProcessHandle.current().info().command().orElse("java");
        // Compiling is other threads' work, and so would be collecting.
        List<String> command = List.of(
                java,
                "-XX:+UseSerialGC",
                "-XX:TieredStopAtLevel=1",
                "-cp",
                System.getProperty("java.class.path"),
                BusyProcess.class.getName());
        return new BusyProcess(new ProcessBuilder(command).inheritIO().start());
    }

    public static void main(String[] args) {
        ProcessHandle parent = ProcessHandle.current().parent().orElseThrow();
        double value = 0;
        while (parent.isAlive()) {
            for (int i = 0; i < 100_000_000; i++) {
                value = Math.sqrt(value + i);
            }
        }
        // Printed, so that nothing is optimised away.
        System.out.println("The benchmarks ended without a word; the busy process had reached " + value);
    }

    @Override
    public void close() {
        process.destroy();
    }
}

package dev.palimpsest.cli;

import dev.palimpsest.recipe.Runs;
import dev.palimpsest.train.Progress;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * The command line in a process that ends itself with SIGTERM at the second step of a phase, and goes on once it knows.
 * Property {@code at}: experience and name of the phase; {@code stuck}: it never comes to another step.
 */
final class InterruptedMain {
    static final String KNOWS = "The process knows.";

    private InterruptedMain() {}

    public static void main(String[] args) {
        String at = System.getProperty("at");
        Runner runner = (recipe, progress) -> Runs.run(recipe, Progress.all(progress, new Progress() {
            private int made;

            @Override
            public void step(Step step) {
                if (at.equals(step.experience() + step.phase()) && ++made == 2) {
                    terminate();
                }
            }
        }));
        System.exit(Palimpsest.commandLine(runner, Palimpsest.display(), List.of())
                .setOut(new PrintWriter(System.out, true, StandardCharsets.UTF_8))
                .execute(args));
    }

    private static void terminate() {
        try {
            new ProcessBuilder(
                            "kill",
                            "-TERM",
                            Long.toString(ProcessHandle.current().pid()))
                    .start()
                    .waitFor();
            while (Thread.getAllStackTraces().keySet().stream()
                    .noneMatch(thread -> thread.getName().equals("palimpsest-interruption")
                            && thread.getState() == Thread.State.TIMED_WAITING)) {
                Thread.sleep(5);
            }
            System.out.println(KNOWS);
            if (Boolean.getBoolean("stuck")) {
                Thread.sleep(Long.MAX_VALUE);
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }
}

package dev.palimpsest.cli;

import dev.palimpsest.train.Progress;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The command line with a run that makes steps until the process is ended. */
final class InterruptedMain {
    private InterruptedMain() {}

    public static void main(String[] args) {
        Runner endless = (recipe, progress) -> {
            for (int step = 0; ; step++) {
                progress.step(new Progress.Step(
                        0, "train", 0, step, 1.5, new LinkedHashMap<>(Map.of("cross-entropy", 1.5)), 0.1, 10));
            }
        };
        System.exit(Palimpsest.commandLine(endless, Palimpsest.display(), List.of())
                .setOut(new PrintWriter(System.out, true, StandardCharsets.UTF_8))
                .execute(args));
    }
}

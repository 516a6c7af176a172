package dev.palimpsest.cli;

import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;

/** The command line's entry point. */
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        Runner runner =
                (recipe, progress) -> recipe.experiment().listen(progress).run();
        System.exit(Palimpsest.commandLine(runner, Palimpsest.display(), Doctor.examinations())
                .setOut(new PrintWriter(System.out, true, StandardCharsets.UTF_8))
                .setErr(new PrintWriter(System.err, true, StandardCharsets.UTF_8))
                .execute(args));
    }
}

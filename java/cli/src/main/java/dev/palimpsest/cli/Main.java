package dev.palimpsest.cli;

import java.io.PrintStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.ExitCode;

/** The command line's entry point. */
public final class Main {
    private Main() {}

    public static void main(String[] args) {
        StandardOutput standard = new StandardOutput();
        System.setOut(new PrintStream(standard, true, StandardCharsets.UTF_8));
        Runner runner =
                (recipe, progress) -> recipe.experiment().listen(progress).run();
        int status = Palimpsest.commandLine(
                        runner,
                        Palimpsest.display(),
                        // Made when they are asked for: naming them looks through the machine and all data sets.
                        List.of(() -> Doctor.examine(Doctor.examinations())),
                        args.length == 0 ? "" : args[0])
                .setOut(new PrintWriter(System.out, true, StandardCharsets.UTF_8))
                .setErr(new PrintWriter(System.err, true, StandardCharsets.UTF_8))
                .execute(args);
        Optional<String> missing = standard.missing();
        missing.ifPresent(System.err::println);
        System.exit(missing.isPresent() && status == ExitCode.OK ? ExitCode.SOFTWARE : status);
    }
}

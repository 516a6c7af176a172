package dev.palimpsest.cli;

import dev.palimpsest.internal.Nearest;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CancellationException;
import picocli.CommandLine;
import picocli.CommandLine.ExitCode;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/** Errors as one sentence; a stack trace only for our own mistakes. */
final class Sentences {
    private Sentences() {}

    /** For a command line that cannot be understood. */
    static int usage(ParameterException e, String[] args) {
        CommandLine command = e.getCommandLine();
        PrintWriter err = command.getErr();
        err.println(sentence(e));
        err.println("Try: " + command.getCommandSpec().qualifiedName() + " --help");
        err.flush();
        return ExitCode.USAGE;
    }

    private static String sentence(ParameterException e) {
        CommandLine command = e.getCommandLine();
        return switch (e) {
            case UnmatchedArgumentException unmatched -> {
                String word = unmatched.getUnmatched().getFirst().replaceFirst("=.*", "");
                boolean flag = word.startsWith("-");
                boolean top = command.getSubcommands().isEmpty();
                Set<String> known = flag
                        ? command.getCommandSpec().optionsMap().keySet()
                        : command.getSubcommands().keySet();
                String what =
                        flag ? " is not an option of " : top ? " is one word too many for " : " is not a command of ";
                yield word + what + command.getCommandSpec().qualifiedName() + Nearest.suggestion(word, known);
            }
            case MissingParameterException missing
            when !missing.getMissing().isEmpty() -> {
                ArgSpec argument = missing.getMissing().getFirst();
                yield argument instanceof OptionSpec option
                        ? option.longestName() + " needs a value: " + option.paramLabel()
                        : command.getCommandSpec().qualifiedName() + " needs " + argument.paramLabel();
            }
            default ->
                command.getParent() == null && e.getArgSpec() == null
                        ? "palimpsest needs a command: "
                                + String.join(", ", command.getSubcommands().keySet())
                        : String.valueOf(e.getMessage())
                                .replaceFirst(" is not an (int|long)$", " is not a whole number, or too large")
                                .replaceFirst(" is not a double$", " is not a number");
        };
    }

    /** For a run that cannot go on. */
    static int failure(Exception e, CommandLine command) {
        if (e instanceof CancellationException) {
            return ExitCode.SOFTWARE; // the process is ending, and what is left was printed
        }
        print(e, command.getErr());
        return ExitCode.SOFTWARE;
    }

    /**
     * Runs a command; an error that is none of a mistake, as memory that is used up, becomes a sentence, too.
     *
     * @return the command's exit code
     */
    static int run(CommandLine.ParseResult parsed) {
        try {
            requireValues(parsed);
            return new CommandLine.RunLast().execute(parsed);
        } catch (Error e) {
            print(e, parsed.commandSpec().commandLine().getErr());
            return ExitCode.SOFTWARE;
        }
    }

    /** An empty word is no path, though Java takes it for the current folder, and none of a list between commas. */
    private static void requireValues(CommandLine.ParseResult parsed) {
        CommandLine command = parsed.commandSpec().commandLine();
        for (ArgSpec argument : parsed.matchedArgs()) {
            for (String value : argument.originalStringValues()) {
                boolean path = argument.type() == Path.class || argument.auxiliaryTypes()[0] == Path.class;
                boolean list = argument.splitRegex().equals(",");
                if ((path && value.isEmpty())
                        || (list && List.of(value.split(",", -1)).contains(""))) {
                    String name = argument instanceof OptionSpec option ? option.longestName() : argument.paramLabel();
                    throw new ParameterException(
                            command,
                            name + " \"" + value + "\": expected "
                                    + (list ? "one or more, with commas between them" : "a path"));
                }
            }
        }
        if (parsed.hasSubcommand()) {
            requireValues(parsed.subcommand());
        }
    }

    /** What went wrong, in one sentence; empty where that is a mistake of ours. */
    static Optional<String> text(Throwable e) {
        boolean ours = e instanceof NullPointerException
                || e instanceof IndexOutOfBoundsException
                || e instanceof ClassCastException
                || (e instanceof Error && !(e instanceof VirtualMachineError));
        return OutOfMemory.cause(e)
                .map(OutOfMemory::sentence)
                .or(() -> ours ? Optional.empty() : Optional.ofNullable(e.getMessage()));
    }

    static void print(Throwable e, PrintWriter err) {
        text(e).ifPresentOrElse(err::println, () -> {
            err.println("Palimpsest made a mistake here; please report it with these lines:");
            e.printStackTrace(err);
        });
        err.flush();
    }
}

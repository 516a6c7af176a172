package dev.palimpsest.cli;

import dev.palimpsest.internal.Nearest;
import java.io.PrintWriter;
import java.util.Set;
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
                        : String.valueOf(e.getMessage());
        };
    }

    /** For a run that cannot go on. */
    static int failure(Exception e, CommandLine command) {
        print(e, command.getErr());
        return ExitCode.SOFTWARE;
    }

    static void print(Throwable e, PrintWriter err) {
        boolean ours = e instanceof NullPointerException
                || e instanceof IndexOutOfBoundsException
                || e instanceof ClassCastException
                || (e instanceof Error && !(e instanceof VirtualMachineError));
        if (ours || e.getMessage() == null) {
            err.println("Palimpsest made a mistake here; please report it with these lines:");
            e.printStackTrace(err);
        } else {
            err.println(e.getMessage());
        }
        err.flush();
    }
}

package dev.palimpsest.cli;

import java.io.PrintWriter;
import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

@Command(
        name = CompletionCommand.NAME,
        description =
                "Prints a script by which bash and zsh complete commands, options, recipes, suites and file names.",
        footerHeading = "%nExamples%n",
        footer = {
            "  source <(palimpsest completion)                          in this shell, or in .bashrc or .zshrc",
            "  palimpsest completion > ~/.local/share/bash-completion/completions/palimpsest"
        })
final class CompletionCommand implements Callable<Integer> {
    static final String NAME = "completion";

    @Spec
    private CommandSpec command;

    @Override
    public Integer call() {
        CommandLine palimpsest = command.commandLine().getParent();
        PrintWriter out = command.commandLine().getOut();
        out.print(AutoComplete.bash(palimpsest.getCommandName(), palimpsest));
        out.flush();
        return 0;
    }
}

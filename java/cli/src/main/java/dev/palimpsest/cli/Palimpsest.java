package dev.palimpsest.cli;

import dev.palimpsest.report.Build;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Model.OptionSpec;

@Command(
        name = "palimpsest",
        subcommands = HelpCommand.class,
        versionProvider = Palimpsest.Version.class,
        customSynopsis = "palimpsest COMMAND [OPTION]…%n",
        description = {
            "Continual learning by knowledge distillation: a network learns classes group by group, taught by every"
                    + " earlier snapshot of itself.",
            ""
        },
        commandListHeading = "%nCommands%n",
        footer = {
            "",
            "Start with: palimpsest train m2kd-digits",
            "",
            "Exit codes: 0 done; 1 a run failed, the message gives the reason; 2 the command line was not understood;"
                    + " 130, 143 ended by Ctrl-C or SIGTERM: train and suite first keep the state of their runs, for"
                    + " which they take up to "
                    + Interruption.PATIENCE_SECONDS + " s; a second Ctrl-C ends them at once."
        })
final class Palimpsest {
    private static final int WIDTH = 110;

    private Palimpsest() {}

    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            return new String[] {"palimpsest " + Build.version()};
        }
    }

    /** The whole command line, with what it does outside itself handed in. */
    static CommandLine commandLine(Runner runner, Display display, List<Supplier<List<Doctor.Finding>>> examinations) {
        RecipeFlags trainFlags = new RecipeFlags();
        CommandSpec train = CommandSpec.forAnnotatedObject(new TrainCommand(trainFlags, runner, display));
        trainFlags.addTo(train);
        RecipeFlags suiteFlags = new RecipeFlags();
        CommandSpec suite = CommandSpec.forAnnotatedObject(new SuiteCommand(suiteFlags, runner, display));
        suiteFlags.addTo(suite);
        CommandLine palimpsest = new CommandLine(new Palimpsest());
        palimpsest
                .getCommandSpec()
                .addOption(OptionSpec.builder("-V", "--version")
                        .versionHelp(true)
                        .description("Prints the version and exits.")
                        .build());
        palimpsest
                .addSubcommand(train)
                .addSubcommand(suite)
                .addSubcommand(new EvalCommand())
                .addSubcommand(new VerifyCommand(runner, display))
                .addSubcommand(new PredictCommand())
                .addSubcommand(new ExportCommand())
                .addSubcommand(new ReportCommand())
                .addSubcommand(new DataCommand())
                .addSubcommand(new DoctorCommand(examinations));
        ModelCommands.all(display).forEach(palimpsest::addSubcommand);
        palimpsest.addSubcommand(new ServeCommand()).addSubcommand(new CompletionCommand());
        help(palimpsest.getCommandSpec());
        return palimpsest
                .setUsageHelpWidth(WIDTH)
                .setUsageHelpLongOptionsMaxWidth(WIDTH / 3)
                .setAbbreviatedOptionsAllowed(false)
                .setExecutionStrategy(Sentences::run)
                .setParameterExceptionHandler(Sentences::usage)
                .setExecutionExceptionHandler((e, command, parsed) -> Sentences.failure(e, command));
    }

    private static void help(CommandSpec command) {
        command.subcommands().values().forEach(below -> help(below.getCommandSpec()));
        if (!command.optionsMap().containsKey("--help")) {
            command.addOption(OptionSpec.builder("-h", "--help")
                    .usageHelp(true)
                    .order(0)
                    .description("Shows this help and exits.")
                    .build());
        }
    }

    /** A bar on a terminal, else plain lines. */
    @SuppressWarnings("SystemConsoleNull") // it is null again from JDK 25 on where there is no terminal
    static Display display() {
        PrintWriter out = new PrintWriter(System.out, true, StandardCharsets.UTF_8);
        boolean terminal = System.console() != null && System.console().isTerminal();
        return (name, alone) -> terminal && alone
                ? new Bar(name, out)
                : new Lines(name, Duration.ofSeconds(alone ? 5 : 60), out, System::nanoTime);
    }
}

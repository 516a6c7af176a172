package dev.palimpsest.cli;

import dev.palimpsest.report.Build;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.function.Function;
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
        return commandLine(runner, display, examinations, "");
    }

    /**
     * The command line for what begins with a word. Where that is a command which needs none of the others, they are
     * left out: describing their options takes a fifth of a second.
     */
    static CommandLine commandLine(
            Runner runner, Display display, List<Supplier<List<Doctor.Finding>>> examinations, String first) {
        SequencedMap<String, Supplier<Object>> commands = commands(runner, display, examinations);
        CommandLine palimpsest = new CommandLine(new Palimpsest());
        palimpsest
                .getCommandSpec()
                .addOption(OptionSpec.builder("-V", "--version")
                        .versionHelp(true)
                        .description("Prints the version and exits.")
                        .build());
        boolean alone = commands.containsKey(first) && !first.equals(CompletionCommand.NAME);
        (alone ? List.of(commands.get(first)) : commands.values())
                .forEach(command -> palimpsest.addSubcommand(command.get()));
        help(palimpsest.getCommandSpec());
        return palimpsest
                .setUsageHelpWidth(WIDTH)
                .setUsageHelpLongOptionsMaxWidth(WIDTH / 3)
                .setAbbreviatedOptionsAllowed(false)
                .setExpandAtFiles(false) // a picture may be called @cat.jpg
                .setExecutionStrategy(Sentences::run)
                .setParameterExceptionHandler(Sentences::usage)
                .setExecutionExceptionHandler((e, command, parsed) -> Sentences.failure(e, command));
    }

    /** In the order of the help text. */
    private static SequencedMap<String, Supplier<Object>> commands(
            Runner runner, Display display, List<Supplier<List<Doctor.Finding>>> examinations) {
        SequencedMap<String, Supplier<Object>> commands = new LinkedHashMap<>();
        commands.put("train", () -> withFlags(flags -> new TrainCommand(flags, runner, display)));
        commands.put("suite", () -> withFlags(flags -> new SuiteCommand(flags, runner, display)));
        commands.put("eval", EvalCommand::new);
        commands.put("verify", () -> new VerifyCommand(runner, display));
        commands.put("predict", PredictCommand::new);
        commands.put("export", ExportCommand::new);
        commands.put("report", ReportCommand::new);
        commands.put("data", DataCommand::new);
        commands.put("doctor", () -> new DoctorCommand(examinations));
        commands.putAll(ModelCommands.all(display));
        commands.put("serve", ServeCommand::new);
        commands.put(CompletionCommand.NAME, CompletionCommand::new);
        return commands;
    }

    private static CommandSpec withFlags(Function<RecipeFlags, Object> command) {
        RecipeFlags flags = new RecipeFlags();
        CommandSpec spec = CommandSpec.forAnnotatedObject(command.apply(flags));
        flags.addTo(spec);
        return spec;
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

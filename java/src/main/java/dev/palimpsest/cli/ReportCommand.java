package dev.palimpsest.cli;

import dev.palimpsest.report.Comparison;
import dev.palimpsest.report.Report;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(name = "report", description = "Compares runs: prints the table and writes one self-contained page. Runs that differ in class "
        + "order or seed alone become one row, mean ± standard deviation.")
final class ReportCommand implements Callable<Integer> {
    @Parameters(paramLabel = "RUN", arity = "1..*", description = "Run folders; runs in folders below them count too.")
    private List<Path> runs;

    @Option(names = "--out", paramLabel = "FILE", description = "The page [report.html in the first run folder].")
    private Path out;

    @Spec
    private CommandSpec command;

    @Override
    public Integer call() throws IOException {
        PrintWriter lines = command.commandLine().getOut();
        Path page = out == null ? runs.getFirst().resolve(Report.FILE) : out;
        lines.println(Comparison.of(runs));
        Report.write(runs, page).forEach(lines::println);
        lines.println("Report: " + page);
        lines.flush();
        return 0;
    }
}

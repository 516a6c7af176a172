package dev.palimpsest.cli;

import dev.palimpsest.report.Comparison;
import dev.palimpsest.report.Report;
import dev.palimpsest.report.Summary;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

@Command(
        name = "report",
        description =
                "Compares runs: prints the table and writes one self-contained page. Runs that differ in class order"
                        + " or seed alone become one row, mean ± standard deviation; what else differs between rows is"
                        + " listed.")
final class ReportCommand implements Callable<Integer> {
    @Parameters(paramLabel = "RUN", arity = "1..*", description = "Run folders; runs in folders below them count too.")
    private List<Path> runs;

    @Option(
            names = "--reference",
            paramLabel = "ROW",
            description = "Label of the row whose differences from the others are shown, "
                    + "taken on the same class orders [the suite's own, else the first].")
    private String reference;

    @Option(
            names = "--out",
            paramLabel = "FILE",
            description =
                    "The page [report.html in the run folder; of several folders, a new comparison.html beside the"
                            + " first].")
    private Path out;

    @Spec
    private CommandSpec command;

    @Override
    public Integer call() throws IOException {
        PrintWriter lines = command.commandLine().getOut();
        Path page = out == null ? Report.place(runs) : out;
        OutputFile.require(page);
        Comparison comparison;
        try {
            comparison = Comparison.of(runs, Optional.ofNullable(reference));
        } catch (IllegalArgumentException e) {
            throw new ParameterException(command.commandLine(), e.getMessage(), e);
        }
        lines.println(Summary.text(comparison));
        Report.write(comparison, page).forEach(lines::println);
        lines.println("Report: " + page);
        lines.flush();
        return 0;
    }
}

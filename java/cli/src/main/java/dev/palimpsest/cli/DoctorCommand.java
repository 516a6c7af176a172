package dev.palimpsest.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

@Command(name = "doctor", description = "Reports what this machine offers to a run, and why something is not there.")
final class DoctorCommand implements Callable<Integer> {
    private final List<Supplier<List<Doctor.Finding>>> examinations;

    @Spec
    private CommandSpec command;

    DoctorCommand(List<Supplier<List<Doctor.Finding>>> examinations) {
        this.examinations = examinations;
    }

    @Override
    public Integer call() {
        List<Doctor.Finding> findings = Doctor.examine(examinations);
        int width = findings.stream()
                .mapToInt(finding -> finding.subject().length())
                .max()
                .orElse(0);
        PrintWriter lines = command.commandLine().getOut();
        for (Doctor.Finding finding : findings) {
            String pad = " ".repeat(width - finding.subject().length());
            lines.println((finding.good() ? "+ " : "- ") + finding.subject() + pad + "  " + finding.text());
        }
        lines.flush();
        return 0;
    }
}

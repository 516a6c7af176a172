package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;

class DoctorTest {
    @Test
    void everyExaminationIsALineAndABrokenOneDoesNotEndTheVisit() {
        StringWriter out = new StringWriter();
        int code = Palimpsest.commandLine(null, null, List.of(() -> new Doctor.Finding("One", true, "is there"), () -> {
            throw new UnsatisfiedLinkError("libdnnl.so.3 is missing");
        }, () -> new Doctor.Finding("Another", false, "is not"))).setOut(new PrintWriter(out, true)).execute("doctor");
        assertEquals(0, code);
        assertEquals("""
                + One      is there
                - Trouble  libdnnl.so.3 is missing
                - Another  is not
                """, out.toString().replace(System.lineSeparator(), "\n"));
    }

    @Test
    void theLibrarysOwnFindingsNameWhatARunNeeds() {
        List<Doctor.Finding> findings = Doctor.examine(Doctor.examinations());
        List<String> subjects = findings.stream().map(Doctor.Finding::subject).toList();
        assertTrue(subjects.containsAll(List.of("Java", "Processor", "Instructions", "Kernels", "Layers", "GPU", "Data digits",
                "Data fashion-mnist")), subjects.toString());
        assertTrue(subjects.stream().noneMatch("Trouble"::equals), findings.toString());
        assertTrue(findings.stream().filter(finding -> finding.subject().equals("Data digits")).allMatch(Doctor.Finding::good));
        assertTrue(findings.stream().filter(finding -> finding.subject().equals("GPU")).noneMatch(Doctor.Finding::good));
    }
}

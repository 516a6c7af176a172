package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cuda.Cuda;
import dev.palimpsest.cuda.CudaOptions;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import org.junit.jupiter.api.Test;

class DoctorTest {
    @Test
    void everyExaminationIsALineAndABrokenOneDoesNotEndTheVisit() {
        StringWriter out = new StringWriter();
        int code = Palimpsest.commandLine(
                        null,
                        null,
                        List.of(
                                () -> List.of(new Doctor.Finding("One", true, "is there")),
                                () -> {
                                    throw new UnsatisfiedLinkError("libdnnl.so.3 is missing");
                                },
                                () -> List.of(new Doctor.Finding("Another", false, "is not"))))
                .setOut(new PrintWriter(out, true))
                .execute("doctor");
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
        assertTrue(
                subjects.containsAll(List.of(
                        "Java",
                        "Processor",
                        "Instructions",
                        "Kernels",
                        "Layers",
                        "GPU",
                        "Data digits",
                        "Data fashion-mnist")),
                subjects.toString());
        assertTrue(subjects.stream().noneMatch("Trouble"::equals), findings.toString());
        assertTrue(findings.stream()
                .filter(finding -> finding.subject().equals("Data digits"))
                .allMatch(Doctor.Finding::good));
        Cuda.Probe probe = Cuda.probe(CudaOptions.ofSystem());
        Doctor.Finding gpu = findings.stream()
                .filter(finding -> finding.subject().equals("GPU"))
                .findFirst()
                .orElseThrow();
        assertEquals(probe.hasDevice(), gpu.good(), gpu.text());
        probe.trouble().ifPresent(why -> assertEquals(why + "; the CPU is used", gpu.text()));
    }
}

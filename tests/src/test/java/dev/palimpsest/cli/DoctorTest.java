package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertDoesNotThrow;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.cuda.Cuda;
import dev.palimpsest.cuda.CudaOptions;
import dev.palimpsest.report.Machine;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.List;
import java.util.Optional;
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
    void aJavaThatMayCorruptArraysIsNamed() {
        List<String> g1 = List.of("G1 Young Generation", "G1 Old Generation");
        for (String version : List.of("25", "25.0.1+8", "25.0.2+10-LTS")) {
            Optional<String> warning = PinnedArrays.warning(Runtime.Version.parse(version), g1);
            assertTrue(warning.orElseThrow().contains("JDK-8377811"), version);
            assertEquals(
                    Optional.empty(),
                    PinnedArrays.warning(Runtime.Version.parse(version), List.of("PS Scavenge", "PS MarkSweep")));
        }
        for (String version : List.of("25.0.3+9-LTS", "25.0.10", "26", "24.0.2")) {
            assertEquals(Optional.empty(), PinnedArrays.warning(Runtime.Version.parse(version), g1), version);
        }
        Machine here = Machine.here();
        Machine machine =
                new Machine(here.cpu(), here.isa(), 1, here.os(), "OpenJDK 25.0.1", g1, List.of(), here.environment());
        Doctor.Finding finding = Doctor.java(machine, Runtime.Version.parse("25.0.1"));
        assertTrue(!finding.good() && finding.text().startsWith("OpenJDK 25.0.1; it may corrupt"), finding.text());
        assertTrue(Doctor.java(machine, Runtime.Version.parse("25.0.3")).good());
    }

    @Test
    void arraysThatAreCorruptedOnTheWayAreNoticed() {
        assertDoesNotThrow(() -> PinnedArrays.require());
        assertTrue(PinnedArrays.isSound(bytes -> bytes));
        assertFalse(PinnedArrays.isSound(bytes -> {
            bytes[bytes.length / 3] ^= 4;
            return bytes;
        }));
        assertFalse(PinnedArrays.isSound(bytes -> new byte[bytes.length]));
        String sentence = assertThrows(IOException.class, () -> PinnedArrays.require(false))
                .getMessage();
        assertTrue(sentence.contains("JAVA_OPTS=-XX:+UseParallelGC"), sentence);
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

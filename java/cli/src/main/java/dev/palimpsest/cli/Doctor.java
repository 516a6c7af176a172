package dev.palimpsest.cli;

import dev.palimpsest.data.DataException;
import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Source;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.kernel.Kernels;
import dev.palimpsest.kernel.Kernels.Implementation;
import dev.palimpsest.report.Build;
import dev.palimpsest.report.Machine;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/** Looks at everything a run depends on. */
final class Doctor {
    /**
     * What was found.
     *
     * @param good whether a run can use it
     */
    record Finding(String subject, boolean good, String text) {}

    private Doctor() {}

    /** The library's own examinations. */
    static List<Supplier<List<Finding>>> examinations() {
        Machine machine = Machine.here();
        List<Supplier<List<Finding>>> all = new ArrayList<>(List.of(
                () -> List.of(
                        new Finding("Palimpsest", true, Build.version()),
                        java(machine, Runtime.version()),
                        new Finding("System", true, machine.os()),
                        new Finding("Processor", true, machine.cpu() + ", " + machine.cores() + " cores"),
                        new Finding(
                                "Instructions",
                                true,
                                machine.isa().isEmpty() ? "unknown" : String.join(" ", machine.isa()))),
                () -> List.of(new Finding("Kernels", Kernels.chosen() != Implementation.JAVA, Kernels.description())),
                () -> engines(machine.cores())));
        Source.all().stream()
                .filter(source -> !source.needsFolder())
                .forEach(source -> all.add(() -> List.of(dataset(source.name()))));
        return all;
    }

    static Finding java(Machine machine, Runtime.Version version) {
        Optional<String> warning = PinnedArrays.warning(version, machine.collector());
        return new Finding(
                "Java",
                warning.isEmpty(),
                machine.java() + warning.map(what -> "; it " + what).orElse(""));
    }

    /** What each installed kind of engine reports about itself. */
    static List<Finding> engines(int threads) {
        return Engines.diagnose(threads).stream()
                .map(found -> new Finding(found.subject(), found.usable(), found.text()))
                .toList();
    }

    private static Finding dataset(String name) {
        try {
            Dataset dataset = Dataset.load(name, Optional.empty());
            return new Finding(
                    "Data " + name,
                    true,
                    String.format(
                            "%,d training and %,d test images",
                            dataset.train().size(), dataset.test().size()));
        } catch (DataException e) {
            return new Finding("Data " + name, false, String.valueOf(e.getMessage()));
        }
    }

    /** An examination that breaks is a finding, too. */
    static List<Finding> examine(List<Supplier<List<Finding>>> examinations) {
        List<Finding> findings = new ArrayList<>();
        for (Supplier<List<Finding>> examination : examinations) {
            try {
                findings.addAll(examination.get());
            } catch (RuntimeException | LinkageError e) {
                findings.add(new Finding("Trouble", false, e.getMessage() == null ? e.toString() : e.getMessage()));
            }
        }
        return findings;
    }
}

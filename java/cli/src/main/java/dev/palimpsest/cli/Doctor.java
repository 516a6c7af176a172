package dev.palimpsest.cli;

import dev.palimpsest.cuda.CudaOptions;
import dev.palimpsest.data.DataException;
import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Source;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.kernel.Implementation;
import dev.palimpsest.kernel.Kernels;
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
    static List<Supplier<Finding>> examinations() {
        Machine machine = Machine.here();
        List<Supplier<Finding>> all = new ArrayList<>(List.of(
                () -> new Finding("Palimpsest", true, Build.version()),
                () -> new Finding("Java", true, machine.java()),
                () -> new Finding("System", true, machine.os()),
                () -> new Finding("Processor", true, machine.cpu() + ", " + machine.cores() + " cores"),
                () -> new Finding(
                        "Instructions", true, machine.isa().isEmpty() ? "unknown" : String.join(" ", machine.isa())),
                () -> new Finding("Kernels", Kernels.chosen() != Implementation.JAVA, Kernels.description()),
                () -> engine(machine.cores())));
        all.addAll(Gpu.examinations(CudaOptions.ofSystem()));
        Source.all().stream()
                .filter(source -> !source.needsFolder())
                .forEach(source -> all.add(() -> dataset(source.name())));
        return all;
    }

    private static Finding engine(int threads) {
        try (Engine engine = Engine.cpu(threads)) {
            return new Finding("Layers", true, engine.description());
        }
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
            return new Finding("Data " + name, false, e.getMessage());
        }
    }

    /** An examination that breaks is a finding, too. */
    static List<Finding> examine(List<Supplier<Finding>> examinations) {
        List<Finding> findings = new ArrayList<>();
        for (Supplier<Finding> examination : examinations) {
            try {
                findings.add(examination.get());
            } catch (RuntimeException | LinkageError e) {
                findings.add(new Finding("Trouble", false, e.getMessage() == null ? e.toString() : e.getMessage()));
            }
        }
        return findings;
    }
}

package dev.palimpsest.report;

import java.io.IOException;
import java.lang.management.GarbageCollectorMXBean;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * Where a run happens.
 *
 * @param isa the vector instruction sets that kernels are written for, as the processor names them
 * @param collector names of the JVM's garbage collectors
 * @param flags of the JVM, those that choose how it computes
 * @param environment variables by name, those that libraries choose by how they compute
 */
public record Machine(
        String cpu,
        List<String> isa,
        int cores,
        String os,
        String java,
        List<String> collector,
        List<String> flags,
        SortedMap<String, String> environment) {
    /** How the names of variables begin. */
    private static final List<String> VARIABLES = List.of(
            "ONEDNN_",
            "DNNL_",
            "OMP_",
            "GOMP_",
            "CUDA_",
            "CUDNN_",
            "CUBLAS_",
            "NVIDIA_",
            "JAVA_OPTS",
            "JAVA_TOOL_OPTIONS",
            "JDK_JAVA_OPTIONS",
            "_JAVA_OPTIONS",
            "GLIBC_TUNABLES",
            "LD_PRELOAD",
            "LD_LIBRARY_PATH");

    private static final List<String> REPORTED =
            List.of("sse2", "avx", "avx2", "fma", "avx512f", "avx512bw", "avx512vl", "avx512_vnni");

    /** This machine; the processor is known in detail on Linux only. */
    public static Machine here() {
        String cpu = System.getProperty("os.arch");
        Set<String> flags = Set.of();
        try {
            List<String> lines = Files.readAllLines(Path.of("/proc/cpuinfo"));
            cpu = value(lines, "model name", cpu);
            flags = Arrays.stream(value(lines, "flags", "").split(" ")).collect(Collectors.toSet());
        } catch (IOException e) {
            // Not Linux: the architecture's name has to do.
        }
        return new Machine(
                cpu,
                REPORTED.stream().filter(flags::contains).toList(),
                Runtime.getRuntime().availableProcessors(),
                System.getProperty("os.name") + " " + System.getProperty("os.version") + " "
                        + System.getProperty("os.arch"),
                System.getProperty("java.vm.name") + " " + Runtime.version(),
                ManagementFactory.getGarbageCollectorMXBeans().stream()
                        .map(GarbageCollectorMXBean::getName)
                        .toList(),
                ManagementFactory.getRuntimeMXBean().getInputArguments().stream()
                        .filter(flag -> flag.startsWith("-X") || flag.startsWith("-Dpalimpsest."))
                        .toList(),
                environment(System.getenv()));
    }

    private static SortedMap<String, String> environment(Map<String, String> all) {
        SortedMap<String, String> chosen = new TreeMap<>(all);
        chosen.keySet().removeIf(name -> VARIABLES.stream().noneMatch(name::startsWith));
        return chosen;
    }

    private static String value(List<String> lines, String key, String otherwise) {
        return lines.stream()
                .filter(line -> line.startsWith(key))
                .findFirst()
                .map(line -> line.substring(line.indexOf(':') + 1).strip())
                .orElse(otherwise);
    }
}

package dev.palimpsest.bench;

import dev.palimpsest.cuda.Cuda;
import dev.palimpsest.cuda.CudaOptions;
import java.util.Arrays;
import java.util.regex.Pattern;
import org.openjdk.jmh.runner.NoBenchmarksException;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * JMH with its own command line, and the kernels' bandwidth as a second metric. {@code --busy} besides keeps one core
 * occupied by a process of its own for as long as the benchmarks run.
 */
public final class Main {
    private static final String BUSY = "--busy";
    private static final String NEEDS_A_GPU = "CudaKernelsBenchmark";

    private Main() {}

    public static void main(String[] args) throws Exception {
        CommandLineOptions options = new CommandLineOptions(
                Arrays.stream(args).filter(arg -> !arg.equals(BUSY)).toArray(String[]::new));
        if (options.shouldHelp()) {
            options.showHelp();
        } else if (options.shouldList()) {
            new Runner(options).list();
        } else if (Arrays.asList(args).contains(BUSY)) {
            try (BusyProcess _ = BusyProcess.start()) {
                run(options);
            }
        } else {
            run(options);
        }
    }

    private static void run(CommandLineOptions options) throws RunnerException {
        ChainedOptionsBuilder builder = new OptionsBuilder().parent(options).addProfiler(Bandwidth.class);
        Cuda.Probe probe = Cuda.probe(CudaOptions.ofSystem());
        if (probe.hasDevice() || !asksFor(options, NEEDS_A_GPU)) {
            new Runner(builder.build()).run();
            return;
        }
        System.out.println(
                NEEDS_A_GPU + " was not run: no CUDA device (" + probe.trouble().orElseThrow() + ")");
        try {
            new Runner(builder.exclude(NEEDS_A_GPU).build()).run();
        } catch (NoBenchmarksException e) {
            System.out.println("Nothing else was asked for.");
        }
    }

    private static boolean asksFor(CommandLineOptions options, String benchmark) {
        String name = Main.class.getPackageName() + "." + benchmark + ".calls";
        return options.getIncludes().isEmpty()
                || options.getIncludes().stream()
                        .anyMatch(word -> Pattern.compile(word).matcher(name).find());
    }
}

package dev.palimpsest.bench;

import dev.palimpsest.cuda.Cuda;
import dev.palimpsest.cuda.CudaOptions;
import java.util.regex.Pattern;
import org.openjdk.jmh.runner.NoBenchmarksException;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.CommandLineOptions;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/** JMH with its own command line, and the kernels' bandwidth as a second metric. */
public final class Main {
    private static final String NEEDS_A_GPU = "CudaKernelsBenchmark";

    private Main() {}

    public static void main(String[] args) throws Exception {
        CommandLineOptions options = new CommandLineOptions(args);
        if (options.shouldHelp()) {
            options.showHelp();
        } else if (options.shouldList()) {
            new Runner(options).list();
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

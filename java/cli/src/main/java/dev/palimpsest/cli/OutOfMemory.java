package dev.palimpsest.cli;

import java.lang.management.ManagementFactory;
import java.lang.management.MemoryUsage;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Memory that is used up, as one sentence: which memory, what asked for it, and the option that limits that. */
final class OutOfMemory {
    /** What is known of code by its package. */
    private record Taker(String begin, String what, String remedy) {}

    /** The first that fits is told; tensors and arenas are of whoever asks for them. */
    private static final List<Taker> TAKERS = List.of(
            new Taker("dev.palimpsest.data.", "images that are read", "take fewer, or smaller ones with --image-size"),
            new Taker(
                    "dev.palimpsest.stream.", "batches that are prepared", "take fewer images at a time with --batch"),
            new Taker("dev.palimpsest.gaussian.", "statistics of classes", "classify otherwise with --classifier"),
            new Taker("dev.palimpsest.classifier.", "what classifies", "classify otherwise with --classifier"),
            new Taker("dev.palimpsest.snapshot.", "snapshots", "take a smaller network, or --prune true"),
            new Taker(
                    "dev.palimpsest.method.",
                    "teachers and what the method keeps",
                    "limit them with --teacher-memory, or take fewer images at a time with --batch"),
            new Taker("dev.palimpsest.checkpoint.", "a model that is read or written", "take a smaller network"),
            new Taker("dev.palimpsest.evaluation.", "outputs of the network for many images", "take fewer images"),
            new Taker("dev.palimpsest.report.", "records and reports of runs", "compare fewer of them at a time"),
            new Taker("dev.palimpsest.engine.", "a batch in the network", "take fewer images at a time with --batch"),
            new Taker("dev.palimpsest.autograd.", "a batch in the network", "take fewer images at a time with --batch"),
            new Taker("dev.palimpsest.optim.", "the state of the optimiser", "take a smaller network"),
            new Taker("dev.palimpsest.model.", "the network", "take a smaller one"),
            new Taker("dev.palimpsest.train.", "the run", "take fewer images at a time with --batch"));

    private static final Pattern DIRECT = Pattern.compile(
            "Cannot reserve (\\d+) bytes of direct buffer memory \\(allocated: (\\d+), limit: (\\d+)\\)");
    private static final Pattern NATIVE = Pattern.compile("Unable to allocate (\\d+) bytes");
    private static final int MEGA = 1 << 20;

    private OutOfMemory() {}

    /** The lack of memory that a failure comes from. */
    static Optional<OutOfMemoryError> cause(Throwable failure) {
        return Stream.iterate(failure, cause -> cause != null, Throwable::getCause)
                .limit(100) // causes may run in a circle
                .filter(OutOfMemoryError.class::isInstance)
                .map(OutOfMemoryError.class::cast)
                .findFirst();
    }

    static String sentence(OutOfMemoryError error) {
        return sentence(error, ManagementFactory.getMemoryMXBean().getHeapMemoryUsage());
    }

    /** @param heap as it was soon after */
    static String sentence(OutOfMemoryError error, MemoryUsage heap) {
        String message = String.valueOf(error.getMessage());
        Matcher direct = DIRECT.matcher(message);
        Matcher system = NATIVE.matcher(message);
        if (message.contains("native thread")) {
            return "The system starts no more threads: take fewer with --threads or --jobs, or raise the limit of"
                    + " processes (ulimit -u).";
        }
        if (message.contains("array size")) {
            return "An array of more than 2³¹ values was asked for" + taker(error) + ".";
        }
        if (direct.find()) {
            long limit = Long.parseLong(direct.group(3));
            return "The memory outside the Java heap is used up (" + megabytes(direct.group(2)) + " of "
                    + megabytes(direct.group(3)) + " MB; " + megabytes(direct.group(1)) + " MB more were asked for)"
                    + taker(error) + "; or allow it more with JAVA_OPTS=-XX:MaxDirectMemorySize=" + doubled(limit)
                    + ".";
        }
        if (system.find()) {
            return "The system has no " + megabytes(system.group(1)) + " MB of memory left that were asked for"
                    + taker(error) + "; or end other programs.";
        }
        if (message.contains("Metaspace") || message.contains("class space")) {
            return "Java's memory for code is used up (" + message + "): allow it more with"
                    + " JAVA_OPTS=-XX:MaxMetaspaceSize=1g.";
        }
        return "The Java heap of " + megabytes(Long.toString(heap.getMax())) + " MB is used up" + taker(error)
                + "; or allow it more with JAVA_OPTS=-Xmx" + doubled(heap.getMax()) + ".";
    }

    private static String taker(OutOfMemoryError error) {
        for (StackTraceElement frame : error.getStackTrace()) {
            for (Taker taker : TAKERS) {
                if (frame.getClassName().startsWith(taker.begin())) {
                    return "; the last that was asked for is for " + taker.what() + ": " + taker.remedy();
                }
            }
        }
        return ": take fewer or smaller images, or a smaller network";
    }

    private static String megabytes(String bytes) {
        return String.format(Locale.ROOT, "%,d", Math.ceilDiv(Long.parseLong(bytes), (long) MEGA));
    }

    private static String doubled(long bytes) {
        return 2 * Math.ceilDiv(bytes, (long) MEGA) + "m";
    }
}

package dev.palimpsest.bench;

import java.util.Collection;
import java.util.List;
import org.openjdk.jmh.infra.BenchmarkParams;
import org.openjdk.jmh.infra.IterationParams;
import org.openjdk.jmh.profile.InternalProfiler;
import org.openjdk.jmh.results.AggregationPolicy;
import org.openjdk.jmh.results.IterationResult;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.ScalarResult;

/**
 * GB/s (10⁹ bytes) of the bytes that a kernel's .md says a call moves, and, where a benchmark has measured the
 * machine's copy bandwidth, the share of that. Benchmarks set them in set-up and report milliseconds.
 */
public final class Bandwidth implements InternalProfiler {
    private static volatile long bytesPerCall;
    private static volatile double copy;

    /** To be called in set-up. */
    static void of(long bytes) {
        of(bytes, 0);
    }

    /** To be called in set-up, with the GB/s of a copy on the same machine. */
    static void of(long bytes, double copyGigabytesPerSecond) {
        bytesPerCall = bytes;
        copy = copyGigabytesPerSecond;
    }

    @Override
    public String getDescription() {
        return "bytes moved a second";
    }

    @Override
    public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {}

    @Override
    public Collection<? extends Result<?>> afterIteration(
            BenchmarkParams benchmark, IterationParams iteration, IterationResult result) {
        if (bytesPerCall == 0) {
            return List.of();
        }
        double milliseconds = result.getPrimaryResult().getScore();
        double rate = bytesPerCall / milliseconds / 1e6;
        ScalarResult moved = new ScalarResult("GB/s", rate, "GB/s", AggregationPolicy.AVG);
        return copy == 0
                ? List.of(moved)
                : List.of(moved, new ScalarResult("of copy", rate / copy, "share", AggregationPolicy.AVG));
    }
}

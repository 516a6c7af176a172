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

/** GB/s (10⁹ bytes) of the bytes that a kernel's .md says a call moves. Benchmarks set them in set-up and report milliseconds. */
public final class Bandwidth implements InternalProfiler {
    private static volatile long bytesPerCall;

    /** To be called in set-up. */
    static void of(long bytes) {
        bytesPerCall = bytes;
    }

    @Override
    public String getDescription() {
        return "bytes moved a second";
    }

    @Override
    public void beforeIteration(BenchmarkParams benchmark, IterationParams iteration) {}

    @Override
    public Collection<? extends Result<?>> afterIteration(BenchmarkParams benchmark, IterationParams iteration, IterationResult result) {
        if (bytesPerCall == 0) {
            return List.of();
        }
        double milliseconds = result.getPrimaryResult().getScore();
        return List.of(new ScalarResult("GB/s", bytesPerCall / milliseconds / 1e6, "GB/s", AggregationPolicy.AVG));
    }
}

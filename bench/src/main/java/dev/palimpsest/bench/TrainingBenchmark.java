package dev.palimpsest.bench;

import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** Whole training steps and their images per second: forward, backward and SGD with momentum on one batch. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 10, time = 2)
@Fork(1)
public class TrainingBenchmark {
    @Param({TrainingStep.RESNET_32, TrainingStep.RESNET_18, TrainingStep.RESNET_18_PHOTOGRAPHS})
    String network;

    @Param({"1", "2"})
    int threads;

    private TrainingStep step;

    @Setup
    public void open() {
        step = TrainingStep.of(network, threads);
        step.verify();
    }

    @Benchmark
    public double step(Images done) {
        done.images += step.batch;
        return step.run();
    }

    @TearDown
    public void close() {
        step.close();
    }
}

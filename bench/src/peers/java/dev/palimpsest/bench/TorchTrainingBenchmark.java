package dev.palimpsest.bench;

import java.io.IOException;
import java.util.concurrent.TimeUnit;
import org.bytedeco.pytorch.global.torch;
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
import org.openjdk.jmh.annotations.Warmup;

/** {@link TrainingBenchmark} in PyTorch. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 10, time = 2)
@Fork(1)
public class TorchTrainingBenchmark {
    @Param({TrainingStep.RESNET_32, TrainingStep.RESNET_18, TrainingStep.RESNET_18_PHOTOGRAPHS})
    String network;

    @Param({"1", "2"})
    int threads;

    private TorchTrainingStep step;

    @Setup
    public void open() throws IOException {
        TorchTrainingStep.load();
        try (TrainingStep ours = TrainingStep.of(network, threads)) {
            step = new TorchTrainingStep(ours, threads);
            step.verify(ours);
        }
        // Our engine leaves OpenMP, which both run on, at one thread for whoever calls it.
        torch.set_num_threads(threads);
    }

    @Benchmark
    public double step(Images done) {
        done.images += step.batch();
        return step.run();
    }
}

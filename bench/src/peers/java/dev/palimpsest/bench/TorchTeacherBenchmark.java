package dev.palimpsest.bench;

import dev.palimpsest.model.Network;
import dev.palimpsest.model.TorchForward;
import dev.palimpsest.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.concurrent.TimeUnit;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.NoGradGuard;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.Warmup;

/** {@link TeacherBenchmark} in PyTorch's evaluation mode, without gradients. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 10, time = 2)
@Fork(1)
public class TorchTeacherBenchmark {
    @Param({"1", "2"})
    int threads;

    private TorchForward pass;
    private Network network;
    private Tensor images;

    @Setup
    public void open() throws IOException {
        TorchTrainingStep.load();
        pass = new TorchForward(false);
        float[] expected;
        try (TrainingStep ours = TrainingStep.of(TrainingStep.RESNET_32, threads)) {
            for (int i = 0; i < 10; i++) {
                // As in TeacherBenchmark: running statistics away from their start.
                ours.run();
            }
            network = ours.network;
            Shape image = network.image();
            images = TorchForward.tensor(
                    MemorySegment.ofArray(ours.images), ours.batch, image.extent(0), image.extent(1), image.extent(2));
            expected = ours.evaluate();
        }
        torch.set_num_threads(threads);
        float found = resNet32();
        if (!(Math.abs(found - expected[0]) <= 1e-4f * Math.abs(expected[0]))) {
            throw new IllegalStateException("PyTorch's first logit is " + found + ", ours " + expected[0]);
        }
    }

    @Benchmark
    @OperationsPerInvocation(128)
    public float resNet32() {
        try (PointerScope _ = new PointerScope();
                NoGradGuard _ = new NoGradGuard()) {
            return pass.logits(network, images).select(0, 0).select(0, 0).item_float();
        }
    }
}

package dev.palimpsest.bench;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.tensor.Tensor;
import java.util.concurrent.TimeUnit;
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
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Images a second through a compiled teacher. {@link TrainingBenchmark}'s figure over this one is what a teacher adds
 * to a step: at most 0.35 is asked for.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.Throughput)
@OutputTimeUnit(TimeUnit.SECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 10, time = 2)
@Fork(1)
public class TeacherBenchmark {
    @Param({"1", "2"})
    int threads;

    private TrainingStep step;
    private FrozenNetwork teacher;
    private Tensor images;

    @Setup
    public void open() {
        step = TrainingStep.of(TrainingStep.RESNET_32, threads);
        for (int i = 0; i < 10; i++) {
            // Running statistics away from their start, so that folding them has something to get wrong.
            step.run();
        }
        teacher = new FrozenNetwork(step.engine, step.network, Weights.of(step.network));
        images = step.images();
        verify();
    }

    private void verify() {
        float[] expected = step.evaluate();
        Outputs<Tensor> outputs = teacher.forward(images, false);
        float[] actual = outputs.logits()
                .data()
                .asSlice(0, outputs.logits().shape().bytes())
                .toArray(JAVA_FLOAT);
        release(outputs);
        float largest = 0;
        float error = 0;
        for (int i = 0; i < expected.length; i++) {
            largest = Math.max(largest, Math.abs(expected[i]));
            error = Math.max(error, Math.abs(actual[i] - expected[i]));
        }
        if (!(largest > 0 && error <= 1e-4f * largest)) {
            throw new IllegalStateException(
                    "the teacher's logits differ by " + error + " from the network's, which reach " + largest);
        }
    }

    @Benchmark
    @OperationsPerInvocation(128)
    public float resNet32() {
        Outputs<Tensor> outputs = teacher.forward(images, false);
        float logit = outputs.logits().data().get(JAVA_FLOAT, 0);
        release(outputs);
        return logit;
    }

    private void release(Outputs<Tensor> outputs) {
        outputs.pooled().forEach(step.engine::release);
        step.engine.release(outputs.logits());
    }

    @TearDown
    public void close() {
        teacher.close();
        step.close();
    }
}

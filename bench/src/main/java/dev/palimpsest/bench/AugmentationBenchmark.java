package dev.palimpsest.bench;

import dev.palimpsest.data.Images;
import dev.palimpsest.stream.Augmentation;
import dev.palimpsest.stream.Batch;
import dev.palimpsest.stream.loading.BatchPlan;
import dev.palimpsest.stream.loading.Loader;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
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
 * Milliseconds an image takes to get into a batch, on the loader's one thread: as it is, moved and mirrored, and with
 * RandAugment.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 5, time = 1)
@Measurement(iterations = 10, time = 1)
@Fork(1)
public class AugmentationBenchmark {
    private static final int IMAGES = 64;

    @Param({"28", "32", "224"})
    int side;

    @Param({"none", "crop-flip:2", "crop-flip:2+rand:2:9"})
    String augment;

    private Loader loader;
    private int epoch;

    @Setup
    public void open() {
        int channels = side == 28 ? 1 : 3;
        byte[] pixels = new byte[IMAGES * channels * side * side];
        new Random(1).nextBytes(pixels);
        Images images = Images.of(channels, side, side, pixels, new int[IMAGES]);
        loader = new Loader(images, label -> label, Augmentation.parse(augment), IMAGES, 1);
        float[] first = new float[images.valuesPerImage()];
        images.read(0, first, 0);
        Inputs.requireClose(
                "the first pixel",
                (Byte.toUnsignedInt(pixels[0]) - images.normalisation().mean()[0])
                        / images.normalisation().deviation()[0],
                first[0],
                1e-5);
    }

    @Benchmark
    @OperationsPerInvocation(IMAGES)
    public long image() {
        long bytes = 0;
        for (Batch batch :
                loader.epoch(BatchPlan.shuffled(IntStream.range(0, IMAGES).toArray(), IMAGES, 1, epoch), epoch)) {
            bytes += batch.images().byteSize();
        }
        epoch++;
        return bytes;
    }

    @TearDown
    public void close() {
        loader.close();
    }
}

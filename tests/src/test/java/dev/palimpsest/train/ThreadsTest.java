package dev.palimpsest.train;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.method.M2kd;
import dev.palimpsest.model.Architecture;
import dev.palimpsest.model.Networks;
import dev.palimpsest.stream.ClassIncrementalStream;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.tensor.Shape;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole runs give the same weights and accuracies for any number of threads. */
class ThreadsTest {
    private static final int CLASSES = 4;
    private static final int SIDE = 16;

    /** Layers large enough to be dealt out, batches of 40 and a rest. */
    @ParameterizedTest
    @ValueSource(strings = {"m2kd", "m2kd-copies", "lwf", "lwf-mc", "icarl", "replay", "fine-tuning", "joint", "mlkd"})
    void everyMethodGivesTheSameBits(String method) {
        Result one = run(method, "sgd", 1, 1);
        for (int threads : new int[] {2, 3, 4, 7}) {
            Result other = run(method, "sgd", threads, 1);
            assertEquals(one.weightsSha256(), other.weightsSha256(), threads + " threads");
            assertEquals(one.accuracy().finalAccuracy(), other.accuracy().finalAccuracy(), threads + " threads");
        }
    }

    @ParameterizedTest
    @CsvSource({"m2kd", "mlkd"})
    void soDoesTheOtherOptimiser(String method) {
        String one = run(method, "adam", 1, 1).weightsSha256();
        assertEquals(one, run(method, "adam", 3, 1).weightsSha256());
        assertNotEquals(one, run(method, "adam", 3, 2).weightsSha256(), "another seed gives other weights");
    }

    /**
     * Whatever limits the threads of OpenMP or of the process, which once made training wait for ever for threads that
     * did not come.
     */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "env OMP_THREAD_LIMIT=1",
                "env OMP_DYNAMIC=true",
                "env OMP_NUM_THREADS=64",
                "env OMP_WAIT_POLICY=active OMP_PROC_BIND=true",
                "env KMP_AFFINITY=disabled GOMP_CPU_AFFINITY=0",
                "taskset -c 0"
            })
    @Timeout(120)
    void limitsOfTheProcessChangeNothing(String limit) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(limit.split(" ")));
        command.addAll(List.of(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "--enable-native-access=ALL-UNNAMED",
                "-cp",
                System.getProperty("java.class.path"),
                Child.class.getName()));
        Process child = new ProcessBuilder(command).redirectErrorStream(true).start();
        String said;
        try (var output = child.inputReader()) {
            said = output.lines().reduce("", (all, line) -> all.isEmpty() ? line : all + "\n" + line);
        }
        assertEquals(0, child.waitFor(), said);
        assertEquals(run("m2kd", "sgd", 1, 1).weightsSha256(), said);
    }

    /** Trains on two threads. */
    static final class Child {
        private Child() {}

        public static void main(String[] arguments) {
            System.out.println(run("m2kd", "sgd", 2, 1).weightsSha256());
        }
    }

    private static Result run(String method, String optimiser, int threads, long seed) {
        Method trains = method.equals("m2kd-copies")
                ? new M2kd(M2kd.Options.DEFAULT.withPruning(false).withLambdas(1, 1, 0.05))
                : Methods.named(method).create(Map.of());
        TrainingOptions training = TrainingOptions.DEFAULT
                .withEpochs(1)
                .withBatch(40)
                .withLearningRate(0.01)
                .withAlgorithm(
                        optimiser.equals("adam") ? TrainingOptions.Algorithm.ADAM : TrainingOptions.Algorithm.SGD);
        boolean keeps = method.equals("icarl") || method.equals("replay");
        Experiment experiment = Experiment.of(stream())
                .network(image -> network(image, method.startsWith("m2kd")))
                .method(trains)
                .training(training)
                .engine(Engines.cpu(threads))
                .seed(seed);
        if (keeps) {
            String rehearsal = method.equals("icarl") ? "mixed" : "half";
            experiment.exemplars(ExemplarOptions.GROUP.of(Map.of("exemplars", "5", "rehearsal", rehearsal)));
        }
        return experiment.run();
    }

    private static Architecture network(Shape image, boolean auxiliaryHeads) {
        return Networks.cifarResNet(image, 8).withAuxiliaryHeads(auxiliaryHeads);
    }

    private static Stream stream() {
        return ClassIncrementalStream.of(
                Dataset.of(
                        "noise",
                        IntStream.range(0, CLASSES).mapToObj(Integer::toString).toList(),
                        images(220, 1),
                        images(40, 2)),
                "2x2",
                "1",
                0,
                1);
    }

    private static Images images(int count, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        byte[] pixels = new byte[count * 3 * SIDE * SIDE];
        random.nextBytes(pixels);
        int[] labels = IntStream.range(0, count).map(i -> i % CLASSES).toArray();
        return Images.of(3, SIDE, SIDE, pixels, labels);
    }
}

package dev.palimpsest.method;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.Networks;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import dev.palimpsest.train.SmallRun;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TeacherMemoryTest {
    private static final ClassRange CLASSES = new ClassRange(0, 2);

    private final Arena arena = Arena.ofShared();
    private final Engine engine = Engines.cpu(1);
    private final Network network = Networks.digitsNet(Shape.of(1, 8, 8), List.of(8, 16))
            .withAuxiliaryHeads(true)
            .create(arena, 3);
    private final List<String> compiled = new ArrayList<>();

    TeacherMemoryTest() {
        network.grow(2);
    }

    @AfterEach
    void close() {
        engine.close();
        arena.close();
    }

    /** From none at all over one network, and some but not all outputs, to everything. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "method=m2kd",
                "method=m2kd augment=shift:1",
                "method=m2kd prune=false groups=cumulative lambda-feature=0.05",
                "method=m2kd network=resnet-18 stem=cifar widths=4,4,6,6 threads=2 split=3+3+4",
                "method=lwf",
                "method=icarl"
            })
    void theLimitDoesNotChangeABitOfTheResult(String options) {
        Set<String> hashes = new LinkedHashSet<>();
        Set<List<Double>> accuracies = new LinkedHashSet<>();
        for (String limit : List.of("0", "20K", "60K", "2G")) {
            List<String> all = new ArrayList<>(List.of("split=4+3x2", "validation=0.8", "teacher-memory=" + limit));
            all.addAll(List.of(options.split(" ")));
            var result = SmallRun.run(all.toArray(String[]::new));
            hashes.add(result.weightsSha256());
            accuracies.add(SmallRun.accuracies(result));
        }
        assertEquals(1, hashes.size(), hashes.toString());
        assertEquals(1, accuracies.size());
    }

    private Teacher teacher(TeacherMemory memory, String name) {
        return new Teacher(
                memory,
                () -> {
                    compiled.add(name);
                    return new FrozenNetwork(engine, network, Weights.of(network));
                },
                CLASSES);
    }

    private long use(TeacherMemory memory, Teacher teacher) {
        return memory.with(teacher, frozen -> {
            Tensor images = engine.allocate(Shape.of(4, 1, 8, 8));
            frozen.forward(images, true).forEach(engine::release);
            engine.release(images);
            return frozen.bytes();
        });
    }

    @Test
    void theLeastRecentlyUsedGoesFirst() {
        long each = use(new TeacherMemory(1 << 30), teacher(new TeacherMemory(0), "measured"));
        compiled.clear();
        TeacherMemory memory = new TeacherMemory(2 * each);
        Teacher a = teacher(memory, "a");
        Teacher b = teacher(memory, "b");
        Teacher c = teacher(memory, "c");
        for (Teacher teacher : List.of(a, b, a, c, a, b)) {
            use(memory, teacher);
            assertTrue(memory.bytes() <= 2 * each, memory.bytes() + " bytes");
        }
        assertEquals(List.of("a", "b", "c", "b"), compiled, "c took b's place, and b took c's: a was used in between");
        assertEquals(List.of(a, b), memory.compiled());
        Stream.of(a, b, c).forEach(Teacher::close);
        assertEquals(0, memory.bytes());
    }

    @Test
    void withoutMemoryEveryUseCompiles() {
        TeacherMemory memory = new TeacherMemory(0);
        Teacher a = teacher(memory, "a");
        use(memory, a);
        use(memory, a);
        assertEquals(List.of("a", "a"), compiled);
        assertEquals(0, memory.bytes());
    }

    @Test
    void keptOutputsGoBeforeNetworks() {
        long each = use(new TeacherMemory(1 << 30), teacher(new TeacherMemory(0), "measured"));
        TeacherMemory memory = new TeacherMemory(each + 100);
        assertTrue(memory.reserve(100));
        assertFalse(memory.reserve(each + 1), "beyond the limit");
        Teacher a = teacher(memory, "a");
        use(memory, a);
        assertEquals(List.of(a), memory.compiled());
        assertTrue(memory.reserve(1));
        use(memory, a);
        assertEquals(List.of(), memory.compiled());
        memory.free(101);
        assertEquals(0, memory.bytes());
    }

    /** Folded weights and biases, and after the first batch a packed copy of the weights, which all sizes share. */
    @Test
    void aNetworkReportsWhatItHolds() {
        long weights = network.parameters().stream()
                .filter(p -> p.role() == Parameter.Role.WEIGHT)
                .mapToLong(p -> p.shape().bytes())
                .sum();
        long biases = network.parameters().stream()
                .filter(p -> p.role() == Parameter.Role.WEIGHT)
                .mapToLong(p -> (long) p.shape().extent(0) * Float.BYTES)
                .sum();
        long heads = network.parameters().stream()
                .filter(p -> p.role() == Parameter.Role.HEAD)
                .mapToLong(p -> 2 * p.shape().bytes())
                .sum();
        try (FrozenNetwork frozen = new FrozenNetwork(engine, network, Weights.of(network))) {
            assertEquals(weights + biases + heads, frozen.bytes());
            for (int rows = 2; rows <= 9; rows++) {
                Tensor images = engine.allocate(Shape.of(rows, 1, 8, 8));
                frozen.forward(images, true).forEach(engine::release);
                long packed = frozen.bytes() - (weights + biases + heads);
                assertTrue(packed >= weights && packed < 2 * weights, packed + " bytes after " + rows + " images");
            }
        }
    }

    /**
     * Why features can be kept: an image's do not depend on how many are computed with it, nor its head's outputs on
     * how they came.
     */
    @Test
    void pooledFeaturesOfAnImageAreTheSameInEveryBatch() {
        try (FrozenNetwork frozen = new FrozenNetwork(engine, network, Weights.of(network))) {
            float[][] first = null;
            for (int rows : new int[] {1, 2, 3, 7, 31, 32, 33, 127, 128}) {
                Tensor images = engine.allocate(Shape.of(rows, 1, 8, 8));
                for (long i = 0; i < images.shape().elements(); i++) {
                    images.data().setAtIndex(JAVA_FLOAT, i, (float) Math.sin(i * i));
                }
                Outputs<Tensor> outputs = frozen.forward(images, true);
                float[][] own = outputs.pooled().stream()
                        .map(pooled -> Arrays.copyOf(
                                engine.toArray(pooled), pooled.shape().extent(1)))
                        .toArray(float[][]::new);
                first = first == null ? own : first;
                for (int l = 0; l < own.length; l++) {
                    assertArrayEquals(first[l], own[l], "stage " + l + " in a batch of " + rows);
                }
                Outputs<Tensor> again = frozen.heads().classify(outputs.pooled(), true);
                assertArrayEquals(engine.toArray(outputs.logits()), engine.toArray(again.logits()));
            }
        }
    }
}

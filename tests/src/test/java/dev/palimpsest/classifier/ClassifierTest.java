package dev.palimpsest.classifier;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.checkpoint.AccuracyRecorder.Right;
import dev.palimpsest.classifier.Classifier.Models;
import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.evaluation.Inference;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.Networks;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.Arena;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ClassifierTest {
    private static final int CLASSES = 4;

    private final Images images = Dataset.load("digits", Optional.empty()).test();
    private final int[] some = IntStream.range(0, images.size())
            .filter(i -> images.label(i) < CLASSES)
            .limit(40)
            .toArray();

    private static FrozenNetwork network(Engine engine, Arena arena, long seed) {
        Network network = Networks.digitsNet(Shape.of(1, 8, 8), List.of(4, 6)).create(arena, seed);
        network.grow(CLASSES);
        return new FrozenNetwork(engine, network, Weights.of(network));
    }

    /** Counted anew from the logits of each network alone. */
    @Test
    void anEnsembleChoosesTheClassOfTheHighestMeanLogit() {
        try (Arena arena = Arena.ofShared();
                Engine engine = Engines.cpu(1);
                Inference inference = new Inference(engine, images)) {
            float[][] one;
            float[][] other;
            try (FrozenNetwork first = network(engine, arena, 1);
                    FrozenNetwork second = network(engine, arena, 2)) {
                one = inference.logits(first, some);
                other = inference.logits(second, some);
            }
            int single = 0;
            int within = 0;
            int alone = 0;
            for (int i = 0; i < some.length; i++) {
                float[] a = one[i];
                float[] b = other[i];
                int label = images.label(some[i]);
                single += best(0, CLASSES, a, b) == label ? 1 : 0;
                within += best(2, CLASSES, a, b) == label ? 1 : 0;
                alone += best(0, CLASSES, a, new float[CLASSES]) == label ? 1 : 0;
            }
            ClassRange all = new ClassRange(0, CLASSES);
            try (Models models = new Models(
                    () -> network(engine, arena, 1), number -> null, () -> List.of(network(engine, arena, 2)))) {
                Right counted = right(models, inference, new ClassRange(2, CLASSES));
                assertEquals(single, counted.single());
                assertEquals(within, counted.within());
                assertTrue(models.ensemble());
            }
            try (Models models = new Models(() -> network(engine, arena, 1), number -> null, List::of)) {
                assertEquals(alone, right(models, inference, all).single());
                assertFalse(models.ensemble());
            }
            assertNotEquals(single, alone, "the case tells the two apart");
        }
    }

    private Right right(Models models, Inference inference, ClassRange own) {
        int[] labels = Arrays.stream(some).map(images::label).toArray();
        return Right.count(new HighestLogit().scores(models, inference, some), labels, new ClassRange(0, CLASSES), own);
    }

    private static int best(int begin, int end, float[] a, float[] b) {
        return IntStream.range(begin, end)
                .boxed()
                .max((x, y) -> Double.compare((a[x] + b[x]) / 2.0, (a[y] + b[y]) / 2.0))
                .orElseThrow();
    }
}

package dev.palimpsest.train;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.evaluation.Inference;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.Networks;
import dev.palimpsest.stream.ClassIncrementalStream;
import dev.palimpsest.stream.Stream.Experience;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.stream.IntStream;
import org.ejml.simple.SimpleMatrix;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ExemplarsTest {
    private final ClassIncrementalStream stream =
            ClassIncrementalStream.of(Dataset.load("digits", Optional.empty()), "5x2", "seed:3", 0.1, 1);

    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5})
    void herdingEqualsBruteForce(long seed) {
        Random random = new Random(seed);
        float[][] features = new float[30][6];
        for (float[] feature : features) {
            for (int d = 0; d < feature.length; d++) {
                feature[d] = (float) Math.max(0, random.nextGaussian() + 0.3 * d); // as behind a ReLU
            }
        }
        int[] own = IntStream.range(0, 30).map(i -> 1000 - 7 * i).toArray();
        assertArrayEquals(bruteForce(own, features, 12), Exemplars.herd(own, features, 12));
        assertArrayEquals(
                Arrays.stream(own).sorted().toArray(),
                Arrays.stream(Exemplars.herd(own, features, 30)).sorted().toArray());
    }

    /**
     * Tries every image beside those chosen and takes the one whose set has its mean nearest to the mean of all, with
     * EJML's vectors.
     */
    private static int[] bruteForce(int[] own, float[][] features, int count) {
        List<SimpleMatrix> unit = Arrays.stream(features)
                .map(feature -> {
                    SimpleMatrix vector = new SimpleMatrix(feature.length, 1);
                    for (int d = 0; d < feature.length; d++) {
                        vector.set(d, feature[d]);
                    }
                    return vector.divide(vector.normF());
                })
                .toList();
        SimpleMatrix target = mean(unit);
        List<Integer> chosen = new ArrayList<>();
        for (int k = 0; k < count; k++) {
            int best = -1;
            double nearest = Double.MAX_VALUE;
            for (int i = 0; i < own.length; i++) {
                if (!chosen.contains(i)) {
                    List<SimpleMatrix> candidate =
                            new ArrayList<>(chosen.stream().map(unit::get).toList());
                    candidate.add(unit.get(i));
                    double distance = mean(candidate).minus(target).normF();
                    if (distance < nearest) {
                        nearest = distance;
                        best = i;
                    }
                }
            }
            chosen.add(best);
        }
        return chosen.stream().mapToInt(i -> own[i]).toArray();
    }

    private static SimpleMatrix mean(List<SimpleMatrix> vectors) {
        SimpleMatrix sum = new SimpleMatrix(vectors.getFirst().getNumRows(), 1);
        for (SimpleMatrix vector : vectors) {
            sum = sum.plus(vector);
        }
        return sum.divide(vectors.size());
    }

    @Test
    void featuresThatAreNanAreRefused() {
        float[][] features = {{1, Float.NaN}, {Float.NaN, 0}};
        String message = assertThrows(TrainingException.class, () -> Exemplars.herd(new int[] {4, 5}, features, 1))
                .getMessage();
        assertTrue(message.contains("NaN"), message);
    }

    /** Exemplars of the first two experiences, chosen with the features of an untrained network of the given seed. */
    private Exemplars chosen(int perClass, String selection, long seed, long networkSeed) {
        return chosen(Map.of("exemplars", "" + perClass, "selection", selection), seed, networkSeed);
    }

    private Exemplars chosen(Map<String, String> options, long seed, long networkSeed) {
        Exemplars exemplars = new Exemplars(ExemplarOptions.GROUP.of(options), seed);
        try (Arena arena = Arena.ofShared();
                Engine engine = Engines.cpu(1);
                Inference images = new Inference(engine, stream.dataset().train())) {
            Network network =
                    Networks.digitsNet(Shape.of(1, 8, 8), List.of(4, 8)).create(arena, networkSeed);
            network.grow(4);
            try (FrozenNetwork frozen = new FrozenNetwork(engine, network, Weights.of(network))) {
                exemplars.add(stream, stream.experiences().get(0), frozen, images);
                exemplars.add(stream, stream.experiences().get(1), frozen, images);
            }
        }
        return exemplars;
    }

    @ParameterizedTest
    @ValueSource(strings = {"herding", "random"})
    void everyClassGivesSoManyOfItsOwnTrainingImages(String selection) {
        Exemplars exemplars = chosen(7, selection, 1, 1);
        assertEquals(4, exemplars.byClass().size());
        for (int c = 0; c < 4; c++) {
            int[] own = exemplars.byClass().get(c);
            assertEquals(7, Arrays.stream(own).distinct().count());
            Experience experience = stream.experiences().get(c / 2);
            for (int index : own) {
                assertEquals(c, stream.relabel(stream.dataset().train().label(index)));
                assertTrue(Arrays.binarySearch(experience.train(), index) >= 0, "never a validation image");
            }
        }
        assertArrayEquals(
                exemplars.byClass().stream().flatMapToInt(Arrays::stream).toArray(), exemplars.indices());
    }

    /** 23 images for 4 classes. */
    @ParameterizedTest
    @ValueSource(strings = {"herding", "random"})
    void aBudgetIsSharedEvenlyAndKeepsTheFirstChoices(String selection) {
        List<int[]> shared = chosen(Map.of("exemplar-budget", "23", "exemplars", "2", "selection", selection), 1, 1)
                .byClass();
        List<int[]> first = chosen(11, selection, 1, 1).byClass();
        assertEquals(4, shared.size());
        for (int c = 0; c < 4; c++) {
            assertArrayEquals(Arrays.copyOf(first.get(c), 5), shared.get(c), "class " + c);
        }
    }

    @Test
    void aBudgetGivesNoImagesThatAClassDoesNotHave() {
        List<int[]> all = chosen(10_000, "herding", 1, 1).byClass();
        List<int[]> shared = chosen(Map.of("exemplar-budget", "100000"), 1, 1).byClass();
        for (int c = 0; c < 4; c++) {
            assertArrayEquals(all.get(c), shared.get(c));
        }
    }

    @Test
    void aClassWithFewerImagesGivesAllOfThem() {
        Exemplars exemplars = chosen(10_000, "herding", 1, 1);
        int[] all = IntStream.concat(
                        Arrays.stream(stream.experiences().get(0).train()),
                        Arrays.stream(stream.experiences().get(1).train()))
                .sorted()
                .toArray();
        assertArrayEquals(all, Arrays.stream(exemplars.indices()).sorted().toArray());
    }

    @Test
    void noneAreKeptIfNoneAreAskedFor() {
        assertEquals(0, chosen(0, "herding", 1, 1).indices().length);
    }

    @Test
    void randomChoiceDependsOnTheSeedAlone() {
        int[] random = chosen(7, "random", 1, 1).indices();
        assertArrayEquals(random, chosen(7, "random", 1, 2).indices(), "whatever the features");
        assertFalse(Arrays.equals(random, chosen(7, "random", 2, 1).indices()));
    }

    @Test
    void herdingDependsOnTheFeaturesAlone() {
        int[] herded = chosen(7, "herding", 1, 1).indices();
        assertArrayEquals(herded, chosen(7, "herding", 2, 1).indices(), "whatever the seed");
        assertFalse(Arrays.equals(herded, chosen(7, "herding", 1, 2).indices()));
        assertFalse(Arrays.equals(herded, chosen(7, "random", 1, 1).indices()));
    }
}

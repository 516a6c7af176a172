package dev.palimpsest.stream;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.internal.SplitMix64;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.stream.RepetitionPlan.Pool;
import dev.palimpsest.stream.RepetitionStream.Scenario;
import dev.palimpsest.stream.Stream.ClassOrder;
import dev.palimpsest.stream.Stream.Experience;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class RepetitionStreamTest {
    private int streams;

    /** Written out again, from the definition: nothing here calls what the stream computes with. */
    @Test
    void everyStreamKeepsThePromises() {
        for (int seed = 0; seed < 60; seed++) {
            SplitMix64 random = SplitMix64.of(seed, 99);
            int labelledClasses = 2 + random.nextInt(20);
            int distractors = 1 + random.nextInt(5);
            Dataset data = data(labelledClasses, distractors, 60 + random.nextInt(40));
            int window = 1 + random.nextInt(4);
            int newClasses = 1 + random.nextInt(labelledClasses);
            int windows = (labelledClasses + newClasses - 1) / newClasses;
            int experiences = window * windows + random.nextInt(3);
            int fewest = 1 + random.nextInt(newClasses);
            int labelled = labelledClasses + random.nextInt(10);
            Pool pool = Pool.values()[random.nextInt(3)];
            var plan = new RepetitionPlan(
                    experiences,
                    labelled,
                    random.nextInt(40),
                    window,
                    window,
                    newClasses,
                    random.nextDouble(),
                    random.nextDouble() / 4,
                    fewest,
                    fewest + random.nextInt(labelled - fewest + 1),
                    pool,
                    random.nextInt(8));
            RepetitionStream stream = generate(data, plan, seed);
            if (stream != null) {
                assertPromises(stream, plan, labelledClasses);
                streams++;
            }
        }
        assertTrue(streams > 40, streams + " of 60 plans had enough images");
    }

    @Test
    void validationImagesAreInNoListAndOfTheClassesThatAreNew() {
        Dataset data = data(6, 2, 40);
        var plan = new RepetitionPlan(6, 20, 12, 2, 2, 2, 0.5, 0.2, 2, 6, Pool.ALL, 3);
        RepetitionStream stream = RepetitionStream.generate(data, plan, new ClassOrder.Seeded(3), 0.25, 3);
        Set<Integer> heldOut = new HashSet<>();
        int[] counts = new int[data.classes()];
        for (Experience experience : stream.experiences()) {
            for (int i : experience.validation()) {
                assertTrue(heldOut.add(i), "once");
                counts[data.train().label(i)]++;
                assertTrue(experience
                        .classes()
                        .contains(stream.relabel(data.train().label(i))));
            }
        }
        int[] all = new int[data.classes()];
        for (int i = 0; i < data.train().size(); i++) {
            all[data.train().label(i)]++;
        }
        for (int label = 0; label < counts.length; label++) {
            int expected = stream.relabel(label) < stream.classes() ? (int) Math.round(0.25 * all[label]) : 0;
            assertEquals(expected, counts[label], "class " + label);
        }
        for (Experience experience : stream.experiences()) {
            IntStream.concat(Arrays.stream(experience.train()), Arrays.stream(experience.unlabelled()))
                    .forEach(i -> assertFalse(heldOut.contains(i), "image " + i));
        }
        assertTrue(assertThrows(
                        IllegalArgumentException.class,
                        () -> RepetitionStream.generate(data, plan, new ClassOrder.Seeded(3), 0.999, 3))
                .getMessage()
                .contains("leaves none: choose a smaller one"));
    }

    /** Nothing where the plan asks for more images than there are. */
    private static RepetitionStream generate(Dataset data, RepetitionPlan plan, int seed) {
        try {
            return RepetitionStream.generate(data, plan, new ClassOrder.Seeded(seed), seed);
        } catch (IllegalArgumentException e) {
            assertTrue(e.getMessage().contains("use fewer"), e.getMessage());
            return null;
        }
    }

    private static void assertPromises(RepetitionStream stream, RepetitionPlan plan, int labelledClasses) {
        Images images = stream.dataset().train();
        Set<Integer> labelledBefore = new HashSet<>();
        Set<Integer> seen = new HashSet<>();
        Set<Integer> tested = new HashSet<>();
        for (Experience e : stream.experiences()) {
            assertEquals(plan.labelled(), e.train().length);
            assertEquals(plan.unlabelled(), e.unlabelled().length);
            for (int index : e.train()) {
                assertTrue(labelledBefore.add(index), "image " + index + " labelled twice");
            }
            Set<Integer> pool = new HashSet<>();
            Set<Integer> current = new HashSet<>();
            Arrays.stream(e.present()).forEach(current::add);
            for (int index : e.unlabelled()) {
                assertTrue(pool.add(index), "image " + index + " twice in a pool");
                assertTrue(!labelledBefore.contains(index), "image " + index + " in the pool was labelled");
                int number = stream.relabel(images.label(index));
                assertTrue(
                        plan.pool() != Pool.CURRENT || current.contains(number), "class " + number + " is not current");
                assertTrue(
                        plan.pool() == Pool.DISTRACTORS || number < labelledClasses,
                        "class " + number + " is a distractor");
            }
            assertEquals(seen.size(), e.classes().begin());
            Set<Integer> classes = new HashSet<>();
            for (int index : e.train()) {
                classes.add(stream.relabel(images.label(index)));
            }
            assertEquals(current, classes);
            seen.addAll(classes);
            assertEquals(
                    seen,
                    new HashSet<>(IntStream.range(0, e.classes().end()).boxed().toList()),
                    "the classes seen are a range");
            assertEquals(new ClassRange(0, e.classes().end()), stream.seenAfter(e.index()));
            assertTrue(classes.size() >= Math.min(plan.fewest(), e.classes().end()), classes + " are too few");
            for (int index : e.test()) {
                int number = stream.relabel(stream.dataset().test().label(index));
                assertTrue(number >= e.classes().begin() && number < e.classes().end() && tested.add(index));
            }
        }
        assertEquals(labelledClasses, seen.size(), "every class is seen by the end");
        assertEquals(labelledClasses, stream.classes());
        assertEquals(stream.dataset().test().size(), tested.size());
    }

    /**
     * methods.md: ten new classes in experiences 0-2 and in each window of five, 3 to 19 classes, about 80 % repeated;
     * 4.6, 4.4, 2.6.
     */
    @Test
    void theChallengesParametersGiveTheChallengesStatistics() {
        Dataset data = data(100, 30, 1300);
        double[] sums = new double[6];
        int streams = 6;
        for (int seed = 0; seed < streams; seed++) {
            RepetitionStream all = RepetitionStream.generate(
                    data, RepetitionPlan.challenge(Pool.ALL), new ClassOrder.Seeded(seed), seed);
            RepetitionStream distractors = RepetitionStream.generate(
                    data, RepetitionPlan.challenge(Pool.DISTRACTORS), new ClassOrder.Seeded(seed), seed);
            for (int w = 0; w < 10; w++) {
                int before =
                        w == 0 ? 0 : all.experiences().get(5 * w - 2).classes().begin();
                assertEquals(
                        10, all.experiences().get(5 * w + 2).classes().end() - before, "new classes in window " + w);
            }
            for (Experience e : all.experiences()) {
                assertTrue(e.present().length >= 3 && e.present().length <= 19);
                sums[0] += e.present().length;
                sums[1] += e.present().length - e.classes().size();
                Set<Integer> pool = pool(all, e);
                Arrays.stream(e.present())
                        .forEach(number -> assertTrue(pool.remove(number), "class " + number + " is in the pool"));
                sums[2] += pool.stream()
                        .filter(number -> number < e.classes().end())
                        .count();
                sums[3] += pool.stream()
                        .filter(number -> number >= e.classes().end())
                        .count();
            }
            for (Experience e : distractors.experiences()) {
                sums[4] += pool(distractors, e).stream()
                        .filter(number -> number >= 100)
                        .count();
            }
        }
        double experiences = 50.0 * streams;
        assertEquals(10.8, sums[0] / experiences, 0.5, "classes an experience (11.0, 10.6 and 10.7 in the files)");
        assertEquals(0.81, sums[1] / sums[0], 0.015, "share that is repeated (0.82, 0.81 and 0.81 in the files)");
        assertEquals(4.6, sums[2] / experiences, 0.5, "past classes in the pool");
        assertEquals(4.4, sums[3] / experiences, 0.5, "future classes in the pool");
        assertEquals(
                2.45, sums[4] / experiences, 0.3, "distractors in the pool (2.58 in the file, 10·30/130 expected)");
    }

    @Test
    void theSeedDecides() {
        Dataset data = data(20, 3, 80);
        var plan = new RepetitionPlan(12, 20, 30, 2, 2, 4, 0.5, 0.2, 2, 8, Pool.DISTRACTORS, 3);
        RepetitionStream one = RepetitionStream.generate(data, plan, new ClassOrder.Seeded(5), 5);
        RepetitionStream again = RepetitionStream.generate(data, plan, new ClassOrder.Seeded(5), 5);
        RepetitionStream other = RepetitionStream.generate(data, plan, new ClassOrder.Seeded(5), 6);
        int same = 0;
        for (int e = 0; e < 12; e++) {
            assertArrayEquals(
                    one.experiences().get(e).train(), again.experiences().get(e).train());
            assertArrayEquals(
                    one.experiences().get(e).unlabelled(),
                    again.experiences().get(e).unlabelled());
            same += Arrays.equals(
                            one.experiences().get(e).train(),
                            other.experiences().get(e).train())
                    ? 1
                    : 0;
            same += Arrays.equals(
                            one.experiences().get(e).unlabelled(),
                            other.experiences().get(e).unlabelled())
                    ? 1
                    : 0;
        }
        assertEquals(0, same);
        assertNotEquals(
                one.classNames(),
                RepetitionStream.generate(data, plan, new ClassOrder.Seeded(6), 5)
                        .classNames());
    }

    @Test
    void anExperiencesClassesShareItsImages() {
        Dataset data = data(10, 2, 200);
        RepetitionStream stream = RepetitionStream.generate(
                data, RepetitionPlan.challenge(Pool.CURRENT).withImages(21, 37), new ClassOrder.Seeded(1), 1);
        for (Experience e : stream.experiences()) {
            for (int[] indices : List.of(e.train(), e.unlabelled())) {
                var counts = new TreeMap<Integer, Integer>();
                Arrays.stream(indices).forEach(i -> counts.merge(data.train().label(i), 1, Integer::sum));
                int most = counts.values().stream().max(Integer::compare).orElseThrow();
                int least = counts.values().stream().min(Integer::compare).orElseThrow();
                assertTrue(most - least <= 1, counts.toString());
            }
        }
    }

    /**
     * Of a class with 5 labelled and 10 unlabelled images in each of three experiences, 10·5/95 of a pool are labelled
     * next.
     */
    @Test
    void aPoolIsDrawnAnewFromAllThatIsNotLabelledYet() {
        Dataset data = data(2, 1, 100);
        var plan = new RepetitionPlan(3, 10, 20, 1, 1, 2, 1, 1, 1, 10, Pool.CURRENT, 0);
        int next = 0;
        int again = 0;
        for (int seed = 0; seed < 50; seed++) {
            List<Experience> experiences = RepetitionStream.generate(data, plan, new ClassOrder.Seeded(seed), seed)
                    .experiences();
            for (int e = 0; e < 2; e++) {
                int[] pool = experiences.get(e).unlabelled();
                Experience later = experiences.get(e + 1);
                next += (int) Arrays.stream(pool)
                        .filter(index -> Arrays.binarySearch(later.train(), index) >= 0)
                        .count();
                again += (int) Arrays.stream(pool)
                        .filter(index -> Arrays.binarySearch(later.unlabelled(), index) >= 0)
                        .count();
            }
        }
        // 200 draws of 0.53 ± 0.69 and of about 1.1 ± 0.95 images.
        assertEquals(105, next, 50, "images of a pool that are labelled next");
        assertEquals(215, again, 70, "images of a pool that are in the next one");
    }

    @Test
    void classesWithoutImagesLeftStayAwayAndOthersComeInstead() {
        Dataset data = data(10, 2, 50);
        int usedUp = 0;
        for (int seed = 0; seed < 20; seed++) {
            RepetitionStream stream = RepetitionStream.generate(
                    data,
                    new RepetitionPlan(12, 30, 0, 3, 2, 4, 0.6, 0.3, 3, 6, Pool.CURRENT, 0),
                    new ClassOrder.Seeded(seed),
                    seed);
            int[] images = new int[data.classes()];
            for (Experience e : stream.experiences()) {
                assertEquals(30, e.train().length);
                assertTrue(e.present().length >= 3 && e.present().length <= 6, Arrays.toString(e.present()));
                Arrays.stream(e.train()).forEach(i -> images[data.train().label(i)]++);
            }
            assertEquals(10, Arrays.stream(images).filter(n -> n > 0).count(), "every class is seen");
            assertTrue(Arrays.stream(images).allMatch(n -> n <= 50), Arrays.toString(images));
            usedUp += (int) Arrays.stream(images).filter(n -> n == 50).count();
        }
        assertTrue(usedUp > 10, "this plan uses classes up");
    }

    @Test
    void impossiblePlansAreRefusedWithTheNumbers() {
        Dataset data = data(10, 2, 20);
        var plan = new RepetitionPlan(4, 30, 40, 2, 2, 5, 1, 0, 1, 30, Pool.CURRENT, 0);
        assertTrue(
                refusal(data, plan.withImages(60, 40))
                        .matches("experience 2 needs 60 labelled images, its \\d classes have 40 that were "
                                + "not labelled before: use fewer images per experience"),
                refusal(data, plan.withImages(60, 40)));
        assertEquals(
                "experience 2 needs 50 unlabelled images, its 5 classes have 40 that were not labelled before: use"
                        + " fewer images per experience",
                refusal(data, plan.withImages(30, 50)));
        assertEquals(
                "10 classes, 2 in each window, take 5 windows; 4 experiences end before the last begins: use more"
                        + " experiences, shorter windows or more new classes",
                refusal(data, new RepetitionPlan(4, 9, 9, 1, 1, 2, 1, 0, 1, 9, Pool.CURRENT, 0)));
        assertEquals(
                "digits has no distractors, which are classes without test images: use a pool of current or all, or"
                        + " data = glyphs-distractors",
                refusal(Dataset.load("digits", Optional.empty()), RepetitionPlan.challenge(Pool.DISTRACTORS)));
        assertEquals(
                "fewest-classes = 11: expected 1 to 10, the classes of a window",
                assertThrows(
                                IllegalArgumentException.class,
                                () -> new RepetitionPlan(50, 500, 1000, 3, 5, 10, 0.5, 0.11, 11, 19, Pool.ALL, 10))
                        .getMessage());
        assertEquals(
                "arriving = NaN: expected a probability",
                assertThrows(
                                IllegalArgumentException.class,
                                () -> new RepetitionPlan(
                                        50, 500, 1000, 3, 5, 10, Double.NaN, 0.11, 3, 19, Pool.ALL, 10))
                        .getMessage());
    }

    @Test
    void listsThatBreakAPromiseAreRefused() {
        Dataset data = data(2, 1, 5);
        int[] none = {};
        assertEquals(
                "image 1 is labelled in experience 2 and in an earlier one: label each image once",
                refusal(data, List.of(new int[] {0, 1}, new int[] {1}), List.of(none, none)));
        assertEquals(
                "unlabelled image 0 of experience 2 is or was labelled: leave it out of the pool",
                refusal(data, List.of(new int[] {0}, new int[] {1}), List.of(none, new int[] {2, 0})));
        assertEquals(
                "experience 1 has unlabelled image 2 twice: name each image once",
                refusal(data, List.of(new int[] {0}), List.of(new int[] {2, 2})));
        assertEquals(
                "experience 1 has labelled image 15, there are 15 training images: use the data set that the stream"
                        + " was made for",
                refusal(data, List.of(new int[] {15}), List.of(none)));
        assertEquals(
                "experience 1 has no labelled image: it needs at least one",
                refusal(data, List.of(none), List.of(none)));
        assertEquals(
                "a stream needs as many lists of unlabelled images as of labelled ones, got 0 and 1",
                refusal(data, List.of(none), List.of()));
        var later = new RepetitionStream(data, List.of(new int[] {0}, new int[] {2}), List.of(new int[] {2}, none));
        assertArrayEquals(new int[] {2}, later.experiences().getFirst().unlabelled());
    }

    private static String refusal(Dataset data, RepetitionPlan plan) {
        return assertThrows(
                        IllegalArgumentException.class,
                        () -> RepetitionStream.generate(data, plan, new ClassOrder.Seeded(1), 1))
                .getMessage();
    }

    private static String refusal(Dataset data, List<int[]> labelled, List<int[]> unlabelled) {
        return assertThrows(IllegalArgumentException.class, () -> new RepetitionStream(data, labelled, unlabelled))
                .getMessage();
    }

    /** Ten classes, 3 and then 1 and 2 labelled first; image i is of class i mod 10. */
    @Test
    void aScenarioIsRefusedUnlessItsClassesAreThoseOfItsImages() {
        Dataset data = data(10, 0, 4);
        List<int[]> labelled = List.of(new int[] {3, 13}, new int[] {1, 2, 23}, new int[] {12});
        List<int[]> unlabelled = List.of(new int[] {33, 4}, new int[] {11}, new int[] {32, 5});
        List<int[]> pool = List.of(new int[] {3, 4}, new int[] {1}, new int[] {2, 5});
        var asInData = new Scenario(
                10, labelled, unlabelled, List.of(new int[] {3}, new int[] {1, 2, 3}, new int[] {2}), pool);
        assertEquals(3, RepetitionStream.of(data, asInData).classes());
        // Classes 1 and 2 come together: either may be the second. Distractors may come in any order.
        for (int two = 1; two <= 2; two++) {
            int one = 3 - two;
            var counted = new Scenario(
                    10,
                    labelled,
                    unlabelled,
                    List.of(new int[] {0}, new int[] {0, 1, 2}, new int[] {two}),
                    List.of(new int[] {0, 9}, new int[] {one}, new int[] {two, 7}));
            assertEquals(3, RepetitionStream.of(data, counted).classes());
        }
        List<List<int[]>> wrong = List.of(
                List.of(new int[] {0}, new int[] {0, 1, 2}, new int[] {0}),
                List.of(new int[] {1}, new int[] {0, 1, 2}, new int[] {2}),
                List.of(new int[] {0}, new int[] {0, 1}, new int[] {2}));
        List<String> sentences = List.of(
                "the labelled images of experience 3 are of the classes 2 in toy and of 0 in the scenario file",
                "the labelled images of experience 1 are of the classes 0 in toy and of 1 in the scenario file",
                "the labelled images of experience 2 are of the classes 0, 1, 2 in toy and of 0, 1 in the scenario"
                        + " file");
        for (int i = 0; i < wrong.size(); i++) {
            var scenario = new Scenario(10, labelled, unlabelled, wrong.get(i), pool);
            String message = assertThrows(IllegalArgumentException.class, () -> RepetitionStream.of(data, scenario))
                    .getMessage();
            assertTrue(message.startsWith(sentences.get(i)), message);
        }
    }

    private static Set<Integer> pool(RepetitionStream stream, Experience experience) {
        Set<Integer> classes = new HashSet<>();
        for (int index : experience.unlabelled()) {
            classes.add(stream.relabel(stream.dataset().train().label(index)));
        }
        return classes;
    }

    /** Images of one pixel; label = index mod classes. Distractors come between the others and have no test image. */
    private static Dataset data(int labelled, int distractors, int each) {
        int classes = labelled + distractors;
        int[] test = IntStream.range(0, 2 * classes)
                .map(i -> i % classes)
                .filter(label -> label < labelled / 2 || label >= labelled / 2 + distractors)
                .toArray();
        int[] train = IntStream.range(0, classes * each).map(i -> i % classes).toArray();
        Images images = Images.of(1, 1, 1, new byte[train.length], train);
        return new Dataset(
                "toy",
                IntStream.range(0, classes).mapToObj(c -> "c" + c).toList(),
                images,
                Images.of(1, 1, 1, new byte[test.length], test),
                new TreeMap<>(),
                "none");
    }
}

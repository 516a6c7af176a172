package dev.palimpsest.stream;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.stream.Stream.Experience;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class ClassIncrementalStreamTest {
    private final Dataset digits = Dataset.load("digits", Optional.empty());

    @Test
    void everyImageComesInExactlyOnePlace() {
        var stream = ClassIncrementalStream.of(digits, "4+3x2", "seed:3", 0.2, 1);
        int[] train = IntStream.empty().toArray();
        int[] test = train;
        for (Experience e : stream.experiences()) {
            train = concat(train, concat(e.train(), e.validation()));
            test = concat(test, e.test());
        }
        Arrays.sort(train);
        Arrays.sort(test);
        assertArrayEquals(IntStream.range(0, digits.train().size()).toArray(), train);
        assertArrayEquals(IntStream.range(0, digits.test().size()).toArray(), test);
    }

    @Test
    void everyExperienceHoldsItsClassesAlone() {
        var stream = ClassIncrementalStream.of(digits, "4+3x2", "seed:3", 0.2, 1);
        List<ClassRange> ranges =
                stream.experiences().stream().map(Experience::classes).toList();
        assertEquals(
                List.of(new ClassRange(0, 4), new ClassRange(4, 6), new ClassRange(6, 8), new ClassRange(8, 10)),
                ranges);
        for (Experience e : stream.experiences()) {
            assertEquals(ranges.get(e.index()), e.classes());
            assertTrue(Arrays.stream(concat(e.train(), e.validation()))
                    .allMatch(i ->
                            e.classes().contains(stream.relabel(digits.train().label(i)))));
            assertTrue(Arrays.stream(e.test())
                    .allMatch(i ->
                            e.classes().contains(stream.relabel(digits.test().label(i)))));
        }
        assertEquals(new ClassRange(0, 6), stream.seenAfter(1));
    }

    @Test
    void labelsAreTheirPlaceInTheOrder() {
        var stream = ClassIncrementalStream.of(digits, "5x2", "9,8,7,6,5,4,3,2,0,1", 0, 1);
        assertEquals(0, stream.relabel(9));
        assertEquals(8, stream.relabel(0));
        assertEquals(9, stream.relabel(1));
        assertEquals(List.of("9", "8", "7", "6", "5", "4", "3", "2", "0", "1"), stream.classNames());
        assertThrows(IndexOutOfBoundsException.class, () -> stream.relabel(10));
    }

    @Test
    void validationTakesItsShareOfEveryClass() {
        var stream = ClassIncrementalStream.of(digits, "10x1", "seed:1", 0.1, 7);
        for (Experience e : stream.experiences()) {
            int all = e.train().length + e.validation().length;
            assertEquals(Math.round(0.1 * all), e.validation().length);
        }
    }

    @Test
    void validationDependsOnItsSeedAndNotOnTheOrder() {
        boolean[] one = heldOut(ClassIncrementalStream.of(digits, "5x2", "seed:1", 0.1, 7));
        assertArrayEquals(one, heldOut(ClassIncrementalStream.of(digits, "10x1", "seed:2", 0.1, 7)));
        assertFalse(Arrays.equals(one, heldOut(ClassIncrementalStream.of(digits, "5x2", "seed:1", 0.1, 8))));
    }

    @Test
    void classesThatDoNotDivideIntoTheSplitAreRefusedWithTheNumbers() {
        assertEquals(
                "split 3x3 takes 9 classes, digits has 10: choose a split whose experiences add up to 10",
                refused("3x3", 0));
        assertEquals(
                "split 4+3x3 takes 13 classes, digits has 10: choose a split whose experiences add up to 10",
                refused("4+3x3", 0));
    }

    @Test
    void aFractionThatLeavesNothingIsRefused() {
        assertEquals("the validation fraction must be at least 0 and below 1, got 1.0", refused("5x2", 1));
        assertEquals("the validation fraction must be at least 0 and below 1, got NaN", refused("5x2", Double.NaN));
        assertEquals(
                "class 0 has 143 training images, a validation fraction of 0.999 leaves none: choose a smaller one",
                refused("5x2", 0.999));
    }

    private String refused(String split, double fraction) {
        return assertThrows(
                        IllegalArgumentException.class,
                        () -> ClassIncrementalStream.of(digits, split, "seed:1", fraction, 1))
                .getMessage();
    }

    private boolean[] heldOut(ClassIncrementalStream stream) {
        boolean[] heldOut = new boolean[digits.train().size()];
        stream.experiences().forEach(e -> Arrays.stream(e.validation()).forEach(i -> heldOut[i] = true));
        return heldOut;
    }

    private static int[] concat(int[] a, int[] b) {
        return IntStream.concat(Arrays.stream(a), Arrays.stream(b)).toArray();
    }
}

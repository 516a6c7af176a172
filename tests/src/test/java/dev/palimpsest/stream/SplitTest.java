package dev.palimpsest.stream;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.palimpsest.stream.ClassIncrementalStream.Split;
import dev.palimpsest.stream.Stream.ClassOrder;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class SplitTest {
    @Test
    void readsTheUsualSplits() {
        assertEquals(List.of(2, 2, 2, 2, 2), Split.parse("5x2").sizes());
        assertEquals(List.of(2, 2), Split.parse(" 2×2 ").sizes());
        assertEquals(List.of(4, 3, 3), Split.parse("4+2x3").sizes());
        Split half = Split.parse("50+10x5");
        assertEquals(11, half.sizes().size());
        assertEquals(50, half.sizes().getFirst());
        assertEquals(100, half.classes());
        assertEquals(Collections.nCopies(10, 10), Split.parse("10x10").sizes());
    }

    @ParameterizedTest
    @ValueSource(strings = {"5x2", "50+10x5", "1+2+3", "10"})
    void isWrittenAsItIsRead(String text) {
        assertEquals(text, Split.parse(text).toString());
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "x", "5x", "x2", "0x2", "5x0", "5x2+", "-5x2", "5*2", "1x2x3"})
    void refusesAnythingElse(String text) {
        assertEquals(
                "\"" + text
                        + "\" is not a split: expected EXPERIENCESxCLASSES such as 5x2, or 50+10x5 for an experience"
                        + " of 50 classes and ten of 5",
                assertThrows(IllegalArgumentException.class, () -> Split.parse(text))
                        .getMessage());
    }

    @Test
    void seededOrdersArePermutationsThatDependOnTheSeed() {
        int[] one = ClassOrder.parse("seed:1").of(10);
        assertArrayEquals(one, ClassOrder.parse("1").of(10));
        assertNotEquals(
                Arrays.toString(one), Arrays.toString(ClassOrder.parse("seed:2").of(10)));
        Arrays.sort(one);
        assertArrayEquals(IntStream.range(0, 10).toArray(), one);
    }

    @Test
    void listedOrdersAreTakenAsTheyAre() {
        assertArrayEquals(new int[] {2, 0, 1}, ClassOrder.parse("2, 0, 1").of(3));
        assertEquals("2,0,1", ClassOrder.parse("2, 0, 1").toString());
        assertEquals("-3", ClassOrder.parse("-3").toString());
    }

    @Test
    void refusesOrdersThatAreNone() {
        assertEquals(
                "\"random\" is not a class order: expected seed:NUMBER or labels joined by commas such as 3,1,0,2",
                assertThrows(IllegalArgumentException.class, () -> ClassOrder.parse("random"))
                        .getMessage());
        assertEquals(
                "class order 0,1,1 must name each of the 3 classes 0..2 once, it has 3 entries, 2 of them different",
                assertThrows(
                                IllegalArgumentException.class,
                                () -> ClassOrder.parse("0,1,1").of(3))
                        .getMessage());
        assertThrows(
                IllegalArgumentException.class, () -> ClassOrder.parse("0,1").of(3));
        assertThrows(
                IllegalArgumentException.class, () -> ClassOrder.parse("0,1,").of(2));
    }
}

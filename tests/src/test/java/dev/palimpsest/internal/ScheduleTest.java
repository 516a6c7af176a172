package dev.palimpsest.internal;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

class ScheduleTest {
    @Test
    void constantIsOne() {
        assertEquals(1, new Schedule.Constant().factor(0, 1));
        assertEquals(1, new Schedule.Constant().factor(99, 100));
    }

    @Test
    void stepDropsExactlyAtItsMilestones() {
        Schedule icarl = new Schedule.Step(List.of(0.7, 0.9), 0.2);
        for (int stepsAnEpoch : new int[] {1, 3, 391}) {
            long total = 70L * stepsAnEpoch;
            assertEquals(1, icarl.factor(49L * stepsAnEpoch - 1, total));
            assertEquals(0.2, icarl.factor(49L * stepsAnEpoch, total));
            assertEquals(0.2, icarl.factor(63L * stepsAnEpoch - 1, total));
            assertEquals(0.04, icarl.factor(63L * stepsAnEpoch, total), 1e-15);
        }
    }

    @Test
    void cosineFallsFromOneToZero() {
        Schedule cosine = new Schedule.Cosine();
        assertEquals(1, cosine.factor(0, 8));
        assertEquals(0.5 + Math.sqrt(0.5) / 2, cosine.factor(2, 8), 1e-15);
        assertEquals(0.5, cosine.factor(4, 8), 1e-15);
        assertEquals(0, cosine.factor(8, 8), 1e-15);
        for (int step = 0; step < 8; step++) {
            assertTrue(cosine.factor(step + 1, 8) < cosine.factor(step, 8));
        }
    }

    @Test
    void refusesWhatIsOutOfRange() {
        assertThrows(IllegalArgumentException.class, () -> new Schedule.Cosine().factor(9, 8));
        assertThrows(IllegalArgumentException.class, () -> new Schedule.Cosine().factor(0, 0));
        assertThrows(IllegalArgumentException.class, () -> new Schedule.Step(List.of(0.9, 0.7), 0.2));
        assertThrows(IllegalArgumentException.class, () -> new Schedule.Step(List.of(1.0), 0.2));
        assertThrows(IllegalArgumentException.class, () -> new Schedule.Step(List.of(0.5), Double.NaN));
    }
}

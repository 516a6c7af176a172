package dev.palimpsest.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointEveryTest {
    @Test
    void comesAfterStepsOrAfterMinutes() {
        CheckpointEvery steps = CheckpointEvery.parse("500");
        assertTrue(steps.due(500, 0));
        assertFalse(steps.due(499, Duration.ofDays(1).toNanos()));
        CheckpointEvery minutes = CheckpointEvery.parse("5m");
        assertTrue(minutes.due(1, Duration.ofMinutes(5).toNanos()));
        assertFalse(minutes.due(1_000_000, Duration.ofMinutes(5).toNanos() - 1));
        for (String never : new String[] {"0", "0m"}) {
            assertFalse(CheckpointEvery.parse(never)
                    .due(1_000_000, Duration.ofDays(1).toNanos()));
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "m", "5 m", "-1", "1.5", "5s", "99999999999"})
    void refusesWhatIsNoNumberOfThem(String text) {
        String sentence = assertThrows(IllegalArgumentException.class, () -> CheckpointEvery.parse(text))
                .getMessage();
        assertTrue(sentence.contains("checkpoint-every = " + text + ": expected"), sentence);
    }

    @ParameterizedTest
    @ValueSource(strings = {"0", "1", "500", "10m"})
    void isWrittenAsItIsRead(String text) {
        assertEquals(text, CheckpointEvery.parse(text).toString());
    }
}

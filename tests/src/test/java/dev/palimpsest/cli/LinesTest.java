package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.train.Progress;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.SequencedMap;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;

class LinesTest {
    private final StringWriter out = new StringWriter();
    private long now;

    @Test
    void aLineWhereNoneCameForSomeTimeAndAfterEveryExperience() {
        Lines lines = new Lines("lwf", Duration.ofSeconds(5), new PrintWriter(out), () -> now);
        lines.begins(new Progress.Setup("digits", new TreeMap<>(), 5, List.of("0", "1"), 77_000));
        lines.phaseBegins(new Progress.Phase(1, "train", 12, 4));
        SequencedMap<String, Double> terms = new LinkedHashMap<>();
        terms.put("cross-entropy", 0.4);
        terms.put("distillation", 0.1);
        for (int step = 0; step < 12; step++) {
            now += TimeUnit.SECONDS.toNanos(1);
            lines.step(new Progress.Step(1, "train", step / 4, step, 0.5, terms, 0.1, 1234.4));
        }
        lines.evaluated(new Progress.Evaluation(1, List.of(0.5, 0.7), 0.6, 0.9, new int[0][]));
        assertEquals("""
            lwf: 5 experiences, 77,000 weights
            lwf 2/5 train  epoch 2/3  1,234 images/s  loss 0.500  cross-entropy 0.400  distillation 0.100
            lwf 2/5 train  epoch 3/3  1,234 images/s  loss 0.500  cross-entropy 0.400  distillation 0.100
            lwf after experience 2/5: 60.0 % on all classes seen, 90.0 % within their experience
            """, out.toString().replace(System.lineSeparator(), "\n"));
    }

    @Test
    void whatHasOneExperienceCountsNone() {
        Lines lines = new Lines("pets", Duration.ZERO, new PrintWriter(out), () -> now);
        lines.begins(new Progress.Setup("lesson", new TreeMap<>(), 1, List.of("0", "1"), 77_000));
        lines.phaseBegins(new Progress.Phase(0, "train", 12, 4));
        lines.step(new Progress.Step(0, "train", 0, 0, 0.5, new LinkedHashMap<>(), 0.1, 1234.4));
        assertEquals("""
            pets: 77,000 weights
            pets train  epoch 1/3  1,234 images/s  loss 0.500
            """, out.toString().replace(System.lineSeparator(), "\n"));
    }
}

package dev.palimpsest.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class PairedTest {
    /** Differences 1, 2 and 6: mean 3, sample variance (4 + 1 + 9) / 2 = 7, standard error √(7/3). */
    @Test
    void theStandardErrorIsOfTheDifferences() {
        Paired paired = Paired.of(1, 2, 6);
        assertEquals(3, paired.mean(), 1e-15);
        assertEquals(Math.sqrt(7.0 / 3), paired.standardError(), 1e-15);
        assertEquals("+3.0 ± 1.5 (3)", paired.text(1, 1));
        assertEquals("-50.00 ± 50.00 (2)", Paired.of(0, -1).text(100 * 1, 2).replace("−", "-"));
    }

    /**
     * Orders 2 and 3 are in both; what is added on every order alike leaves no error, however far the orders lie
     * apart.
     */
    @Test
    void onlyClassOrdersThatBothHaveArePaired() {
        Group group = group("M2KD", Map.of("1", 0.9, "2", 0.5, "3", 0.7));
        Group reference = group("LwF", Map.of("2", 0.4, "3", 0.6, "4", 0.1));
        Paired paired = Paired.of(group, reference, Metrics::finalAccuracy);
        assertEquals(2, paired.count());
        assertEquals(0.1, paired.mean(), 1e-12);
        assertEquals(0, paired.standardError(), 1e-12);
        assertEquals("+10.0 ± 0.0 (2)", paired.text(100, 1));
        // The unpaired spread of either row would have hidden it.
        assertTrue(Spread.of(0.5, 0.7).deviation() > 0.1);
    }

    @Test
    void onePairIsNoComparison() {
        assertEquals("–", Paired.of(4).text(1, 1));
        assertEquals(
                "–",
                Paired.of(group("a", Map.of("1", 0.5)), group("b", Map.of("1", 0.4)), Metrics::finalAccuracy)
                        .text(1, 1));
        assertEquals("–", Paired.of().text(1, 1));
        Comparison.Block block =
                new Comparison.Block("", group("a", Map.of("1", 0.5)), List.of(group("b", Map.of("1", 0.4))));
        assertEquals(Optional.empty(), block.differences());
    }

    @Test
    void whatDiffersBetweenRowsIsSaid() {
        Group lwf = group("LwF", Map.of("1", 0.5, "2", 0.5), "evaluate", "test", "threads", "1");
        Group m2kd = group("M2KD", Map.of("1", 0.5, "2", 0.5), "evaluate", "validation", "threads", "1");
        assertEquals(
                List.of("Not the same: images evaluated (test in LwF; validation in M2KD)."),
                Conventions.differences(List.of(lwf, m2kd)));
        assertEquals(
                List.of("Not the same: class orders (1,2 in LwF; 1,3 in joint)."),
                Conventions.differences(
                        List.of(lwf, group("joint", Map.of("1", 0.5, "3", 0.5), "evaluate", "test", "threads", "1"))));
        assertEquals(List.of(), Conventions.differences(List.of(lwf, lwf)));
    }

    @Test
    void tablesAreMarkdownToo() {
        Table table = new Table(List.of("row", "figure"), List.of(List.of("a|b", "1")));
        assertEquals("| row | figure |\n|---|---|\n| a\\|b | 1 |\n", table.markdown());
        assertEquals("row  figure\na|b       1\n", table.plain());
    }

    private static Group group(String label, Map<String, Double> finalByOrder, String... options) {
        List<SavedRun> runs = new ArrayList<>();
        new TreeMap<>(finalByOrder).forEach((order, value) -> {
            ObjectNode run = new ObjectMapper().createObjectNode();
            ObjectNode told = run.putObject("options").put("order", order).put("seed", "1");
            for (int i = 0; i < options.length; i += 2) {
                told.put(options[i], options[i + 1]);
            }
            runs.add(new SavedRun(
                    Path.of(label, order),
                    run,
                    Optional.of(new Metrics(
                            new Double[0][],
                            new Double[0][],
                            List.of(),
                            List.of(),
                            value,
                            null,
                            value,
                            null,
                            null,
                            null,
                            0,
                            0,
                            0,
                            List.of(),
                            List.of(),
                            0,
                            0,
                            null,
                            1,
                            1,
                            1))));
        });
        return new Group(label, runs);
    }
}

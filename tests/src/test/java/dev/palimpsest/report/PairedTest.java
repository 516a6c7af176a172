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
import java.util.OptionalInt;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class PairedTest {
    /** Differences 1, 2 and 6: mean 3, sample variance (4 + 1 + 9) / 2 = 7, standard error √(7/3). */
    @Test
    void theStandardErrorIsOfTheDifferences() {
        Paired paired = Paired.of(1, 2, 6);
        assertEquals(3, paired.mean(), 1e-15);
        assertEquals(Math.sqrt(7.0 / 3), paired.standardError(), 1e-15);
        // t(0.975, 2) = 4.3027 (tables)
        assertEquals(4.302652729911275 * Math.sqrt(7.0 / 3), paired.halfWidth(), 1e-9);
        assertEquals(List.of("+3.0", "[-3.6, +9.6]"), paired.text(1, 1));
        // t(0.975, 1) = 12.7062
        assertEquals(List.of("-50.00", "[-685.31, +585.31]"), Paired.of(0, -1).text(100, 2));
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
        assertEquals(List.of("+10.0", "[+10.0, +10.0]"), paired.text(100, 1));
        // The unpaired spread of either row would have hidden it.
        assertTrue(Spread.of(0.5, 0.7).deviation() > 0.1);
    }

    /** A verdict needs an interval that excludes 0, and knows which way is up. */
    @Test
    void verdictsFollowTheInterval() {
        assertEquals(Paired.Verdict.UNDECIDED, Paired.of(1, 2, 6).verdict(1), "3 ± 6.6");
        assertEquals(Paired.Verdict.BETTER, Paired.of(3, 3.5, 4).verdict(1), "3.5 ± 0.7");
        assertEquals(Paired.Verdict.WORSE, Paired.of(-3, -3.5, -4).verdict(1));
        assertEquals(Paired.Verdict.BETTER, Paired.of(-3, -3.5, -4).verdict(-1), "forgetting");
        assertEquals(Paired.Verdict.WORSE, Paired.of(3, 3.5, 4).verdict(-1));
        assertEquals(Paired.Verdict.UNDECIDED, Paired.of(0, 0, 0).verdict(1));
        assertEquals("cannot be told", Paired.Verdict.UNDECIDED.toString());
    }

    /**
     * Sample sizes of the paired t-test at 5 % and power 80 % as tables have them (Cohen 1988; R's power.t.test): 34
     * for a mean of half a deviation, 10 for one deviation, 199 for a fifth.
     */
    @Test
    void thePairsNeededAreThoseOfPowerTables() {
        assertEquals(OptionalInt.of(34), withEffect(0.5).needed());
        assertEquals(OptionalInt.of(10), withEffect(1).needed());
        assertEquals(OptionalInt.of(199), withEffect(-0.2).needed());
        assertEquals(OptionalInt.empty(), withEffect(0.01).needed(), "78,000");
        assertEquals(OptionalInt.empty(), withEffect(0).needed());
        assertEquals(OptionalInt.of(2), Paired.of(4, 4).needed(), "no scatter");
    }

    /** Four differences of deviation 1 around the mean. */
    private static Paired withEffect(double mean) {
        double aside = Math.sqrt(0.75);
        return Paired.of(mean - aside, mean + aside, mean - aside, mean + aside);
    }

    @Test
    void differencesSayWhatTheyAreWorthInWords() {
        Group reference = group("LwF", Map.of("1", 0.40, "2", 0.50, "3", 0.60));
        Group up = group("up", Map.of("1", 0.45, "2", 0.56, "3", 0.66));
        Group about = group("about", Map.of("1", 0.45, "2", 0.46, "3", 0.61));
        Comparison.Block block = new Comparison.Block("", reference, List.of(reference, up, about));
        List<List<String>> rows = block.differences().orElseThrow().rows();
        // mean 17/3, sd 1/√3, t(0.975, 2)·sd/√3 = 1.434; two pairs would need (12.71 + 1.38)·sd/√2 = 5.75
        assertEquals(List.of("up", "final", "better", "+5.7", "[+4.2, +7.1]", "3", "3"), rows.get(1));
        assertEquals("cannot be told", rows.get(3).get(2));
        assertTrue(Integer.parseInt(rows.get(3).get(6)) > 100, rows.get(3).get(6));
    }

    @Test
    void rowsOnOtherDataHaveNoDifferences() {
        Group digits = group("a", Map.of("1", 0.5, "2", 0.6), "data", "digits");
        Group glyphs = group("b", Map.of("1", 0.4, "2", 0.4), "data", "glyphs");
        assertEquals(Optional.empty(), new Comparison.Block("", digits, List.of(digits, glyphs)).differences());
        assertEquals(
                List.of(
                        "Not the same: data (digits in a; glyphs in b).",
                        "No differences between b and a are taken: their data are not the same."),
                Conventions.differences(List.of(digits, glyphs)));
        Group other = group("c", Map.of("1", 0.4, "2", 0.4), "data", "digits", "epochs", "3");
        Group more = group("d", Map.of("1", 0.4, "2", 0.4), "data", "digits", "epochs", "4");
        assertEquals(
                List.of("Not the same: --epochs (3 in c; 4 in d)."), Conventions.differences(List.of(other, more)));
        assertEquals(List.of(), Conventions.differences(List.of(digits, more)), "digits' method has no epochs");
    }

    @Test
    void onePairIsNoComparison() {
        assertTrue(Double.isNaN(Paired.of(4).halfWidth()));
        assertEquals(Paired.Verdict.UNDECIDED, Paired.of(4).verdict(1));
        assertEquals(Paired.Verdict.UNDECIDED, Paired.of().verdict(1));
        assertEquals(OptionalInt.empty(), Paired.of(4).needed());
        Comparison.Block block =
                new Comparison.Block("", group("a", Map.of("1", 0.5)), List.of(group("b", Map.of("1", 0.4))));
        assertEquals(Optional.empty(), block.differences());
    }

    @Test
    void whatDiffersBetweenRowsIsSaid() {
        Group lwf = group("LwF", Map.of("1", 0.5, "2", 0.5), "evaluate", "test", "threads", "1");
        Group m2kd = group("M2KD", Map.of("1", 0.5, "2", 0.5), "evaluate", "validation", "threads", "1");
        assertEquals(
                List.of(
                        "Not the same: images evaluated (test in LwF; validation in M2KD).",
                        "No differences between M2KD and LwF are taken: their images evaluated are not the same."),
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

    @Test
    void manyRowsAndLongValuesTakeOneShortLine() {
        List<Group> groups = new ArrayList<>();
        for (int row = 0; row < 8; row++) {
            groups.add(group(
                    "row " + row, Map.of("1", 0.5), "epochs", Integer.toString(Math.min(row, 4)), "split", "5x2"));
        }
        assertEquals(
                List.of("Not the same: --epochs (0 in row 0; 1 in row 1; 2 in row 2; 2 more values)."),
                Conventions.differences(groups));
        assertEquals(
                List.of("Not the same: --epochs (3 in row 3; 4 in row 4 and 3 more)."),
                Conventions.differences(groups.subList(3, 8)));
        String sentence = Conventions.differences(List.of(
                        group("a", Map.of("1", 0.5), "widths", "1,".repeat(500)),
                        group("b", Map.of("1", 0.5), "widths", "2")))
                .getFirst();
        assertEquals("Not the same: --widths (" + "1,".repeat(24) + "… in a; 2 in b).", sentence);
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
                    "done",
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
                            1)),
                    true));
        });
        return new Group(label, runs);
    }
}

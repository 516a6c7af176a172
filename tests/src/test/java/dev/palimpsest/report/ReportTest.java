package dev.palimpsest.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.DoubleNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.metrics.AccuracyMatrix;
import dev.palimpsest.recipe.Recipe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ReportTest {
    @TempDir
    private Path temporary;

    @Test
    void thePageNeedsNothingFromOutside() throws IOException {
        compare("1");
        String html = report();
        assertFalse(Pattern.compile("https?:|//[a-z]|<script|<link|<img|url\\((?!#)|@import|src=")
                .matcher(html)
                .find());
    }

    @Test
    void everyMethodHasItsRowAndItsPlots() throws IOException {
        compare("1");
        String html = report();
        for (String method : List.of("m2kd", "lwf", "fine-tuning")) {
            assertTrue(html.contains("<th scope=\"row\">" + method + "</th>"), method);
            assertTrue(html.contains("aria-label=\"Accuracy matrix of " + method + "\""), method);
        }
        for (String plot : List.of("Accuracy on all classes seen", "Loss terms", "Memory of all earlier models")) {
            assertTrue(html.contains("aria-label=\"" + plot), plot);
        }
        assertTrue(html.contains("palimpsest train m2kd-digits --method lwf"));
        assertTrue(html.contains("the first experience included"));
        assertTrue(html.contains("<dt>milliseconds per step, student</dt>\n<dd>32.5</dd>"));
        assertFalse(html.contains("NaN"), "no NaN in plots or text");
    }

    /** Accuracies that only fall, but on experience 4, which the last one helps from 98 to 100. */
    @Test
    void forgettingStandsUnderTheMatrixOfEachMethod() throws IOException {
        run("a", "1", "m2kd", "prune", "true");
        Path file = temporary.resolve("a/metrics.json");
        ObjectNode metrics = (ObjectNode) new ObjectMapper().readTree(file.toFile());
        ((ArrayNode) metrics.at("/accuracy/4")).set(3, new DoubleNode(1));
        EditedRun.replace(file, metrics.toString());
        AccuracyMatrix matrix = AccuracyMatrix.of(100, 100, 100, 100, 100);
        for (JsonNode row : metrics.get("accuracy")) {
            matrix = matrix.plus(row.valueStream()
                    .mapToInt(share -> (int) Math.round(100 * share.asDouble()))
                    .toArray());
        }
        List<Double> forgotten = new ArrayList<>();
        for (int j = 0; j < 4; j++) {
            double best = 0;
            for (int i = j; i < 4; i++) {
                best = Math.max(best, matrix.at(i, j));
            }
            forgotten.add(best - matrix.at(4, j));
        }
        assertTrue(forgotten.get(0) > 0.05 && forgotten.get(3) < -0.01, forgotten.toString());
        StringBuilder row = new StringBuilder("<tr class=\"last\"><th scope=\"row\">forgetting</th>\n");
        forgotten.forEach(points -> row.append(String.format(Locale.ROOT, "<td>%.1f</td>\n", 100 * points)));
        assertTrue(report().contains(row + "<td></td>\n"), row.toString());
        assertEquals(
                forgotten.stream().mapToDouble(points -> points).sum() / 4,
                matrix.forgetting(),
                1e-12,
                "what is shown averages to the figure");
    }

    @Test
    void classesAreShownByNameWithWhatTheyAreTakenFor() throws IOException {
        run("a", "1", "m2kd", "prune", "true");
        Path file = temporary.resolve("a/confusion.json");
        EditedRun.replace(
                file,
                "{\"classes\": [\"cat\", \"dog\", \"never tested\"], "
                        + "\"counts\": [[3, 1, 0], [0, 8, 2], [0, 0, 0]]}");
        String html = report();
        assertTrue(html.contains("title=\"cat (4), right, %: 75 %\">75</td>"));
        assertTrue(html.indexOf("cat (4)") < html.indexOf("dog (10)"), "the lowest first");
        assertTrue(html.contains("title=\"dog, never tested: 20 %\">20</td>"));
        assertTrue(html.contains("--share: 56.3%"), "75 % on the scale of squares");
        assertFalse(html.contains("title=\"never tested, "), "no share of no image");
        StringBuilder names = new StringBuilder();
        StringBuilder counts = new StringBuilder();
        for (int c = 0; c < 40; c++) {
            names.append(c == 0 ? "" : ",").append("\"n").append(c).append('"');
            counts.append(c == 0 ? "" : ",").append(counts(c));
        }
        EditedRun.replace(file, "{\"classes\": [" + names + "], \"counts\": [" + counts + "]}");
        html = report();
        assertTrue(
                html.replace("\n", "").contains("<th scope=\"row\">n7</th><td>n8</td><td>3</td><td>75</td>"),
                "of 40 classes");
        assertFalse(html.contains("Confusion matrix of"));
    }

    /** All right, but class 7: one right, three taken for 8. */
    private static List<Integer> counts(int label) {
        List<Integer> row = new ArrayList<>(Collections.nCopies(40, 0));
        row.set(label, label == 7 ? 1 : 5);
        if (label == 7) {
            row.set(8, 3);
        }
        return row;
    }

    @Test
    void severalFoldersGetAPageOfTheirOwn() throws IOException {
        Path a = temporary.resolve("a");
        Path b = temporary.resolve("b");
        assertEquals(a.resolve("report.html"), Report.place(List.of(a)));
        assertEquals(temporary.resolve("comparison.html"), Report.place(List.of(a, b)));
        Files.writeString(temporary.resolve("comparison.html"), "");
        assertEquals(temporary.resolve("comparison-2.html"), Report.place(List.of(a, b)));
        assertEquals(Path.of("/comparison.html"), Report.place(List.of(Path.of("/"), b)));
        assertEquals(Path.of("runs/comparison.html"), Report.place(List.of(Path.of("runs/a"), b)));
    }

    @Test
    void everyMethodShowsItsLossesAndWhereExperiencesBegin() throws IOException {
        compare("1");
        String html = report();
        assertEquals(4, html.split("aria-label=\"Loss terms", -1).length);
        String plot = html.substring(html.indexOf("aria-label=\"Loss terms"));
        plot = plot.substring(0, plot.indexOf("</svg>"));
        assertEquals(5, plot.split("fill:var\\(--soft\\)", -1).length - 1, "the numbers of five experiences");
        assertTrue(html.contains("<th scope=\"col\" title=\"\">student</th>") && html.contains("Time and hardware"));
    }

    @Test
    void coloursFollowTheScheme() throws IOException {
        compare("1");
        String html = report();
        assertTrue(html.contains("prefers-color-scheme: dark"));
        assertTrue(html.contains("fill:var(--ink)"));
        assertTrue(html.contains("stroke:var(--series-0)"));
        assertFalse(
                Pattern.compile("rgb\\((1,2,3|4,5,6|7,8,9|10,0,\\d)\\)")
                        .matcher(html)
                        .find(),
                "stand-ins are all replaced");
    }

    @Test
    void severalClassOrdersGiveMeanAndDeviation() throws IOException {
        compare("1");
        compare("2");
        compare("3");
        List<Group> groups = Group.of(SavedRun.find(List.of(temporary)).runs());
        assertEquals(
                List.of("m2kd", "lwf", "fine-tuning"),
                groups.stream().map(Group::label).toList());
        assertEquals(3, groups.getFirst().runs().size());
        assertTrue(report().contains("Mean ± standard deviation over class orders."));
        String[] lines = Summary.text(Comparison.of(List.of(temporary))).split("\n");
        assertTrue(lines[1].matches("m2kd +\\d\\d\\.\\d ± \\d\\.\\d .*"), lines[1]);
    }

    @Test
    void spreadIsTheSampleDeviation() {
        assertEquals("2.0 ± 1.0", Spread.of(1, 2, 3).text(1, 1));
        assertEquals("50.0", Spread.of(0.5).text(100, 1));
        assertEquals("–", Spread.of().text(1, 1));
        assertEquals("1,234", Spread.of(1234).text(1, 0));
    }

    @Test
    void rowsOfOneMethodSayWhatTellsThemApart() throws IOException {
        run("a", "1", "m2kd", "prune", "true");
        run("b", "1", "m2kd", "prune", "false");
        assertEquals(
                List.of("m2kd (prune true)", "m2kd (prune false)"),
                Group.of(SavedRun.find(List.of(temporary)).runs()).stream()
                        .map(Group::label)
                        .toList());
    }

    @Test
    void runsWithoutAResultAreNamedAndDoNotSpoilTheRest() throws IOException {
        compare("1");
        Recipe joint = Recipe.of(Map.of("method", "joint"));
        RunFolder failed = RunFolder.create(
                temporary.resolve("failed"), joint.toMap(), new Origin("m2kd-digits", "palimpsest <x>"));
        failed.failed("loss is NaN & more");
        List<String> warnings = Report.write(Comparison.of(List.of(temporary)), temporary.resolve(Report.FILE));
        assertEquals(
                List.of(temporary.resolve("failed") + " is left out: the run failed. loss is NaN & more"), warnings);
        String html = Files.readString(temporary.resolve(Report.FILE));
        assertTrue(html.contains("loss is NaN &amp; more") && html.contains("palimpsest &lt;x&gt;"), "text is escaped");
    }

    @Test
    void fontsThatAreMissingAreNamedByPackage() {
        assertTrue(Svg.fontsMissing(new InternalError()).getMessage().contains("fontconfig"));
    }

    @Test
    void whatIsNoRunIsRefusedWithASentence() throws IOException {
        assertEquals(
                temporary + " is not a run folder: it holds no run.json; give a folder that palimpsest train made.",
                refusal(temporary));
        assertEquals(
                "There is no run folder " + temporary.resolve("x") + ": give a folder that palimpsest train made.",
                refusal(temporary.resolve("x")));
        Files.writeString(temporary.resolve("run.json"), "{\"options\": ");
        assertTrue(refusal(temporary).startsWith(temporary.resolve("run.json") + " is damaged: "), refusal(temporary));
        Files.write(temporary.resolve("run.json"), new byte[] {0, 0, 0, '{', 1, 1, 1, 1});
        assertEquals(
                temporary.resolve("run.json")
                        + " is damaged: it is not text in UTF-8; restore it from a copy, or repeat the run.",
                refusal(temporary));
        Files.writeString(temporary.resolve("run.json"), "{}");
        assertEquals(
                temporary.resolve("run.json")
                        + " is damaged: it has no options; restore it from a copy, or repeat the run.",
                refusal(temporary));
    }

    @Test
    void whatLiesInAFolderWithoutARunIsNamed() throws IOException {
        Files.createDirectories(temporary.resolve("suite/order-1"));
        Files.writeString(temporary.resolve("suite/order-1/run.json"), "{}");
        String no = temporary.resolve("suite") + " is not a run folder: it holds no run.json; ";
        assertEquals(
                no + "give one of those below it, such as " + temporary.resolve("suite/order-1") + ".",
                assertThrows(IOException.class, () -> RunFiles.checkpoint(temporary.resolve("suite")))
                        .getMessage());
        Files.writeString(temporary.resolve("model.json"), "{}");
        assertEquals(
                temporary + " is not a run folder: it holds a model that keeps learning, for which there are palimpsest"
                        + " classify, versions and export.",
                assertThrows(IOException.class, () -> RunFiles.checkpoint(temporary))
                        .getMessage());
    }

    private static String refusal(Path folder) {
        return assertThrows(IOException.class, () -> Comparison.of(List.of(folder)))
                .getMessage();
    }

    private String report() throws IOException {
        Path file = temporary.resolve(Report.FILE);
        assertEquals(List.of(), Report.write(Comparison.of(List.of(temporary)), file));
        return Files.readString(file);
    }

    /** Of made-up runs M2KD is the best and the largest; replay is as good as fine-tuning at more bytes. */
    @Test
    void theFrontOfAccuracyAgainstBytesIsDrawnAndSaid() throws IOException {
        compare("1");
        run("joint", "1", "joint", "prune", "true");
        List<Comparison.Block> blocks = Comparison.of(List.of(temporary)).blocks();
        assertEquals(1, Frontier.of(blocks).size());
        for (Frontier frontier : Frontier.of(blocks)) {
            assertEquals(
                    blocks.getFirst().groups().stream()
                            .map(Group::label)
                            .filter(label -> !label.equals("joint"))
                            .sorted()
                            .toList(),
                    frontier.points().stream()
                            .map(Frontier.Point::label)
                            .sorted()
                            .toList());
            for (Frontier.Point point : frontier.points()) {
                boolean better = false;
                for (Frontier.Point other : frontier.points()) {
                    double gained = other.accuracy().mean() - point.accuracy().mean();
                    better |= gained >= 0 && other.bytes() < point.bytes()
                            || gained > 0 && other.bytes() <= point.bytes();
                }
                assertEquals(!better, point.front(), point.label());
            }
            assertTrue(frontier.points().stream().anyMatch(point -> !point.front()), frontier.sentence());
        }
        String html = report();
        assertEquals(2, html.split("aria-label=\"Final accuracy against bytes", -1).length, "one data set, one plot");
        assertTrue(html.contains("Accuracy against memory, digits, split 5x2"));
        assertTrue(Summary.text(Comparison.of(List.of(temporary)))
                .contains("on the front from the fewest bytes on: lwf ("));
        assertEquals(List.of(), Frontier.of(List.of()), "no row, no plot");
    }

    /** m2kd and two baselines for a class order, laid out as the command line does it. */
    private void compare(String order) throws IOException {
        run("order-" + order, order, "m2kd", "prune", "true");
        run("order-" + order + "/lwf", order, "lwf", "prune", "true");
        run("order-" + order + "/fine-tuning", order, "fine-tuning", "prune", "true");
    }

    private void run(String folder, String order, String method, String option, String text) throws IOException {
        Recipe recipe = Recipe.of(Map.of("order", order, "method", method, option, text));
        MadeUpRun.run(
                recipe,
                RunFolder.create(
                        temporary.resolve(folder),
                        recipe.toMap(),
                        new Origin(
                                "m2kd-digits",
                                "palimpsest train m2kd-digits --method " + method + " --order " + order)));
    }
}

package dev.palimpsest.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.recipe.Recipe;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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

    @Test
    void coloursFollowTheScheme() throws IOException {
        compare("1");
        String html = report();
        assertTrue(html.contains("prefers-color-scheme: dark"));
        assertTrue(html.contains("fill:var(--ink)"));
        assertTrue(html.contains("stroke:var(--series-0)"));
        assertFalse(
                Pattern.compile("rgb\\((1,2,3|4,5,6|10,0,\\d)\\)").matcher(html).find(), "stand-ins are all replaced");
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
        String[] lines = Comparison.of(List.of(temporary)).text().split("\n");
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
                temporary.resolve("failed"), joint.toMap(), new RunFolder.Origin("m2kd-digits", "palimpsest <x>"));
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
        assertEquals(temporary + " is not a run folder: it holds no run.json.", refusal(temporary));
        assertEquals("There is no run folder " + temporary.resolve("x") + ".", refusal(temporary.resolve("x")));
        Files.writeString(temporary.resolve("run.json"), "{\"options\": ");
        assertTrue(refusal(temporary).startsWith(temporary.resolve("run.json") + " is damaged: "), refusal(temporary));
        Files.writeString(temporary.resolve("run.json"), "{}");
        assertEquals(temporary.resolve("run.json") + " is damaged: it has no options.", refusal(temporary));
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
                        new RunFolder.Origin(
                                "m2kd-digits",
                                "palimpsest train m2kd-digits --method " + method + " --order " + order)));
    }
}

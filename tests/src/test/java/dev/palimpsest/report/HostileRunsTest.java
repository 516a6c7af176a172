package dev.palimpsest.report;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.palimpsest.recipe.Recipe;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Run folders that nobody would make on purpose, and some that somebody would. */
class HostileRunsTest {
    private static final String POISON = "<img src=x onerror=alert(1)>'\"&</script></td></svg>\u001b[31m";
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    private Path temporary;

    @Test
    void hugeInfiniteAndMissingLossesEndWithAnAxisThatCanBeRead() throws IOException {
        run("a");
        edit("a", run -> {});
        Path steps = temporary.resolve("a/steps.csv");
        for (List<String> losses : List.of(
                List.of("1.5", "2.5", "1e16", "3.5"),
                List.of("1.5", "Infinity", "NaN", "1.0E308"),
                List.of("1e300", "1e-300", "0", "2"),
                List.of("4e-320", "3e-320"),
                List.of("-1e16", "1e16", "-1.7e308"),
                List.of("0", "0"),
                List.of("3"))) {
            StringBuilder csv = new StringBuilder("experience,phase,epoch,step,loss,term,learning_rate,x\n");
            losses.forEach(loss -> csv.append("0,train,0,0,").append(loss).append(",0.5,0.1,1\n"));
            Files.writeString(steps, csv);
            String html = assertTimeoutPreemptively(Duration.ofSeconds(60), this::page, losses.toString());
            assertTrue(html.contains("aria-label=\"Loss terms"), losses.toString());
            String plot = html.substring(html.indexOf("aria-label=\"Loss terms"));
            plot = plot.substring(0, plot.indexOf("</svg>"));
            // Labels are outlines, in the colour of ink.
            int labels = plot.split("fill:var\\(--ink\\)", -1).length - 1;
            assertTrue(labels > 3 && labels < 60, losses + " has " + labels + " labels");
            assertFalse(plot.contains("NaN") || plot.contains("Infinity"), losses.toString());
        }
        Files.writeString(
                steps,
                "experience,phase,epoch,step,loss,term,learning_rate,x\n0,train,0,0,Infinity,NaN,0.1,1\n"
                        + "0,train,0,1,2,1,0.1,1\n");
        assertTrue(page().contains("The loss of 1 of 2 steps in"), "what is left out is counted");
        Files.writeString(steps, "experience,phase,epoch,step,loss,learning_rate,x\n0,train,0,0,NaN,0.1,1\n");
        assertFalse(page().contains("aria-label=\"Loss terms"), "no step has a loss");
    }

    @Test
    void damagedRunsAreNamedAndDoNotSpoilTheOthers() throws IOException {
        run("good");
        List<String> damages = List.of(
                "{\"options\": ",
                "null",
                "[]",
                "",
                "{\"options\": {\"method\": {\"a\": 1}}}",
                "{\"options\": {\"method\": null}}",
                "[".repeat(100_000));
        for (int i = 0; i < damages.size(); i++) {
            Path folder = Files.createDirectories(temporary.resolve("bad-run-" + i));
            Files.writeString(folder.resolve("run.json"), damages.get(i));
        }
        Files.write(Files.createDirectories(temporary.resolve("bytes")).resolve("run.json"), new byte[] {-1, -2, 0});
        List<String> metrics = List.of(
                "null",
                "{\"accuracy\": [[0.5]]}",
                "\u0000",
                metrics().replaceFirst("\"accuracy\" : \\[ \\[ 0", "\"accuracy\" : [ [ 1e300, 0"),
                metrics().replaceFirst("\"forgetting\" : [-0-9.E]+", "\"forgetting\" : 7e9"),
                metrics().replaceFirst("\"seconds\" : [0-9.]+", "\"seconds\" : \"x\""));
        for (int i = 0; i < metrics.size(); i++) {
            assertFalse(metrics.get(i).equals(metrics()), "case " + i + " damages nothing");
            run("bad-metrics-" + i);
            edit("bad-metrics-" + i, run -> {});
            Files.writeString(temporary.resolve("bad-metrics-" + i + "/metrics.json"), metrics.get(i));
        }
        Files.createDirectories(temporary.resolve("folder/run.json"));
        Comparison comparison = Comparison.of(List.of(temporary));
        List<String> warnings = Report.write(comparison, temporary.resolve(Report.FILE));
        assertEquals(damages.size() + 1 + metrics.size(), warnings.size(), warnings.toString());
        for (String warning : warnings) {
            assertTrue(warning.matches("(?s)\\S*bad-\\S+ is damaged: .*|\\S*bytes/run.json is damaged: .*"), warning);
        }
        assertEquals(
                1, comparison.blocks().getFirst().groups().getFirst().runs().size());
        assertTrue(Files.readString(temporary.resolve(Report.FILE)).contains("<th scope=\"row\">m2kd</th>"));
        Summary.write(comparison, temporary, "s", "c");
        assertTrue(Files.readString(temporary.resolve("summary.md")).contains("bad-run-0"));
        assertThrows(DamagedRunException.class, () -> Comparison.of(List.of(temporary.resolve("bad-run-0"))));
    }

    @Test
    void damagedStepsAndConfusionsCostTheirPlotsAlone() throws IOException {
        run("a");
        edit("a", run -> {});
        for (String csv :
                List.of("", "x\n", "experience,loss,learning_rate\n0,x,1\n", "experience,loss,learning_rate\n0\n")) {
            Files.writeString(temporary.resolve("a/steps.csv"), csv);
            String html = page();
            assertFalse(html.contains("aria-label=\"Loss terms"));
            assertTrue(html.contains("Accuracy matrix of m2kd") && html.contains("Confusion matrix of m2kd"));
            assertEquals(!csv.isEmpty(), html.contains("steps.csv is damaged: "), csv);
        }
        Files.write(temporary.resolve("a/steps.csv"), "é".getBytes(StandardCharsets.ISO_8859_1));
        page();
        for (String json : List.of("null", "{}", "{\"classes\":[\"a\"],\"counts\":[[1,2]]}", "[1")) {
            Files.writeString(temporary.resolve("a/confusion.json"), json);
            assertTrue(page().contains("confusion.json is damaged: "), json);
        }
    }

    @Test
    void statusIsShownAsItIs() throws IOException {
        run("done");
        for (String status : List.of("running", "failed", "killed", "odd")) {
            run(status);
            edit(status, run -> run.put("status", status).put("reason", "because."));
        }
        run("stopped");
        edit("stopped", run -> run.put("status", "stopped").put("reason", "the budget is spent"));
        List<String> warnings =
                new ArrayList<>(Report.write(Comparison.of(List.of(temporary)), temporary.resolve(Report.FILE)));
        String all = String.join("\n", warnings);
        assertTrue(warnings.removeIf(warning -> warning.endsWith("damage to its files would not be noticed.")));
        assertEquals(5, warnings.size(), all);
        assertTrue(all.contains("running is left out: the run is not finished: it is on since "), all);
        assertTrue(all.contains("failed is left out: the run failed. because."), all);
        assertTrue(all.contains("killed is left out: the run was killed before its end."), all);
        assertTrue(all.contains("odd is left out: the run has no result (status \"odd\")."), all);
        assertTrue(all.contains("stopped ended early, after 5 experiences: the budget is spent."), all);
    }

    /** Every text of every file of two runs is poison, every number stays: nothing of it may come out as markup. */
    @Test
    void textOfRunsIsNeverMarkup() throws IOException {
        run("a");
        run("b", "method", "lwf");
        for (String name : List.of("a", "b")) {
            edit(name, run -> poison(run, List.of("status")));
            Path confusion = temporary.resolve(name + "/confusion.json");
            JsonNode content = JSON.readTree(confusion.toFile());
            poison(content, List.of());
            Files.writeString(confusion, JSON.writeValueAsString(content));
            Path steps = temporary.resolve(name + "/steps.csv");
            Files.writeString(steps, Files.readString(steps).replace("cross-entropy", POISON.replace("\u001b", "")));
        }
        Comparison comparison = Comparison.of(List.of(temporary));
        Report.write(comparison, temporary.resolve(Report.FILE));
        String html = Files.readString(temporary.resolve(Report.FILE));
        assertTrue(html.contains("&lt;img src=x onerror=alert(1)&gt;&#39;&quot;&amp;&lt;/script&gt;"), "it is shown");
        for (String forbidden : List.of("<img", "<script", "</script", "\u001b")) {
            assertFalse(html.contains(forbidden), forbidden);
        }
        assertEquals(tags(clean()), tags(html), "the same elements with poison as without");
        Summary.write(comparison, temporary, POISON, POISON);
        assertFalse(Summary.text(comparison).contains("\u001b"));
        String markdown = Files.readString(temporary.resolve("summary.md"));
        assertFalse(markdown.replace("    " + Table.printable(POISON), "").contains("<img"), markdown);
        assertFalse(markdown.contains("\u001b"));
    }

    @Test
    void thePageForbidsWhatItDoesNotNeed() throws IOException {
        run("a");
        String html = page();
        Matcher policy = Pattern.compile("<meta http-equiv=\"Content-Security-Policy\" content=\"([^\"]*)\">")
                .matcher(html);
        assertTrue(policy.find());
        assertTrue(policy.group(1).startsWith("default-src &#39;none&#39;; "), policy.group(1));
        assertFalse(policy.group(1).contains("script-src"), "no script at all");
        assertTrue(policy.start() < html.indexOf("<style"), "before anything that it governs");
    }

    @Test
    void theBuilderRefusesWhatItCannotEscape() {
        assertThrows(IllegalArgumentException.class, () -> new Html().open("p onload"));
        assertThrows(IllegalArgumentException.class, () -> new Html().open("p", "onclick", "x"));
        assertThrows(IllegalArgumentException.class, () -> Html.page("t", "</style><script>"));
        assertThrows(IllegalStateException.class, () -> Html.drawing("<svg><script>1</script></svg>"));
        assertThrows(IllegalStateException.class, () -> Html.drawing("<svg/onload=x></svg>"));
        assertThrows(IllegalStateException.class, () -> new Html().open("p").toString());
        assertEquals(
                "<p title=\"&quot;&lt;\">&lt;b&gt; </p>\n",
                new Html().element("p", "<b>\n", "title", "\"<").toString());
    }

    private static List<String> tags(String html) {
        List<String> tags = new ArrayList<>();
        Matcher matcher = Pattern.compile("<(/?[a-zA-Z0-9]+)").matcher(html.replaceAll("(?s)<style>.*?</style>", ""));
        while (matcher.find()) {
            // Words that are drawn differ in length, and so do the shapes that they are drawn with.
            if (!List.of("g", "/g", "path", "clipPath").contains(matcher.group(1))) {
                tags.add(matcher.group(1));
            }
        }
        return tags;
    }

    /** The same page with letters for poison. */
    private String clean() throws IOException {
        for (String name : List.of("a", "b")) {
            for (String file : List.of("run.json", "confusion.json", "steps.csv")) {
                Path path = temporary.resolve(name).resolve(file);
                String escaped = JSON.writeValueAsString(POISON);
                Files.writeString(
                        path,
                        Files.readString(path)
                                .replace(escaped.substring(1, escaped.length() - 1), "word")
                                .replace(POISON.replace("\u001b", ""), "word"));
            }
        }
        return page();
    }

    /** Replaces every text, keys of objects stay. */
    private static void poison(JsonNode node, List<String> spared) {
        if (node instanceof ObjectNode object) {
            for (String key :
                    object.properties().stream().map(Map.Entry::getKey).toList()) {
                if (object.get(key).isTextual() && !spared.contains(key)) {
                    object.put(
                            key,
                            POISON + (key.equals("method") ? object.get(key).asText() : ""));
                } else {
                    poison(object.get(key), spared);
                }
            }
            if (object.has("data_sha256")) {
                object.putObject("data_sha256").put(POISON, POISON);
                object.putObject("milliseconds_per_step").put(POISON, 1.5);
            }
        } else if (node instanceof ArrayNode array) {
            for (int i = 0; i < array.size(); i++) {
                if (array.get(i).isTextual()) {
                    array.set(i, new TextNode(POISON));
                } else {
                    poison(array.get(i), spared);
                }
            }
        }
    }

    private void edit(String run, Consumer<ObjectNode> edit) throws IOException {
        EditedRun.edit(temporary.resolve(run), edit);
    }

    private String metrics() throws IOException {
        return Files.readString(temporary.resolve("good/metrics.json"));
    }

    private String page() throws IOException {
        Path page = temporary.resolve(Report.FILE);
        Report.write(Comparison.of(List.of(temporary)), page);
        return Files.readString(page);
    }

    private void run(String folder, String... options) throws IOException {
        Recipe recipe = Recipe.of(options.length == 0 ? Map.of() : Map.of(options[0], options[1]));
        MadeUpRun.run(
                recipe,
                RunFolder.create(temporary.resolve(folder), recipe.toMap(), new Origin("m2kd-digits", "palimpsest")));
    }
}

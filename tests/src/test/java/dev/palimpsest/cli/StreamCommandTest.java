package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.recipe.Recipe;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StreamCommandTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir
    private Path folder;

    /** Two experiences: class 0, then 0 and 1; unlabelled 0 and the distractor 2, then 1. */
    @Test
    void aScenarioFileIsShownWithoutItsImages() throws IOException {
        Path file = folder.resolve("small.pkl");
        try (InputStream in = Recipe.class.getResourceAsStream("scenario-numpy1-protocol4.pkl")) {
            Files.copy(in, file);
        }
        assertEquals(0, palimpsest("--scenario", file.toString()), err.toString());
        assertEquals(
                List.of(
                        "experience  labelled  classes   new  repeated  seen  unlabelled  of past  future  distractors",
                        "         1         2        1     1         0     1           4        0       0            1",
                        "         2         3        2     1         1     2           1        0       0            0",
                        "mean: 1.5 classes (1 to 2), 33.3 % of them repeated; in the pool besides: 0.0 past, 0.0"
                                + " future, 0.5 distractors",
                        "",
                        "One line per class, one column per experience: # labelled, o unlabelled only, . not there",
                        "   0  ##",
                        "   1  .#",
                        "   2  o.  distractor"),
                out.toString().lines().toList());
    }

    @Test
    void theFileMustFitTheImagesWhereBothAreGiven() throws IOException {
        Path file = folder.resolve("small.pkl");
        try (InputStream in = Recipe.class.getResourceAsStream("scenario-numpy1-protocol4.pkl")) {
            Files.copy(in, file);
        }
        assertEquals(2, palimpsest("--scenario", file.toString(), "--data", "digits"));
        String refusal = err.toString();
        err.getBuffer().setLength(0);
        assertEquals(2, palimpsest("--scenario", file.toString(), "--data", "digits", "--skip-damaged"));
        assertTrue(
                err.toString().startsWith("--skip-damaged: a scenario file counts the images of train.txt"),
                err.toString());
        assertTrue(
                refusal.startsWith("experience 2 has labelled image 70000, there are 1442 training images: "), refusal);
    }

    @Test
    void aDrawnStreamsTableAddsUpAndItsPictureIsWritten() throws IOException {
        Path svg = folder.resolve("stream.svg");
        assertEquals(
                0,
                palimpsest(
                        "--data",
                        "digits",
                        "--pool",
                        "all",
                        "--experiences",
                        "12",
                        "--labelled",
                        "40",
                        "--unlabelled",
                        "60",
                        "--window",
                        "3",
                        "--new-classes",
                        "3",
                        "--fewest-classes",
                        "1",
                        "--visitors",
                        "4",
                        "--svg",
                        svg.toString()),
                err.toString());
        List<String> lines = out.toString().lines().toList();
        int fresh = 0;
        for (String line : lines.subList(1, 13)) {
            String[] figures = line.strip().split(" +");
            assertEquals("40", figures[1]);
            assertEquals("60", figures[6]);
            assertEquals(Integer.parseInt(figures[2]), Integer.parseInt(figures[3]) + Integer.parseInt(figures[4]));
            assertEquals(Integer.parseInt(figures[5]), fresh += Integer.parseInt(figures[3]));
            int column = Integer.parseInt(figures[0]);
            List<Character> marks = new ArrayList<>();
            lines.subList(16, 26).forEach(row -> marks.add(row.charAt(5 + column)));
            assertEquals(
                    Integer.parseInt(figures[2]),
                    marks.stream().filter(mark -> mark == '#').count());
            assertEquals(
                    Integer.parseInt(figures[7]) + Integer.parseInt(figures[8]),
                    marks.stream().filter(mark -> mark == 'o').count());
        }
        assertEquals(10, fresh);
        assertEquals(27, lines.size());
        String drawn = Files.readString(svg);
        long dark =
                Pattern.compile("rgb\\(20,80,140\\)").matcher(drawn).results().count();
        long labelled = lines.stream()
                .skip(16)
                .flatMapToInt(String::chars)
                .filter(c -> c == '#')
                .count();
        assertTrue(drawn.contains("<svg") && dark >= labelled, dark + " dark cells, " + labelled + " labelled");
    }

    @Test
    void impossibleStreamsAreRefusedInASentence() throws IOException {
        assertEquals(2, palimpsest("--data", "digits", "--pool", "everything"));
        assertTrue(
                err.toString().startsWith("\"everything\" is not a pool: expected one of [current, all, distractors]"),
                err.toString());
        err.getBuffer().setLength(0);
        Path file = Files.writeString(folder.resolve("evil.pkl"), "cos\nsystem\n(S'true'\ntR.");
        assertEquals(1, palimpsest("--scenario", file.toString()));
        assertEquals(
                file
                        + " is not a scenario file that can be read (it asks for os.system, which is none of the"
                        + " constructors and operations that numpy arrays in lists need): give one of the challenge's"
                        + " files",
                err.toString().strip());
    }

    @Test
    void theExampleOfTheReadmeIsShown() throws IOException {
        String words = "--experiences 10 --labelled 40 --unlabelled 80";
        assertTrue(Files.readString(Path.of("../README.md")).contains("palimpsest data stream " + words));
        assertEquals(0, palimpsest(words.split(" ")), err.toString());
        assertTrue(out.toString().lines().anyMatch(line -> line.matches(" +10 +40 .*")), out.toString());
        assertEquals(2, palimpsest());
        assertTrue(err.toString().contains("use fewer images per experience"), err.toString());
    }

    private int palimpsest(String... words) {
        List<String> all = new ArrayList<>(List.of("data", "stream"));
        all.addAll(List.of(words));
        return Palimpsest.commandLine(null, null, List.of())
                .setOut(new PrintWriter(out))
                .setErr(new PrintWriter(err))
                .execute(all.toArray(String[]::new));
    }
}

package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** A model's life on the command line: coloured pictures under noise, a class a colour. */
class ModelCommandsTest {
    private static final Map<String, Color> COLOURS =
            Map.of("red", Color.RED, "blue", Color.BLUE, "green", Color.GREEN, "white", Color.WHITE);

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir
    private Path temporary;

    private String model;

    @BeforeEach
    void pictures() throws IOException {
        model = temporary.resolve("model").toString();
        write("first", "red", 24);
        write("first", "blue", 24);
        write("later", "green", 6);
        write("asked", "white", 1);
        write("asked", "green", 1);
    }

    private void write(String set, String colour, int count) throws IOException {
        Path folder = Files.createDirectories(temporary.resolve(set).resolve(colour));
        Random random = new Random(colour.hashCode());
        for (int i = 0; i < count; i++) {
            BufferedImage picture = new BufferedImage(14, 14, BufferedImage.TYPE_INT_RGB);
            Graphics2D graphics = picture.createGraphics();
            graphics.setColor(COLOURS.get(colour));
            graphics.fillRect(0, 0, 14, 14);
            for (int p = 0; p < 25; p++) {
                picture.setRGB(random.nextInt(14), random.nextInt(14), random.nextInt(1 << 24));
            }
            graphics.dispose();
            ImageIO.write(picture, "png", folder.resolve(i + ".png").toFile());
        }
    }

    @Test
    void aModelLearnsClassifiesGoesBackAndForgets() throws IOException {
        said("Version 1, trained (the model has 0 of 3 snapshots)", "learn", model, path("first"), "--size", "12");
        said("Version 2, registered (a network learns by telling", "learn", model, path("later"));
        write("asked/.cache", "red", 1);
        write("asked/__MACOSX", "red", 1);
        String answers = said("path,class,probability", "classify", model, path("asked"));
        List<String> lines = answers.lines().toList();
        assertEquals(3, lines.size(), answers);
        assertTrue(lines.get(1).matches(".*green.0\\.png,green,[01]\\.\\d{4}"), answers);
        String versions = said("version", "versions", model);
        assertTrue(versions.lines().anyMatch(line -> line.startsWith("*       2      1  registered")), versions);
        said("Version 1 classifies now.", "rollback", model, "1");
        assertTrue(said("path", "classify", model, path("asked")).lines().noneMatch(line -> line.contains(",green,")));
        said("Version 3, forgotten (asked for)", "forget", model, "red");
        assertEquals("", err.toString());
    }

    @Test
    void whatCannotBeIsOneSentence() throws IOException {
        refused("holds no model: there is no model.json in it", 1, "versions", temporary.toString());
        refused(
                "--kind guessed: expected trained or registered",
                2,
                "learn",
                model,
                path("first"),
                "--kind",
                "guessed");
        said("Version 1", "learn", model, path("first"), "--size", "12");
        refused("--size and --pretrained are for a new model", 2, "learn", model, path("later"), "--size", "12");
        refused("knows no class 'violet'", 1, "forget", model, "violet");
        refused("there is no version 7: the model has 1 to 1", 1, "rollback", model, "7");
        Path text = Files.writeString(temporary.resolve("notes.txt"), "no picture");
        refused("notes.txt (it is no PNG, JPEG, WebP,", 1, "classify", model, text.toString());
        refused("heavy.mp4 (there is no such file)", 1, "classify", model, "heavy.mp4");
        Path cut = temporary.resolve("asked/cut.jpg");
        BufferedImage picture = new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB);
        ImageIO.write(picture, "jpg", cut.toFile());
        byte[] whole = Files.readAllBytes(cut);
        Files.write(cut, Arrays.copyOf(whole, whole.length - 40));
        refused("cut.jpg (Corrupt JPEG data: premature end", 1, "classify", model, path("asked"));
    }

    private String path(String set) {
        return temporary.resolve(set).toString();
    }

    private String said(String part, String... words) {
        out.getBuffer().setLength(0);
        assertEquals(0, palimpsest(words), err.toString());
        assertTrue(out.toString().contains(part), out.toString());
        return out.toString();
    }

    private void refused(String part, int status, String... words) {
        err.getBuffer().setLength(0);
        assertEquals(status, palimpsest(words));
        assertTrue(err.toString().lines().findFirst().orElseThrow().contains(part), err.toString());
    }

    private int palimpsest(String... words) {
        PrintWriter to = new PrintWriter(out, true);
        CommandLine command = Palimpsest.commandLine(
                (recipe, progress) -> {
                    throw new AssertionError("no experiment runs");
                },
                (name, alone) -> new Lines(name, Duration.ofHours(1), to, System::nanoTime),
                List.of());
        return command.setOut(to).setErr(new PrintWriter(err, true)).execute(words);
    }
}

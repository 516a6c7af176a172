package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.awt.Color;
import java.awt.Graphics2D;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
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
        String taught = said(
                "Version 1, trained (the model has 0 of 3 snapshots)", "learn", model, path("first"), "--size", "12");
        assertTrue(taught.contains("New classes: blue, red."), taught);
        assertFalse(taught.contains("experience"), taught);
        said("Version 2, registered (a network learns by telling", "learn", model, path("later"));
        write("asked/.cache", "red", 1);
        write("asked/__MACOSX", "red", 1);
        String answers = said("path,class,probability", "classify", model, path("asked"));
        List<String> lines = answers.lines().toList();
        assertEquals(3, lines.size(), answers);
        assertTrue(lines.get(1).matches(".*green.0\\.png,green,[01]\\.\\d{4},green,0\\.\\d{3}"), answers);
        assertTrue(lines.get(2).matches(".*white.0\\.png,unknown,[01]\\.\\d{4},[a-z]+,[1-9]\\d*\\.\\d{3}"), answers);
        String versions = said("version", "versions", model);
        assertTrue(versions.lines().anyMatch(line -> line.startsWith("*       2      1  registered")), versions);
        assertTrue(
                versions.matches("(?s).*Expected calibration error on held-out samples: [\\d.]+ points.*"), versions);
        assertTrue(versions.matches("(?s).*takes [\\d.]+ MB, no image among them\\.\\n.*"), versions);
        String classes = said("class", "versions", model, "--version-number", "2");
        assertTrue(classes.lines().anyMatch(line -> line.matches("  +5 +0 +100\\.0  green")), classes);
        said("Version 1 classifies now.", "rollback", model, "1");
        assertTrue(said("path", "classify", model, path("asked")).lines().noneMatch(line -> line.contains(",green,")));
        String forgotten = said("Version 3, forgotten (asked for)", "forget", model, "red");
        assertTrue(forgotten.contains("the snapshot of version 1 was trained on samples of red"), forgotten);
        said("Version 2 classifies now.", "rollback", model, "2");
        said("Nothing of green remains: no snapshot was trained on its samples.", "forget", model, "green");
        assertEquals("", err.toString());
    }

    @Test
    void imagesAreKeptWhereAsked() throws IOException {
        said("Version 1", "learn", model, path("first"), "--size", "12", "--exemplars-mb", "0.01");
        String kept = said("", "versions", model);
        assertTrue(kept.matches("(?s).*among them [1-9]\\d* images of these classes \\(at most 0.01 MB .*"), kept);
        String lesson = said(
                "Version 2, registered (asked for)",
                "learn",
                model,
                path("later"),
                "--kind",
                "registered",
                "--try-training",
                "--warn-loss",
                "100");
        assertTrue(
                lesson.matches("(?s).*Had it trained, right on held-out samples: [\\d.]+ % of new classes, [\\d.]+ % of"
                        + " classes known before.*"),
                lesson);
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
        Path other = temporary.resolve("other.safetensors");
        SafetensorsWriter weights = new SafetensorsWriter();
        weights.add("conv1.weight", Shape.of(1), new float[1]);
        try (FileChannel channel = FileChannel.open(other, StandardOpenOption.CREATE, StandardOpenOption.WRITE)) {
            weights.writeTo(channel);
        }
        refused(other + " does not fit the network: ", 1, "learn", model, path("first"), "--pretrained", "" + other);
        said("Version 1", "learn", model, path("first"), "--size", "12");
        refused(
                "--size, --pretrained and --exemplars-mb are for a new model",
                2,
                "learn",
                model,
                path("later"),
                "--size",
                "12");
        refused("--warn-loss -1.0: expected 0 to 100", 2, "learn", model, path("later"), "--warn-loss", "-1");
        refused("knows no class 'violet'", 1, "forget", model, "violet");
        refused("there is no version 7: the model has 1 to 1", 1, "rollback", model, "7");
        Path text = Files.writeString(temporary.resolve("notes.txt"), "no picture");
        Path cut = temporary.resolve("asked/cut.jpg");
        BufferedImage picture = new BufferedImage(64, 64, BufferedImage.TYPE_INT_RGB);
        ImageIO.write(picture, "jpg", cut.toFile());
        byte[] whole = Files.readAllBytes(cut);
        Files.write(cut, Arrays.copyOf(whole, whole.length - 40));
        out.getBuffer().setLength(0);
        refused("3 of 5 files are left out:", 1, "classify", model, text.toString(), path("asked"), "heavy.mp4");
        List<String> left = err.toString().lines().toList();
        assertEquals(4, left.size(), "each is named");
        assertTrue(left.get(1).contains("notes.txt cannot be read (it is no PNG, JPEG, WebP,"), left.get(1));
        assertTrue(left.get(2).contains("cut.jpg cannot be read (Corrupt JPEG data: premature end"), left.get(2));
        assertEquals("heavy.mp4 cannot be read (there is no such file)", left.get(3));
        assertEquals(3, out.toString().lines().count(), "the others are classified: " + out);
    }

    @Test
    void aModelIsExportedWithWhatItClassifiesBy() throws IOException {
        said("Version 1", "learn", model, path("first"), "--size", "12");
        said("Version 2", "learn", model, path("later"));
        Path file = temporary.resolve("exported");
        said("Weights: " + file, "export", model, file.toString());
        Safetensors exported = Safetensors.read(file);
        assertEquals("blue\nred\ngreen", exported.metadata().get("classes"));
        assertEquals(6, exported.ints("class.2.count")[0] + 1, "one of six is held out");
        try (Stream<Path> files = Files.list(Path.of(model))) {
            Path own = files.filter(each -> each.getFileName().toString().startsWith("snapshot"))
                    .findFirst()
                    .orElseThrow();
            Safetensors snapshot = Safetensors.read(own);
            for (String name : snapshot.names()) {
                assertArrayEquals(snapshot.asFloats(name), exported.asFloats("snapshot.1." + name), name);
            }
        }
        String answers = said("path", "classify", model, path("asked"));
        assertEquals(answers, said("path", "predict", file.toString(), path("asked")), "the file says the same");
        refused("ask it with palimpsest classify", 2, "predict", model, path("asked"));
        refused("which the processor reads", 2, "predict", file.toString(), path("asked"), "--device", "cuda");
        double[] mean = exported.doubles("class.0.mean.0");
        assertTrue(Arrays.stream(mean).sum() > 0, "pooled outputs are positive");
        assertEquals(mean.length * (mean.length + 1) / 2, exported.doubles("class.0.scatter.0").length);
        said("Weights", "export", model, file.toString(), "--version-number", "1");
        assertEquals("blue\nred", Safetensors.read(file).metadata().get("classes"));
        refused("--snapshot is for runs", 2, "export", model, file.toString(), "--snapshot", "1");
        for (String own : List.of("model.json", "new.safetensors")) { // the next lesson would remove the other
            String place = Path.of(model, own).toString();
            refused("it would take the place of a file that the model there is read from", 1, "export", model, place);
        }
        refused("--bind \"\": expected an address", 2, "serve", model, "--port", "0", "--bind", "");
    }

    /** Who comes second must not take away what the first has made. */
    @Test
    void ofSeveralThatCreateAModelOneDoes() throws Exception {
        try (ExecutorService threads = Executors.newFixedThreadPool(6)) {
            List<Callable<Integer>> starts = Collections.nCopies(
                    6, () -> new ModelCommandsTest().palimpsest("learn", model, path("first"), "--size", "12"));
            int learnt = 0;
            for (Future<Integer> end : threads.invokeAll(starts)) {
                learnt += end.get() == 0 ? 1 : 0;
            }
            assertEquals(1, learnt);
        }
        said("*       1      -  trained", "versions", model);
    }

    /** Ctrl-C while a network is trained: the new model is gone, and the same command can be given again. */
    @Test
    void anInterruptedFirstLessonLeavesNothing() throws IOException, InterruptedException {
        Process learning = new ProcessBuilder(
                        "env", // a shell's background processes ignore the signal
                        "--default-signal=INT",
                        Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                        "--enable-native-access=ALL-UNNAMED",
                        "-cp",
                        System.getProperty("java.class.path"),
                        Main.class.getName(),
                        "learn",
                        model,
                        path("first"),
                        "--size",
                        "112")
                .start();
        String begun = learning.inputReader(StandardCharsets.UTF_8).readLine();
        assertTrue(begun != null && begun.contains("weights"), begun);
        Thread.sleep(300);
        assertTrue(learning.isAlive(), "sixty steps of ResNet-18 take seconds");
        new ProcessBuilder("kill", "-INT", Long.toString(learning.pid()))
                .start()
                .waitFor();
        String message = new String(learning.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
        assertEquals(130, learning.waitFor());
        assertTrue(message.endsWith("Cancelled: the lesson was cancelled: the model stays as it was.\n"), message);
        assertFalse(Files.exists(Path.of(model)), "no half of a model");
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

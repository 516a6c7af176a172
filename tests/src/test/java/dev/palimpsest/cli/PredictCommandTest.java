package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.checkpoint.ExportedModel;
import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.model.Architecture;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.Runs;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.channels.Channels;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Pictures of the images that a run was evaluated on are classified as the run classified them. */
class PredictCommandTest {
    private static final String SMALL = """
        data = digits
        split = 4+6
        widths = 4,8
        epochs = 2
        retrain-epochs = 1
        batch = 32
        learning-rate = 0.05
        exemplars = 2
        """;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir
    private Path temporary;

    @ParameterizedTest
    @CsvSource({
        "--classifier head, head, ''",
        "--method icarl, nearest-mean, class_means",
        "--classifier nearest-mean --method replay, nearest-mean, class_means",
        "--classifier refit, head, ''",
        "--classifier weight-alignment --method lwf, head, ''",
        "--classifier gaussian, gaussian, gaussian",
        "--classifier gaussian --method fine-tuning, gaussian, gaussian",
        "--method joint, head, ''"
    })
    void aRunAndItsExportedFileClassifyAsTheRunWasEvaluated(String options, String classifier, String tensor)
            throws IOException {
        Path run = trained(SMALL, options);
        Path pictures = digits();
        said("eval", run.toString());
        String accuracy = cell("all", 2);
        assertTrue(Double.parseDouble(accuracy) > 25, "it has learnt something: " + accuracy);
        said("predict", run.toString(), pictures.toString());
        String answers = out.toString();
        assertEquals(accuracy, shareRight(answers));
        Path file = temporary.resolve("exported.safetensors");
        said("export", run.toString(), file.toString());
        assertEquals(
                tensor.isEmpty(),
                !out.toString().contains("which fc cannot hold"),
                "a warning where fc does not tell: " + out);
        said("predict", file.toString(), pictures.toString());
        assertEquals(answers, out.toString());
        said("predict", run.resolve("checkpoint/model.safetensors").toString(), pictures.toString());
        assertEquals(answers, out.toString());
        Safetensors exported = Safetensors.read(file);
        assertEquals(classifier, exported.metadata().get("classifier"));
        assertTrue(
                tensor.isEmpty() || exported.contains(tensor), exported.names().toString());
    }

    /** softmax(τ·score) = softmax(score)^τ, with a sum of 1. */
    @ParameterizedTest
    @ValueSource(strings = {"--classifier head", "--classifier refit", "--classifier gaussian", "--method icarl"})
    void probabilitiesAreThoseThatTheRunCalibrated(String options) throws IOException {
        Path run = trained(SMALL + "validation = 0.2\n", options);
        double temperature = new ObjectMapper()
                .readTree(Files.readString(run.resolve("run.json")))
                .at("/classification/temperature")
                .asDouble();
        Path file = temporary.resolve("exported");
        said("export", run.toString(), file.toString());
        Safetensors exported = Safetensors.read(file);
        assertEquals(Double.toString(temperature), exported.metadata().get("temperature"));
        assertTrue(Math.abs(Math.log(temperature)) > 0.05, "it changes something: " + temperature);
        Images test = Dataset.load("digits", Optional.empty()).test();
        Architecture.Factory networks =
                Recipe.of(ExportedModel.options(exported)).networks();
        try (Engine engine = Engines.cpu(1);
                ExportedModel calibrated = new ExportedModel(exported, networks, engine);
                ExportedModel plain = new ExportedModel(without(exported, "temperature"), networks, engine)) {
            assertTrue(calibrated.calibrated() && !plain.calibrated());
            double[][] expected = plain.probabilities(test);
            double[][] found = calibrated.probabilities(test);
            for (int i = 0; i < 100; i++) {
                double sum = 0;
                for (double share : expected[i]) {
                    sum += Math.pow(share, temperature);
                }
                for (int c = 0; c < found[i].length; c++) {
                    double power = Math.pow(expected[i][c], temperature) / sum;
                    assertEquals(power, found[i][c], 1e-9, "image " + i + ", class " + c);
                }
            }
        }
        Path pictures = digits();
        said("predict", file.toString(), pictures.toString());
        String answers = out.toString();
        assertEquals("", err.toString());
        said("predict", run.toString(), pictures.toString());
        assertEquals(answers, out.toString());
    }

    private static Safetensors without(Safetensors file, String key) throws IOException {
        SafetensorsWriter copy = new SafetensorsWriter();
        file.metadata().forEach((name, text) -> {
            if (!name.equals(key)) {
                copy.metadata(name, text);
            }
        });
        for (String name : file.names()) {
            Safetensors.Tensor tensor = file.tensor(name);
            copy.add(name, tensor.type(), tensor.shape(), tensor.data());
        }
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        copy.writeTo(Channels.newChannel(bytes));
        return Safetensors.of("copy", bytes.toByteArray());
    }

    @Test
    void anEarlierSnapshotKnowsItsClassesAlone() throws IOException {
        Path run = trained(SMALL, "");
        Path pictures = digits();
        said("eval", run.toString(), "--snapshot", "1");
        String accuracy = cell("all", 2);
        List<String> known = List.of(cell("1", 4) + cell("1", 5) + cell("1", 6) + cell("1", 7))
                .getFirst()
                .transform(names -> List.of(names.split(",")));
        said("predict", run.toString(), "--snapshot", "1", pictures.toString());
        assertEquals(
                "Probabilities are not calibrated: that is known of the final model alone.",
                err.toString().strip());
        List<String> rows = rows(out.toString());
        assertTrue(rows.stream().allMatch(row -> known.contains(row.split(",")[1])), known + " in " + rows.getFirst());
        String ofKnown = String.join(
                "\n", rows.stream().filter(row -> known.contains(classOf(row))).toList());
        assertEquals(accuracy, shareRight("path,class,probability\n" + ofKnown));
    }

    /** Fully connected layers see every pixel, so a shift by one of the cropped middle would show. */
    @Test
    void imageFilesAreResampledAndCutAsThoseOfTheRun() throws IOException {
        Path data = temporary.resolve("photos");
        Random random = new Random(3);
        for (String part : List.of("train", "test")) {
            for (int c = 0; c < 4; c++) {
                Path folder = Files.createDirectories(data.resolve(part).resolve("class, " + c));
                for (int i = 0; i < 12; i++) {
                    BufferedImage picture = new BufferedImage(31, 22, BufferedImage.TYPE_INT_RGB);
                    for (int p = 0; p < 31 * 22; p++) {
                        int lit = p % 31 / 8 == c ? 0x505050 : 0;
                        picture.setRGB(p % 31, p / 31, lit + (random.nextInt() & 0x7f7f7f));
                    }
                    ImageIO.write(picture, "png", folder.resolve(i + ".png").toFile());
                }
            }
        }
        Path run = trained(
                "data = image-folder\nsplit = 2x2\nnetwork = mlp\nepochs = 4\nretrain-epochs = 1\n",
                "--image-size 14 --image-crop 10 --data-folder " + data);
        said("eval", run.toString());
        String accuracy = cell("all", 2);
        assertTrue(Double.parseDouble(accuracy) > 40, accuracy);
        said("predict", run.toString(), data.resolve("test").toString());
        assertEquals(accuracy, shareRight(out.toString().replace("class, ", "class")));
        Path file = temporary.resolve("exported");
        said("export", run.toString(), file.toString());
        Map<String, String> metadata = Safetensors.read(file).metadata();
        assertEquals(
                List.of("3", "10", "10", "14", "mlp"),
                List.of("channels", "height", "width", "resize", "network").stream()
                        .map(metadata::get)
                        .toList());
        assertTrue(metadata.get("recipe").contains("image-crop = 10\n"), metadata.get("recipe"));
        assertTrue(
                metadata.values().stream().noneMatch(text -> text.contains(temporary.toString())),
                "no places of this machine");
    }

    @Test
    void whatCannotBeReadIsNamedAndTheRestAnswered() throws IOException {
        Path run = trained(SMALL, "");
        Path folder = Files.createDirectories(temporary.resolve("mixed"));
        ImageIO.write(
                new BufferedImage(8, 8, BufferedImage.TYPE_BYTE_GRAY),
                "png",
                folder.resolve("a.png").toFile());
        ImageIO.write(
                new BufferedImage(20, 9, BufferedImage.TYPE_INT_RGB),
                "png",
                folder.resolve("c.png").toFile());
        Files.writeString(folder.resolve("b.png"), "no picture");
        assertEquals(1, palimpsest("predict", run.toString(), folder.toString()));
        assertEquals(2, rows(out.toString()).size(), out.toString());
        assertTrue(err.toString().startsWith("1 of 3 files are left out:"), err.toString());
        assertTrue(err.toString().contains("b.png cannot be read"), err.toString());
        Path notes = Files.writeString(temporary.resolve("notes"), "no model");
        assertEquals(1, palimpsest("predict", notes.toString(), folder.toString()));
        assertTrue(err.toString().contains("is not a usable safetensors file"), err.toString());
        assertEquals(1, palimpsest("predict", notes + "x", folder.toString()));
        assertEquals(
                notes
                        + "x: there is no such run or file; give a run's folder, its checkpoint, or what palimpsest"
                        + " export wrote",
                err.toString().strip());
        assertEquals(1, palimpsest("predict", run.toString(), "--snapshot", "7", folder.toString()));
        assertEquals(
                "There is no snapshot 7: the run has 1 to 2.", err.toString().strip());
        Path empty = Files.createDirectories(temporary.resolve("empty"));
        assertEquals(1, palimpsest("predict", run.toString(), empty.toString()));
        assertTrue(err.toString().contains("no image file"), err.toString());
    }

    private Path trained(String recipe, String options) throws IOException {
        Path run = temporary.resolve("run");
        Path file = Files.writeString(temporary.resolve("small.properties"), recipe);
        said(("train " + file + " " + options + " --out " + run).split(" +"));
        return run;
    }

    /** The test images, CLASS/….png. */
    private Path digits() throws IOException {
        Dataset digits = Dataset.load("digits", Optional.empty());
        Images test = digits.test();
        Path folder = temporary.resolve("digits");
        for (int i = 0; i < test.size(); i++) {
            BufferedImage picture = new BufferedImage(8, 8, BufferedImage.TYPE_BYTE_GRAY);
            for (int p = 0; p < 64; p++) {
                picture.getRaster().setSample(p % 8, p / 8, 0, test.pixel(i, 0, p / 8, p % 8) * 255 / 16);
            }
            Path own =
                    Files.createDirectories(folder.resolve(digits.classNames().get(test.label(i))));
            ImageIO.write(picture, "png", own.resolve(i + ".png").toFile());
        }
        return folder;
    }

    private static List<String> rows(String csv) {
        List<String> lines = new ArrayList<>(csv.lines().toList());
        assertEquals("path,class,probability", lines.removeFirst());
        lines.forEach(line -> {
            double probability = Double.parseDouble(line.substring(line.lastIndexOf(',') + 1));
            assertTrue(probability > 0.05 && probability <= 1, line);
        });
        return lines;
    }

    private static String classOf(String row) {
        return Path.of(row.split(",")[0]).getParent().getFileName().toString();
    }

    private static String shareRight(String csv) {
        List<String> rows = rows(csv);
        long right = rows.stream()
                .filter(row -> classOf(row).equals(row.split(",")[1].replace("\"", "")))
                .count();
        return String.format(Locale.ROOT, "%.2f", 100.0 * right / rows.size());
    }

    /** A word of the printed row that begins with the given one. */
    private String cell(String row, int column) {
        return out.toString()
                .lines()
                .filter(line -> line.startsWith(row + " "))
                .findFirst()
                .orElseThrow()
                .split(" +")[column];
    }

    private void said(String... words) {
        out.getBuffer().setLength(0);
        assertEquals(0, palimpsest(words), err.toString());
    }

    private int palimpsest(String... words) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return Palimpsest.commandLine(
                        Runs::run,
                        (name, alone) -> new Lines(name, Duration.ofHours(1), new PrintWriter(out), System::nanoTime),
                        List.of())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(words);
    }
}

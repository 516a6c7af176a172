package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.recipe.Recipe;
import dev.palimpsest.recipe.Runs;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Recipes for data that tests cannot have learn from a few made-up images in the same files, for one epoch. */
class LargeDataRecipesTest {
    @TempDir
    private Path temporary;

    @ParameterizedTest
    @CsvSource({"m2kd-cifar100, 50+1x50", "m2kd-cifar100-exemplar-free, 2x50"})
    void cifar100(String recipe, String split) throws IOException {
        Path data = Files.createDirectories(temporary.resolve("data"));
        Files.write(data.resolve("train.bin"), cifar100(2));
        Files.write(data.resolve("test.bin"), cifar100(1));
        Files.write(
                data.resolve("fine_label_names.txt"),
                IntStream.range(0, 100).mapToObj(c -> "class-" + c).toList());
        // Fewer layers keep it short; everything but the split is the recipe's.
        JsonNode metrics =
                train(recipe, "--data-folder", data.toString(), "--split", split, "--depth", "8", "--widths", "8,8,8");
        assertEquals(2, metrics.get("accuracy").size());
    }

    @Test
    void imagenet100() throws IOException {
        Random random = new Random(7);
        for (String part : List.of("train", "val")) {
            for (String label : List.of("bird", "cat", "dog", "fish")) {
                Path folder = Files.createDirectories(
                        temporary.resolve("data").resolve(part).resolve(label));
                for (int i = 0; i < 2; i++) {
                    BufferedImage image = new BufferedImage(40 + random.nextInt(20), 50, BufferedImage.TYPE_INT_RGB);
                    image.setRGB(random.nextInt(40), random.nextInt(50), 0xffffff);
                    assertTrue(ImageIO.write(
                            image, "jpg", folder.resolve("n" + i + ".jpg").toFile()));
                }
            }
        }
        Files.writeString(temporary.resolve("data/train/cat/broken.jpg"), "no image");
        JsonNode metrics = train(
                "m2kd-imagenet100",
                "--data-folder",
                temporary.resolve("data").toString(),
                "--split",
                "2x2",
                "--image-size",
                "96",
                "--widths",
                "16,16,16,16");
        assertEquals(2, metrics.get("accuracy").size());
    }

    /**
     * The challenge's folder as it is unpacked, a scenario file, a distractor class with test images; MLKD and what
     * the paper compares.
     */
    @Test
    void clvision2024() throws IOException {
        Path images = Files.createDirectories(temporary.resolve("clvision2024-data/clvision2024-imgs"));
        Path lists = Files.createDirectories(temporary.resolve("clvision2024-data/clvision2024-splits"));
        List<String> train = new ArrayList<>();
        List<String> test = new ArrayList<>();
        for (int i = 0; i < 41; i++) {
            BufferedImage image = new BufferedImage(48, 48, BufferedImage.TYPE_INT_RGB);
            for (int at = 0; at < 48 * 48; at++) {
                image.setRGB(at % 48, at / 48, (i % 5 + 1) * at);
            }
            assertTrue(
                    ImageIO.write(image, "jpg", images.resolve("n" + i + ".jpg").toFile()));
            (i < 31 ? train : test).add("n" + i + ".jpg " + i % 5);
        }
        Files.write(lists.resolve("train.txt"), train);
        Files.write(
                lists.resolve("test.txt"),
                test.stream().map(line -> line.split(" ")[0]).toList());
        Files.write(lists.resolve("test_label.txt"), test);
        Path scenario = temporary.resolve("scenario.pkl");
        try (InputStream in = Recipe.class.getResourceAsStream("scenario-toy.pkl")) {
            Files.copy(in, scenario);
        }
        JsonNode metrics = train(
                "mlkd-clvision",
                "--baselines",
                "fine-tuning,lwf-unlabelled,mlkd-baseline,mlkd-ssl-alone,mlkd-alone",
                "--data-folder",
                temporary.resolve("clvision2024-data").toString(),
                "--scenario",
                scenario.toString(),
                "--image-size",
                "40",
                "--image-crop",
                "32",
                "--augment",
                "crop-flip:4+rand:2:9",
                "--widths",
                "8,8,8,8",
                "--epochs-fall",
                "0",
                "--unlabelled-batch",
                "8");
        assertEquals(3, metrics.get("accuracy").size());
        String run = Files.readString(temporary.resolve("run/mlkd-baseline/run.json"));
        assertTrue(run.contains("\"scenario.pkl\" : \""), run);
        for (String method :
                List.of("fine-tuning", "lwf-unlabelled", "mlkd-baseline", "mlkd-ssl-alone", "mlkd-alone")) {
            assertTrue(Files.exists(temporary.resolve("run").resolve(method).resolve("metrics.json")), method);
        }
    }

    /** Records of the coarse label, the label and 3 planes of 32×32. */
    private static byte[] cifar100(int imagesPerClass) {
        Random random = new Random(7);
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        for (int i = 0; i < 100 * imagesPerClass; i++) {
            byte[] record = new byte[2 + 3 * 32 * 32];
            random.nextBytes(record);
            record[0] = (byte) (i % 20);
            record[1] = (byte) (i % 100);
            bytes.writeBytes(record);
        }
        return bytes.toByteArray();
    }

    private JsonNode train(String recipe, String... more) throws IOException {
        StringWriter err = new StringWriter();
        Path run = temporary.resolve("run");
        List<String> words =
                new ArrayList<>(List.of("train", recipe, "--epochs", "1", "--threads", "1", "--out", run.toString()));
        if (recipe.startsWith("m2kd")) {
            words.addAll(List.of("--retrain-epochs", "1"));
        }
        words.addAll(List.of(more));
        int code = Palimpsest.commandLine(
                        Runs::run,
                        (name, alone) -> new Lines(
                                name, Duration.ofDays(1), new PrintWriter(new StringWriter()), System::nanoTime),
                        List.of())
                .setOut(new PrintWriter(new StringWriter()))
                .setErr(new PrintWriter(err, true))
                .execute(words.toArray(String[]::new));
        assertEquals(0, code, err.toString());
        return new ObjectMapper().readTree(run.resolve("metrics.json").toFile());
    }
}

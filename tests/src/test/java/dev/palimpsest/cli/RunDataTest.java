package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.recipe.Runs;
import dev.palimpsest.report.EditedRun;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A run whose data are not what they were when it was trained. */
class RunDataTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir
    private Path temporary;

    @Test
    void changedIdxFilesAreNotScoredUnasked() throws IOException {
        Path data = Files.createDirectories(temporary.resolve("idx"));
        for (String part : List.of("train", "t10k")) {
            byte[] images = new byte[16 + 20 * 28 * 28];
            ByteBuffer.wrap(images).putInt(0x803).putInt(20).putInt(28).putInt(28);
            byte[] labels = new byte[8 + 20];
            ByteBuffer.wrap(labels).putInt(0x801).putInt(20);
            for (int i = 0; i < 20; i++) {
                labels[8 + i] = (byte) (i / 2);
                images[16 + 784 * i + 30 * (i / 2)] = (byte) 200;
            }
            Files.write(data.resolve(part + "-images-idx3-ubyte"), images);
            Files.write(data.resolve(part + "-labels-idx1-ubyte"), labels);
        }
        refuses("fashion-mnist", data, "t10k-images-idx3-ubyte", 700, "t10k-images-idx3-ubyte");
    }

    @Test
    void changedCifarFilesAreNotScoredUnasked() throws IOException {
        Path data = Files.createDirectories(temporary.resolve("cifar"));
        byte[] images = new byte[10 * 3073];
        for (int i = 0; i < 10; i++) {
            images[3073 * i] = (byte) i;
            images[3073 * i + 40 * i] += (byte) i;
        }
        for (String file : List.of("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5")) {
            Files.write(data.resolve(file + ".bin"), images);
        }
        Files.write(data.resolve("test_batch.bin"), images);
        Files.writeString(
                data.resolve("batches.meta.txt"),
                IntStream.range(0, 10).mapToObj(i -> "class " + i + "\n").collect(Collectors.joining()));
        refuses("cifar-10", data, "data_batch_2.bin", 77, "data_batch_2.bin");
    }

    @Test
    void changedImageFoldersAreNotScoredUnasked() throws IOException {
        Path data = temporary.resolve("folder");
        for (String part : List.of("train", "test")) {
            for (int c = 0; c < 10; c++) {
                Path folder = Files.createDirectories(data.resolve(part).resolve("class" + c));
                BufferedImage picture = new BufferedImage(16, 16, BufferedImage.TYPE_BYTE_GRAY);
                picture.setRGB(c, c, 0xffffff);
                ImageIO.write(picture, "bmp", folder.resolve("0.bmp").toFile());
            }
        }
        refuses("image-folder", data, "test/class3/0.bmp", 1100, "test");
    }

    /** @param name of the file in the record */
    private void refuses(String source, Path data, String file, int at, String name) throws IOException {
        String run = temporary.resolve("run").toString();
        String[] training = {
            "train",
            "m2kd-digits",
            "--data",
            source,
            "--data-folder",
            data.toString(),
            "--method",
            "fine-tuning",
            "--split",
            "5+5",
            "--epochs",
            "1",
            "--widths",
            "4,8",
            "--exemplars",
            "0",
            "--validation",
            "0",
            "--out",
            run
        };
        assertEquals(0, palimpsest(training), err.toString());
        assertEquals(0, palimpsest("eval", run), err.toString());
        Path changed = data.resolve(file);
        byte[] bytes = Files.readAllBytes(changed);
        bytes[Math.min(at, bytes.length - 1)] ^= 1;
        Files.write(changed, bytes);
        assertEquals(1, palimpsest("eval", run));
        String sentence = err.toString().strip();
        assertTrue(
                sentence.matches("The data are not those of \\S+/run: " + name
                        + " has the SHA-256 [0-9a-f]{12}…, recorded"
                        + " is [0-9a-f]{12}…\\. Put those files back, or score these all the same with --data " + source
                        + "\\."),
                sentence);
        assertEquals(0, palimpsest("eval", run, "--data", source, "--data-folder", data.toString()), err.toString());
        assertTrue(out.toString().startsWith("The data are not those of "), out.toString());
        // Cut short after its first experience, it does not go on with them either.
        Path model = temporary.resolve("run/checkpoint/model.safetensors");
        Files.delete(model);
        Files.delete(temporary.resolve("run/metrics.json"));
        Files.deleteIfExists(temporary.resolve("run/run.lock"));
        EditedRun.edit(temporary.resolve("run"), record -> record.put("status", "running"));
        assertEquals(1, palimpsest("train", "--resume", run));
        assertTrue(err.toString().contains("The run cannot go on with them: "), err.toString());
    }

    private int palimpsest(String... words) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return Palimpsest.commandLine(Runs::run, (name, alone) -> new Silent(), new ArrayList<>())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(words);
    }

    private static final class Silent implements Display.Watch {
        @Override
        public void close() {}
    }
}

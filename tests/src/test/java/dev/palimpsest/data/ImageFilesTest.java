package dev.palimpsest.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Small pictures that the test draws itself. */
class ImageFilesTest {
    @TempDir
    Path folder;

    @BeforeEach
    void draw() throws IOException {
        write("train/cat/a.png", rgb(4, 4, 0x102030));
        write("train/cat/b.jpg", rgb(4, 4, 0x808080));
        write("train/dog/c.PNG", rgb(4, 4, 0xffffff));
        write("test/dog/d.jpeg", rgb(4, 4, 0x000000));
    }

    @Test
    void aFolderIsAClass() {
        Dataset data = load("image-folder", ImageOptions.NONE);
        assertEquals(List.of("cat", "dog"), data.classNames());
        assertEquals(List.of(0, 0, 1), List.of(data.train().label(0), data.train().label(1), data.train().label(2)));
        assertEquals(1, data.test().label(0));
        assertEquals(0x10, data.train().pixel(0, 0, 3, 0));
        assertEquals(0x20, data.train().pixel(0, 1, 3, 0));
        assertEquals(0x30, data.train().pixel(0, 2, 3, 0));
        assertEquals(0x80, data.train().pixel(1, 0, 0, 0), 2);
    }

    @Test
    void valStandsInForTest() throws IOException {
        Files.move(folder.resolve("test"), folder.resolve("val"));
        assertEquals("[train, val]", load("image-folder", ImageOptions.NONE).sha256().keySet().toString());
    }

    @Test
    void theHashIsThatOfWhatSha256sumPrints() throws IOException {
        String one = HashedFile.sha256(Files.readAllBytes(folder.resolve("test/dog/d.jpeg")));
        assertEquals(HashedFile.sha256((one + "  test/dog/d.jpeg\n").getBytes()),
                load("image-folder", ImageOptions.NONE).sha256().get("test"));
    }

    @Test
    void greyIsReadAsItIsStored() throws IOException {
        BufferedImage grey = new BufferedImage(4, 4, BufferedImage.TYPE_BYTE_GRAY);
        grey.getRaster().setSample(1, 2, 0, 100);
        write("train/cat/a.png", grey);
        Images images = load("image-folder", ImageOptions.NONE).train();
        assertEquals(100, images.pixel(0, 0, 2, 1));
        assertEquals(100, images.pixel(0, 2, 2, 1));
        assertEquals(0, images.pixel(0, 1, 1, 2));
    }

    @Test
    void theCentralSquareIsAveragedOverAreas() throws IOException {
        BufferedImage wide = rgb(8, 4, 0xff0000);
        for (int y = 0; y < 4; y++) {
            for (int x = 2; x < 6; x++) {
                wide.setRGB(x, y, x == 2 ? 0x000000 : 0x000064);
            }
        }
        write("train/cat/a.png", wide);
        Images images = load("image-folder", new ImageOptions(2, false)).train();
        assertEquals(2, images.height());
        assertEquals(0, images.pixel(0, 0, 0, 0));
        assertEquals(50, images.pixel(0, 2, 0, 0));
        assertEquals(100, images.pixel(0, 2, 1, 1));
    }

    @Test
    void fractionsOfPixelsCountByTheirShare() {
        byte[] out = new byte[4];
        new Resampling(3, 2).apply(new byte[] {0, 90, 0, 0, 90, 0, 0, 90, 0}, 0, 3, out, 0);
        // Each half covers one whole pixel and half of the middle one: 90 / 3.
        assertEquals("[30, 30, 30, 30]", Arrays.toString(out));
        byte[] large = new byte[16];
        new Resampling(2, 4).apply(new byte[] {0, 80, 0, 80}, 0, 2, large, 0);
        assertEquals("[0, 20, 60, 80]", Arrays.toString(Arrays.copyOf(large, 4)));
        byte[] one = new byte[4];
        new Resampling(1, 2).apply(new byte[] {7}, 0, 1, one, 0);
        assertEquals("[7, 7, 7, 7]", Arrays.toString(one));
    }

    @Test
    void damagedFilesAreNamedOrLeftOut() throws IOException {
        for (String name : List.of("train/cat/a.png", "train/cat/b.jpg")) {
            Path file = folder.resolve(name);
            write(name, rgb(64, 64, 0x445566));
            byte[] whole = Files.readAllBytes(file);
            for (byte[] damaged : List.of(Arrays.copyOf(whole, whole.length / 2), Arrays.copyOf(whole, whole.length - 40),
                    "no image".getBytes(), new byte[0])) {
                Files.write(file, damaged);
                String message = assertThrows(DataException.class, () -> load("image-folder", new ImageOptions(4, false))).getMessage();
                assertTrue(message.startsWith(file + " cannot be decoded ("), message);
                assertEquals(2, load("image-folder", new ImageOptions(4, true)).train().size());
            }
            write(name, rgb(4, 4, 0x445566));
        }
    }

    @Test
    void leavingOutKeepsImagesAndLabelsTogether() throws IOException {
        Files.write(folder.resolve("train/cat/a.png"), new byte[9]);
        Images images = load("image-folder", new ImageOptions(4, true)).train();
        assertEquals(1, images.label(1));
        assertEquals(255, images.pixel(1, 0, 0, 0));
    }

    @Test
    void filesOfSeveralSizesNeedAnImageSize() throws IOException {
        write("train/dog/c.PNG", rgb(5, 4, 0));
        assertError("image-folder", folder.resolve("train/dog/c.PNG") + " has 4×5 pixels, the first image 4×4: give --image-size to "
                + "bring all to one size");
    }

    @Test
    void whatDoesNotFitTheMemoryIsRefusedWithNumbers() throws IOException {
        int tooMany = (int) (Runtime.getRuntime().maxMemory() / (3 * 4096 * 4096)) + 1;
        Files.writeString(folder.resolve("train.txt"), "train/cat/a.png 0\n".repeat(tooMany));
        Files.writeString(folder.resolve("test.txt"), "test/dog/d.jpeg 0\n");
        String message = assertThrows(DataException.class, () -> load("image-list", new ImageOptions(4096, false))).getMessage();
        assertTrue(message.matches("[\\d,]+ training and 1 test images of 3×4096×4096 take [\\d.]+ GiB and the heap has [\\d.]+ left: "
                + "use a smaller --image-size, fewer images, or more memory .*"), message);
    }

    @Test
    void aListNamesPathsAndLabels() throws IOException {
        write("with blank/x.png", rgb(4, 4, 0x0000ff));
        Files.writeString(folder.resolve("train.txt"), "train/cat/a.png 10\n\nwith blank/x.png\t9\n");
        Files.writeString(folder.resolve("test.txt"), "test/dog/d.jpeg 9\n");
        Dataset data = load("image-list", ImageOptions.NONE);
        assertEquals(List.of("9", "10"), data.classNames());
        assertEquals(1, data.train().label(0));
        assertEquals(0, data.train().label(1));
        assertEquals(255, data.train().pixel(1, 2, 0, 0));
        Files.writeString(folder.resolve("test.txt"), "test/dog/d.jpeg 11\n");
        assertError("image-list", folder.resolve("test.txt") + ", line 1 has label 11 that train.txt does not have");
        Files.writeString(folder.resolve("test.txt"), "\nd.jpeg\n");
        assertError("image-list", folder.resolve("test.txt") + ", line 2 is \"d.jpeg\": expected a path, a blank and a label");
        Files.writeString(folder.resolve("test.txt"), "test/nowhere.png 9\n");
        assertError("image-list", folder.resolve("test/nowhere.png") + " cannot be read (java.nio.file.NoSuchFileException: "
                + folder.resolve("test/nowhere.png") + "): check that it is a file and that you may read it");
    }

    @Test
    void foldersThatDoNotMatchAreRefused() throws IOException {
        write("test/cow/e.png", rgb(4, 4, 0));
        assertError("image-folder", folder.resolve("test/cow") + " is a class that train does not have: expected one of cat, dog");
        Files.createDirectory(folder.resolve("train/empty"));
        assertError("image-folder", folder.resolve("train/empty") + " holds no .png, .jpg or .jpeg file: put images there or remove it");
        assertEquals(folder.resolve("test") + " lacks train: it must hold train and test (or val), each with a folder for every class",
                assertThrows(DataException.class, () -> Dataset.load("image-folder", Optional.of(folder.resolve("test")))).getMessage());
    }

    @Test
    void onlyImageFilesTakeImageOptions() {
        assertEquals("digits has images of its own size: leave out --image-size and --skip-damaged, "
                + "which are for image-folder and image-list",
                assertThrows(IllegalArgumentException.class, () -> Dataset.load("digits", Optional.empty(), new ImageOptions(9, false)))
                        .getMessage());
        assertThrows(IllegalArgumentException.class, () -> Dataset.load("image-list", Optional.empty()));
        assertThrows(IllegalArgumentException.class, () -> new ImageOptions(-1, false));
    }

    private Dataset load(String name, ImageOptions options) {
        return Dataset.load(name, Optional.of(folder), options);
    }

    private void assertError(String name, String sentence) {
        assertEquals(sentence, assertThrows(DataException.class, () -> load(name, ImageOptions.NONE)).getMessage());
    }

    private void write(String name, BufferedImage image) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        String format = name.toLowerCase().endsWith("png") ? "png" : "jpg";
        assertTrue(ImageIO.write(image, format, file.toFile()));
    }

    private static BufferedImage rgb(int width, int height, int colour) {
        BufferedImage image = new BufferedImage(width, height, BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < width * height; i++) {
            image.setRGB(i % width, i / width, colour);
        }
        return image;
    }
}

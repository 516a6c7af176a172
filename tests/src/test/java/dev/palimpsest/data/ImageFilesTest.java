package dev.palimpsest.data;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.logging.Handler;
import java.util.logging.LogRecord;
import java.util.logging.Logger;
import java.util.logging.SimpleFormatter;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
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
        assertEquals(
                List.of(0, 0, 1),
                List.of(
                        data.train().label(0),
                        data.train().label(1),
                        data.train().label(2)));
        assertEquals(1, data.test().label(0));
        assertEquals(0x10, data.train().pixel(0, 0, 3, 0));
        assertEquals(0x20, data.train().pixel(0, 1, 3, 0));
        assertEquals(0x30, data.train().pixel(0, 2, 3, 0));
        assertEquals(0x80, data.train().pixel(1, 0, 0, 0), 2);
    }

    @Test
    void valStandsInForTest() throws IOException {
        Files.move(folder.resolve("test"), folder.resolve("val"));
        assertEquals(
                "[train, val]",
                load("image-folder", ImageOptions.NONE).sha256().keySet().toString());
    }

    @Test
    void theHashIsThatOfWhatSha256sumPrints() throws IOException {
        String one = HashedFile.sha256(Files.readAllBytes(folder.resolve("test/dog/d.jpeg")));
        assertEquals(
                HashedFile.sha256((one + "  test/dog/d.jpeg\n").getBytes()),
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
        Images images = load("image-folder", new ImageOptions(2, 0, false)).train();
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
            for (byte[] damaged : List.of(
                    Arrays.copyOf(whole, whole.length / 2),
                    Arrays.copyOf(whole, whole.length - 40),
                    "no image".getBytes(),
                    new byte[0])) {
                Files.write(file, damaged);
                String message = assertThrows(
                                DataException.class, () -> load("image-folder", new ImageOptions(4, 0, false)))
                        .getMessage();
                assertTrue(message.startsWith("1 of 4 files cannot be read: " + file + " ("), message);
                assertEquals(
                        2,
                        load("image-folder", new ImageOptions(4, 0, true))
                                .train()
                                .size());
            }
            write(name, rgb(4, 4, 0x445566));
        }
    }

    @Test
    void leavingOutKeepsImagesAndLabelsTogether() throws IOException {
        Files.write(folder.resolve("train/cat/a.png"), new byte[9]);
        Images images = load("image-folder", new ImageOptions(4, 0, true)).train();
        assertEquals(1, images.label(1));
        assertEquals(255, images.pixel(1, 0, 0, 0));
    }

    @Test
    void filesOfSeveralSizesNeedAnImageSize() throws IOException {
        write("train/dog/c.PNG", rgb(5, 4, 0));
        assertError(
                "image-folder",
                folder.resolve("train/dog/c.PNG") + " has 4×5 pixels, the first image 4×4: give --image-size to "
                        + "bring all to one size");
    }

    /** 6×8 pixels whose red is 20 times the row and green 20 times the column. */
    private static BufferedImage ramp() {
        BufferedImage image = new BufferedImage(8, 6, BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < 48; i++) {
            image.setRGB(i % 8, i / 8, 20 * (i / 8) << 16 | 20 * (i % 8) << 8);
        }
        return image;
    }

    @Test
    void theMiddleIsShownAndWindowsThatAreMovedShowWhatLiesAroundIt() throws IOException {
        for (String name : List.of("train/cat/a.png", "train/cat/b.png", "train/dog/c.PNG", "test/dog/d.png")) {
            write(name, ramp());
        }
        Files.delete(folder.resolve("train/cat/b.jpg"));
        Files.delete(folder.resolve("test/dog/d.jpeg"));
        Images images = load("image-folder", new ImageOptions(0, 2, false)).train();
        assertEquals(2, images.height());
        assertEquals(2, images.width());
        assertEquals(12, images.valuesPerImage());
        assertEquals(40, images.pixel(0, 0, 0, 0));
        assertEquals(80, images.pixel(0, 1, 1, 1));
        for (int top = -3; top <= 3; top++) {
            for (int left = -4; left <= 4; left++) {
                for (boolean mirrored : new boolean[] {false, true}) {
                    float[] window = new float[12];
                    images.readPixels(0, top, left, mirrored, window);
                    for (int at = 0; at < 4; at++) {
                        int y = 2 + top + at / 2;
                        int x = 3 + left + (mirrored ? 1 - at % 2 : at % 2);
                        boolean inside = y >= 0 && y < 6 && x >= 0 && x < 8;
                        assertEquals(inside ? 20 * y : 0, window[at], "row at " + top + ", " + left);
                        assertEquals(inside ? 20 * x : 0, window[4 + at], "column at " + top + ", " + left);
                    }
                }
            }
        }
        Normalisation whole = load("image-folder", ImageOptions.NONE).train().normalisation();
        assertEquals(whole.mean(0), images.normalisation().mean(0), "statistics are of all pixels");
        assertEquals(2, images.normalisedBy(whole).height());
        assertEquals(
                2, load("image-folder", new ImageOptions(0, 2, false)).test().height());
        assertEquals(
                "image-crop = 3 is no part in the middle of the 6×8 pixels in " + folder
                        + ": take a smaller one, even or odd as they " + "are, or give --image-size",
                refusal(new ImageOptions(0, 3, false)));
        assertTrue(refusal(new ImageOptions(0, 8, false)).startsWith("image-crop = 8 is no part"));
        assertEquals(
                "image-crop = 223: expected an even number of pixels up to image-size = 256, or 0 for all of the image",
                assertThrows(IllegalArgumentException.class, () -> new ImageOptions(256, 223, false))
                        .getMessage());
        assertThrows(IllegalArgumentException.class, () -> new ImageOptions(4, 6, false));
        assertThrows(IllegalArgumentException.class, () -> new ImageOptions(0, -2, false));
    }

    @Test
    void imagesTooManyForTheHeapComeFromAFileThatIsGone() throws IOException {
        write("train/cat/a.png", ramp());
        Files.write(folder.resolve("train/cat/b.jpg"), new byte[9]);
        Path cache = folder.resolve("cache/palimpsest");
        Dataset heap = load("image-folder", new ImageOptions(3, 0, true));
        Dataset disk = load(new ImageOptions(3, 0, true), 0, cache);
        assertEquals(List.of(), List.of(cache.toFile().list()), "nothing is left behind");
        assertEquals(2, disk.train().size());
        float[] expected = new float[27];
        float[] actual = new float[27];
        for (int i = 0; i < 2; i++) {
            heap.train().read(i, expected, 0);
            disk.train().read(i, actual, 0);
            assertArrayEquals(expected, actual);
            assertEquals(heap.train().label(i), disk.train().label(i));
        }
        heap.test().read(0, expected, 0);
        disk.test().read(0, actual, 0);
        assertArrayEquals(expected, actual);
        assertEquals(heap.train().brightest(), disk.train().brightest());
        assertEquals(heap.sha256(), disk.sha256());
    }

    @Test
    void whatFitsNeitherTheMemoryNorTheDiskIsRefusedWithNumbers() throws IOException {
        Path cache = folder.resolve("cache");
        int tooMany = (int) (Files.getFileStore(folder).getUsableSpace() / (3 * 4096 * 4096)) + 1;
        var image = new ImageFiles.Labelled(folder.resolve("train/cat/a.png"), 0);
        String message = assertThrows(
                        DataException.class,
                        () -> ImageFiles.load(
                                "x",
                                folder,
                                List.of("cat"),
                                Collections.nCopies(tooMany, image),
                                List.of(image),
                                "test",
                                new ImageOptions(4096, 0, false),
                                1 << 20,
                                cache))
                .getMessage();
        assertTrue(
                message.matches(
                        "[\\d,]+ training and 1 test images of 3×4096×4096 take [\\d.]+ GiB, the heap has 0.00 left"
                                + " and the disk of " + cache
                                + " [\\d.]+: use a smaller --image-size, fewer images, more memory .*"),
                message);
        Path file = Files.writeString(folder.resolve("file"), "");
        assertTrue(assertThrows(DataException.class, () -> load(ImageOptions.NONE, 0, file))
                .getMessage()
                .contains(" left and " + file + " cannot be used ("));
    }

    @Test
    void theChallengesFolderIsReadAsItIsUnpacked() throws IOException {
        Path lists = Files.createDirectories(folder.resolve("clvision2024-splits"));
        write("clvision2024-imgs/n1/a.png", rgb(4, 4, 0x0000ff));
        Files.writeString(lists.resolve("train.txt"), "n1/a.png 10\nn1/a.png 9\n");
        Files.writeString(lists.resolve("test.txt"), "n1/a.png\n");
        assertTrue(assertThrows(DataException.class, () -> load("image-list", ImageOptions.NONE))
                .getMessage()
                .startsWith(
                        lists.resolve("test.txt") + ", line 1 is \"n1/a.png\": expected a path, a blank and a label"));
        Files.writeString(lists.resolve("test_label.txt"), "n1/a.png 10\n");
        Dataset data = load("image-list", ImageOptions.NONE);
        assertEquals(List.of("9", "10"), data.classNames());
        assertEquals(1, data.test().label(0));
        assertEquals(255, data.train().pixel(1, 2, 0, 0));
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
        assertError(
                "image-list",
                folder.resolve("test.txt") + ", line 1 has label 11 that train.txt does not have: list"
                        + " images of it there too, or leave the line out");
        Files.writeString(folder.resolve("test.txt"), "\nd.jpeg\n");
        assertError(
                "image-list",
                folder.resolve("test.txt") + ", line 2 is \"d.jpeg\": expected a path, a blank and a label");
        Files.writeString(folder.resolve("test.txt"), "test/nowhere.png 9\n");
        assertError(
                "image-list",
                "1 of 3 files cannot be read: " + folder.resolve("test/nowhere.png")
                        + " (there is no such file): replace"
                        + " them, or leave such files out with --skip-damaged true");
    }

    @Test
    void aFolderOfListsThatIsNotThereIsNamed() {
        Path none = folder.resolve("none");
        assertEquals(
                none + " is no folder: check its name",
                assertThrows(DataException.class, () -> Dataset.load("image-list", Optional.of(none)))
                        .getMessage());
    }

    @Test
    void aListMayBeginWithAByteOrderMarkAndNamesAllThatIsMissing() throws IOException {
        Files.writeString(folder.resolve("train.txt"), "\ufefftrain/cat/a.png 01\r\ntrain/cat/b.jpg 1\r\n");
        Files.writeString(folder.resolve("test.txt"), "\ufefftest/dog/d.jpeg 001\n");
        assertEquals(List.of("1"), load("image-list", ImageOptions.NONE).classNames());
        Files.writeString(folder.resolve("train.txt"), "x.png 1\ntrain/cat/a.png 1\ntrain 1\n/dev/zero 1\n");
        Files.writeString(folder.resolve("test.txt"), "y.png 1\n");
        assertError(
                "image-list",
                "4 of 5 files cannot be read: " + folder.resolve("x.png") + " (there is no such file), "
                        + folder.resolve("train") + " (it is a folder), /dev/zero (it is a pipe or a device, not a"
                        + " file), " + folder.resolve("y.png") + " (there is no such file): replace them, or leave such"
                        + " files out with --skip-damaged true");
        Files.writeString(folder.resolve("train.txt"), "train/cat/a.png Cat\ntrain/cat/b.jpg cat\n");
        assertError(
                "image-list",
                folder.resolve("train.txt") + " has the labels Cat and cat, which differ only in how they are written:"
                        + " write every class in one way");
        Files.write(folder.resolve("train.txt"), "train/cat/a.png caf\u00e9\n".getBytes(StandardCharsets.ISO_8859_1));
        assertError(
                "image-list",
                folder.resolve("train.txt") + " is not UTF-8 text: byte 0xe9 in line 1, after \"train/cat/a.png caf\","
                        + " is no part of it; save the file as UTF-8");
    }

    @Test
    void foldersThatDoNotMatchAreRefused() throws IOException {
        write("test/cow/e.png", rgb(4, 4, 0));
        assertError(
                "image-folder",
                folder.resolve("test/cow") + " is a class that train does not have: expected one of cat, dog; put"
                        + " images of it into train too, or leave it out");
        Files.createDirectory(folder.resolve("train/empty"));
        assertError(
                "image-folder",
                folder.resolve("train/empty")
                        + " holds no file that ends in .png, .jpg, .jpeg, .webp, .gif, .bmp, .tif or"
                        + " .tiff: put images there or remove it");
        Files.delete(folder.resolve("train/empty"));
        Files.move(folder.resolve("train"), folder.resolve("training"));
        assertError(
                "image-folder",
                folder + " lacks train: it must hold train and test (or val), each with a folder for every class, or"
                        + " neither; rename training if that is what is missing");
        Files.move(folder.resolve("test"), folder.resolve("Validation"));
        String divided = folder + " is divided into training and Validation, which would become classes: ";
        assertError(
                "image-folder",
                divided
                        + "name them train and test (or val), or put all classes side by side, or rename what is a"
                        + " class");
        assertEquals(
                divided + "give " + folder.resolve("training") + ", or rename what is a class",
                assertThrows(DataException.class, () -> Images.ofFolder(folder, 4))
                        .getMessage());
    }

    @Test
    void whatStandsBesideTrainAndTestIsSaidToBeLeftOut() throws IOException {
        write("val/dog/e.png", rgb(4, 4, 0));
        write("extra/f.png", rgb(4, 4, 0));
        assertEquals(
                List.of("not taken from " + folder
                        + ": extra, val, as train and test are there; move images that are to be"
                        + " used into those two (--validation holds out a share of train)"),
                logged(() -> load("image-folder", ImageOptions.NONE)));
        Files.writeString(folder.resolve("train.txt"), "train/cat/a.png 1\n");
        Files.writeString(folder.resolve("test.txt"), "train/cat/b.jpg 1\n");
        Files.writeString(folder.resolve("val.txt"), "val/dog/e.png 1\n");
        assertEquals(
                List.of("not taken: " + folder.resolve("val.txt")
                        + ", as train.txt and test.txt are read; put lines that"
                        + " are to be used into those two (--validation holds out a share of train.txt)"),
                logged(() -> load("image-list", ImageOptions.NONE)));
    }

    @Test
    void aPartBesideClassesOfTheSameNamesIsNoClass() throws IOException {
        Path photos = folder.resolve("photos");
        for (String file : List.of("cat/a.png", "cat/b.png", "dog/c.png", "valid/cat/d.png")) {
            write("photos/" + file, rgb(4, 4, 0));
        }
        String expected = photos + " is divided into valid, which would become classes: ";
        String refused = assertThrows(DataException.class, () -> Images.ofFolder(photos, 4))
                .getMessage();
        assertTrue(refused.startsWith(expected), refused);
        refused =
                assertThrows(DataException.class, () -> FolderSurvey.of(photos)).getMessage();
        assertTrue(refused.startsWith(expected), refused);
        Files.move(photos.resolve("valid/cat"), photos.resolve("valid/passes"));
        assertEquals(
                List.of("cat", "dog", "valid"), Images.ofFolder(photos, 4).classNames(), "as it is no part of those");
    }

    @Test
    void aFolderOfClassesIsDividedClassByClass() throws IOException {
        Path photos = folder.resolve("photos");
        for (int i = 0; i < 10; i++) {
            write("photos/cat/" + i + ".png", rgb(4, 6, 0x010000 * i));
            write("photos/dog/" + i + ".png", rgb(6, 4, 0x010000 * (100 + i)));
        }
        write("photos/one/0.png", rgb(4, 4, 0xff0000));
        Dataset data = Dataset.load("image-folder", Optional.of(photos), new ImageOptions(4, 0, false, 0.3));
        assertEquals(List.of("cat", "dog", "one"), data.classNames());
        List<Integer> all = new ArrayList<>();
        for (Images part : List.of(data.train(), data.test())) {
            for (int i = 0; i < part.size(); i++) {
                int red = part.pixel(i, 0, 0, 0);
                assertEquals(red == 255 ? 2 : red / 100, part.label(i));
                all.add(red);
            }
        }
        assertEquals(15, data.train().size());
        assertEquals(6, data.test().size());
        assertEquals(21, all.stream().distinct().count(), "no image is in both parts");
        assertEquals(
                3, IntStream.range(0, 6).filter(i -> data.test().label(i) == 0).count());
        Files.delete(photos.resolve("one/0.png"));
        Files.delete(photos.resolve("one"));
        Dataset without = Dataset.load("image-folder", Optional.of(photos), new ImageOptions(4, 0, false, 0.3));
        assertEquals(data.sha256().get("test"), without.sha256().get("test"), "other classes change nothing");
        assertEquals(new FolderSurvey(List.of("cat", "dog"), 20, 4), FolderSurvey.of(photos));
        assertThrows(IllegalArgumentException.class, () -> new ImageOptions(4, 0, false, 1));
    }

    @Test
    void whatIsDividedAlreadyTakesNoShareForTest() throws IOException {
        ImageOptions share = new ImageOptions(0, 0, false, 0.3);
        String refused = assertThrows(DataException.class, () -> load("image-folder", share))
                .getMessage();
        assertEquals(
                folder + " has train and test, which say what is for test: leave out --test-share, or put all classes"
                        + " side by side",
                refused);
        Files.writeString(folder.resolve("train.txt"), "train/cat/a.png 1\n");
        Files.writeString(folder.resolve("test.txt"), "train/cat/a.png 1\n");
        assertEquals(1, load("image-list", ImageOptions.NONE).train().size());
        assertThrows(DataException.class, () -> load("image-list", share));
    }

    @Test
    void theFoldersOfADividedDataSetAreNoClasses() throws IOException {
        String refused = assertThrows(DataException.class, () -> Images.ofFolder(folder, 4))
                .getMessage();
        assertEquals(
                folder + " is divided into train and test, which would become classes: give " + folder.resolve("train")
                        + ", or rename what is a class",
                refused);
        Files.copy(folder.resolve("train/cat/a.png"), folder.resolve("train/a.png"));
        assertEquals(List.of("test", "train"), Images.ofFolder(folder, 4).classNames(), "railways");
    }

    @Test
    void onlyImageFilesTakeImageOptions() {
        assertEquals(
                "digits has images of its own size: leave out --image-size, --image-crop, --skip-damaged and"
                        + " --test-share, which are for image-folder and image-list",
                assertThrows(
                                IllegalArgumentException.class,
                                () -> Dataset.load("digits", Optional.empty(), new ImageOptions(9, 0, false)))
                        .getMessage());
        assertThrows(IllegalArgumentException.class, () -> Dataset.load("image-list", Optional.empty()));
        assertThrows(IllegalArgumentException.class, () -> new ImageOptions(-1, 0, false));
    }

    @Test
    @Timeout(value = 30, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void aPipeInThePlaceOfTheFolderIsNotWaitedAt() throws IOException, InterruptedException {
        Path pipe = folder.resolve("pipe");
        assertEquals(0, new ProcessBuilder("mkfifo", pipe.toString()).start().waitFor());
        for (String format : List.of("image-folder", "image-list", "mnist", "cifar-100")) {
            assertThrows(DataException.class, () -> Dataset.load(format, Optional.of(pipe)), format);
        }
    }

    @Test
    void hiddenNamesAreSkippedAndDeeperFoldersWalked() throws IOException {
        for (String left : List.of("train/.ipynb_checkpoints/x.png", "train/__MACOSX/x.png", "train/cat/.x/x.png")) {
            write(left, rgb(4, 4, 0));
        }
        Files.write(folder.resolve("train/cat/._a.png"), new byte[9]);
        write("train/cat/B/deep/z.bmp", rgb(4, 4, 0x0000ff));
        write("train/cat/0.gif", rgb(4, 4, 0xffffff));
        Files.createSymbolicLink(folder.resolve("train/dog/linked"), folder.resolve("test/dog"));
        Dataset data = load("image-folder", ImageOptions.NONE);
        assertEquals(List.of("cat", "dog"), data.classNames());
        Images images = data.train();
        assertEquals(6, images.size());
        // A folder's own files come first: 0.gif, a.png, b.jpg, then B/deep/z.bmp.
        assertEquals(255, images.pixel(0, 0, 0, 0));
        assertEquals(0x10, images.pixel(1, 0, 0, 0));
        assertEquals(0, images.pixel(3, 0, 0, 0));
        assertEquals(255, images.pixel(3, 2, 0, 0));
        assertEquals(1, images.label(5));
    }

    @Test
    void whatIsNotTakenIsCountedAndNamed() throws IOException {
        Files.writeString(folder.resolve("train/cat/notes.txt"), "");
        Files.writeString(folder.resolve("train/cat/b.HEIC"), "");
        Files.writeString(folder.resolve("train/dog/a.heic"), "");
        Files.writeString(folder.resolve("train/loose.png"), "");
        List<String> logged = logged(() -> load("image-folder", ImageOptions.NONE));
        Path train = folder.resolve("train");
        assertEquals(
                List.of("not taken from " + train + ": 2 .heic (such as " + train.resolve("cat/b.HEIC") + "), 1 .txt ("
                        + train.resolve("cat/notes.txt") + "), 1 outside of the folders of classes ("
                        + train.resolve("loose.png") + "); images are files that end in " + ImageSearch.ENDINGS),
                logged);
        Files.delete(folder.resolve("train/dog/c.PNG"));
        assertError(
                "image-folder",
                train.resolve("dog") + " holds no file that ends in " + ImageSearch.ENDINGS + ", but 1 .heic ("
                        + train.resolve("dog/a.heic") + "): put images there or remove it");
    }

    @Test
    void allThatCannotBeReadIsListedAtOnceOrLeftOut() throws IOException {
        Path link = Files.createSymbolicLink(folder.resolve("train/cat/link.png"), folder.resolve("nowhere"));
        Path damaged = Files.write(folder.resolve("train/dog/d.png"), new byte[9]);
        Path loop = Files.createSymbolicLink(folder.resolve("train/dog/loop.png"), Path.of("loop.png"));
        assertError(
                "image-folder",
                "3 of 7 files cannot be read: " + link + " (a link to what is not there), " + damaged
                        + " (it is no PNG, JPEG, WebP, GIF, BMP or TIFF file), " + loop
                        + " (a link that leads nowhere): replace them, or leave such files out with --skip-damaged"
                        + " true");
        Files.delete(loop);
        assertError(
                "image-folder",
                "2 of 6 files cannot be read: " + link + " (a link to what is not there), " + damaged
                        + " (it is no PNG, JPEG, WebP, GIF, BMP or TIFF file): replace them, or leave such files out"
                        + " with --skip-damaged true");
        ImageOptions skipping = new ImageOptions(0, 0, true);
        assertEquals(3, load("image-folder", skipping).train().size());
        assertTrue(logged(() -> load("image-folder", skipping))
                .getFirst()
                .startsWith("left out 2 of 6 files: " + link + " (a link to what is not there), " + damaged));
    }

    @Test
    void aFolderThatLeadsBackIntoItselfIsNamed() throws IOException {
        Path back = Files.createSymbolicLink(folder.resolve("train/cat/back"), folder.resolve("train/cat"));
        assertError("image-folder", back + " is a link to a folder that it lies in: remove it");
    }

    /** The warnings of this package meanwhile. */
    private static List<String> logged(Runnable work) {
        List<String> messages = new ArrayList<>();
        Handler handler = new Handler() {
            @Override
            public void publish(LogRecord record) {
                messages.add(new SimpleFormatter().formatMessage(record));
            }

            @Override
            public void flush() {}

            @Override
            public void close() {}
        };
        Logger logger = Logger.getLogger("dev.palimpsest.data");
        logger.addHandler(handler);
        try {
            work.run();
        } finally {
            logger.removeHandler(handler);
        }
        return messages;
    }

    private Dataset load(String name, ImageOptions options) {
        return Dataset.load(name, Optional.of(folder), options);
    }

    /** The folders' images with so much memory and this cache. */
    private Dataset load(ImageOptions options, long heap, Path cache) {
        List<ImageFiles.Labelled> train = List.of(
                new ImageFiles.Labelled(folder.resolve("train/cat/a.png"), 0),
                new ImageFiles.Labelled(folder.resolve("train/cat/b.jpg"), 0),
                new ImageFiles.Labelled(folder.resolve("train/dog/c.PNG"), 1));
        return ImageFiles.load(
                "image-folder",
                folder,
                List.of("cat", "dog"),
                train,
                List.of(new ImageFiles.Labelled(folder.resolve("test/dog/d.jpeg"), 1)),
                "test",
                options,
                heap,
                cache);
    }

    private String refusal(ImageOptions options) {
        return assertThrows(DataException.class, () -> load("image-folder", options))
                .getMessage();
    }

    private void assertError(String name, String sentence) {
        assertEquals(
                sentence,
                assertThrows(DataException.class, () -> load(name, ImageOptions.NONE))
                        .getMessage());
    }

    private void write(String name, BufferedImage image) throws IOException {
        Path file = folder.resolve(name);
        Files.createDirectories(file.getParent());
        String ending = name.toLowerCase().replaceFirst(".*\\.", "");
        String format = ending.equals("jpeg") ? "jpg" : ending;
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

package dev.palimpsest.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.zip.GZIPOutputStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Hand-written files: two training images of 2×3 and one test image. */
class IdxDatasetTest {
    private static final byte[] TRAIN_IMAGES = {
        0,
        0,
        8,
        3,
        0,
        0,
        0,
        2,
        0,
        0,
        0,
        2,
        0,
        0,
        0,
        3, //
        1,
        2,
        3,
        4,
        5,
        6,
        7,
        8,
        9,
        10,
        11,
        (byte) 255
    };
    private static final byte[] TRAIN_LABELS = {0, 0, 8, 1, 0, 0, 0, 2, 9, 4};
    private static final byte[] TEST_IMAGES = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 6, 5, 4, 3, 2, 1};
    private static final byte[] TEST_LABELS = {0, 0, 8, 1, 0, 0, 0, 1, 3};

    @TempDir
    Path folder;

    @BeforeEach
    void writeFiles() throws IOException {
        write("train-images-idx3-ubyte", TRAIN_IMAGES);
        write("train-labels-idx1-ubyte.gz", gzip(TRAIN_LABELS));
        write("t10k-images-idx3-ubyte.gz", gzip(TEST_IMAGES));
        write("t10k-labels-idx1-ubyte", TEST_LABELS);
    }

    @Test
    void readsPlainAndCompressedFiles() {
        Dataset data = load();
        assertEquals(2, data.train().size());
        assertEquals(1, data.test().size());
        assertEquals("1×2×3", data.channels() + "×" + data.height() + "×" + data.width());
        assertEquals(9, data.train().label(0));
        assertEquals(4, data.train().label(1));
        assertEquals(3, data.test().label(0));
        assertEquals(4, data.train().pixel(0, 0, 1, 0));
        assertEquals(255, data.train().pixel(1, 0, 1, 2));
        assertEquals(5, data.test().pixel(0, 0, 0, 1));
    }

    @Test
    void recordsTheHashOfEveryFileAsItLies() throws IOException {
        write("t10k-labels-idx1-ubyte", bytes("000008010000000103"));
        assertEquals(4, load().sha256().size());
        // sha256sum of those nine bytes
        assertEquals(
                "1e023d46f646a9594224597ffeb38a1e2137e06d2eebb1f6ca8a772dd766deab",
                load().sha256().get("t10k-labels-idx1-ubyte"));
        // The hash covers what follows the compressed data as well, beyond what any buffer reads ahead.
        byte[] longer = Arrays.copyOf(gzip(TRAIN_LABELS), 1_000_000);
        longer[999_999] = 1;
        write("train-labels-idx1-ubyte.gz", longer);
        String one = load().sha256().get("train-labels-idx1-ubyte.gz");
        longer[999_999] = 2;
        write("train-labels-idx1-ubyte.gz", longer);
        assertNotEquals(one, load().sha256().get("train-labels-idx1-ubyte.gz"));
    }

    @Test
    void aTruncatedFileIsRefused() throws IOException {
        write("train-images-idx3-ubyte", Arrays.copyOf(TRAIN_IMAGES, 20));
        assertError(folder
                + "/train-images-idx3-ubyte is truncated: its header [2, 2, 3] asks for 12 bytes, 4 follow;"
                + " copy it again");
        write("train-images-idx3-ubyte", Arrays.copyOf(TRAIN_IMAGES, 7));
        assertError(folder
                + "/train-images-idx3-ubyte is truncated: the header takes 16 bytes, the file has 7; copy it again");
        write("train-images-idx3-ubyte", new byte[0]);
        assertError(folder
                + "/train-images-idx3-ubyte is truncated: the header takes 16 bytes, the file has 0; copy it again");
    }

    @Test
    void aFileThatGoesOnIsRefused() throws IOException {
        write("t10k-labels-idx1-ubyte", Arrays.copyOf(TEST_LABELS, 12));
        assertError(folder
                + "/t10k-labels-idx1-ubyte is too long: its header [1] asks for 1 bytes, more follow; copy it again");
    }

    @Test
    void aHeaderWhoseSizesOverflowIsRefused() throws IOException {
        write("train-images-idx3-ubyte", bytes("00000803" + "ffffffff" + "ffffffff" + "ffffffff" + "00"));
        String tooMuch = " bytes, at most " + HashedFile.LARGEST
                + " are read in this heap: put the right file there, or give more memory (JAVA_OPTS=-Xmx…)";
        assertError(folder + "/train-images-idx3-ubyte has a header [4294967295, 4294967295, 4294967295] that asks for "
                + Long.MAX_VALUE + tooMuch);
        // A megabyte of zeros in a kilobyte, of the 60 GB that the header promises.
        byte[] bomb = Arrays.copyOf(bytes("00000803" + "0000ea60" + "000003e8" + "000003e8"), 1 << 20);
        write("train-images-idx3-ubyte", gzip(bomb));
        assertError(folder + "/train-images-idx3-ubyte has a header [60000, 1000, 1000] that asks for 60000000000"
                + tooMuch);
    }

    @Test
    void filesAreFoundWhereTorchvisionAndArchivesPutThem() throws IOException {
        Path raw = Files.createDirectories(folder.resolve("FashionMNIST/raw"));
        for (String name : List.of("train-images-idx3-ubyte", "t10k-labels-idx1-ubyte")) {
            Files.move(folder.resolve(name), raw.resolve(name.replace("-idx", ".idx")));
        }
        Files.move(folder.resolve("train-labels-idx1-ubyte.gz"), raw.resolve("train-labels.idx1-ubyte.gz"));
        Path own = Files.createDirectories(raw.resolve("t10k-images-idx3-ubyte"));
        Files.write(own.resolve("t10k-images-idx3-ubyte"), TEST_IMAGES);
        Files.delete(folder.resolve("t10k-images-idx3-ubyte.gz"));
        assertEquals(2, load().train().size());
        Files.move(folder.resolve("FashionMNIST/raw"), folder.resolve("raw"));
        assertEquals(2, load().train().size());
    }

    @Test
    void aWrongMagicNumberIsRefused() throws IOException {
        write("train-images-idx3-ubyte", Arrays.copyOf(TRAIN_LABELS, 30));
        assertError(folder
                + "/train-images-idx3-ubyte starts with 0x00000801, expected 0x00000803 (IDX, unsigned bytes, 3"
                + " dimensions): put the right file there");
        write("train-images-idx3-ubyte", TRAIN_IMAGES);
        write("t10k-labels-idx1-ubyte", TEST_IMAGES);
        assertError(folder
                + "/t10k-labels-idx1-ubyte starts with 0x00000803, expected 0x00000801 (IDX, unsigned bytes, 1"
                + " dimension): put the right file there");
    }

    @Test
    void labelsThatDoNotMatchTheImagesAreRefused() throws IOException {
        write("t10k-labels-idx1-ubyte", bytes("00000801" + "00000002" + "0304"));
        assertError(folder + "/t10k-labels-idx1-ubyte has 2 labels for 1 images: put files of one data set there");
    }

    @Test
    void aLabelOutOfRangeIsRefused() throws IOException {
        write("t10k-labels-idx1-ubyte", bytes("00000801" + "00000001" + "0a"));
        assertError(folder
                + "/t10k-labels-idx1-ubyte has label 10 at position 0, fashion-mnist has 0..9: put the right"
                + " file there");
    }

    @Test
    void testImagesOfAnotherSizeAreRefused() throws IOException {
        write("t10k-images-idx3-ubyte.gz", gzip(bytes("00000803" + "00000001" + "00000001" + "00000002" + "0102")));
        assertError(folder + " holds training images of 2×3 and test images of 1×2: put files of one data set there");
    }

    @Test
    void aFileWithoutImagesIsRefused() throws IOException {
        write("t10k-images-idx3-ubyte.gz", gzip(bytes("00000803" + "00000000" + "00000002" + "00000003")));
        assertError(folder + "/t10k-images-idx3-ubyte.gz holds nothing ([0, 2, 3]): put the right file there");
    }

    @Test
    void damagedGzipIsRefused() throws IOException {
        byte[] whole = gzip(TEST_IMAGES);
        write("t10k-images-idx3-ubyte.gz", Arrays.copyOf(whole, whole.length - 9));
        assertError(folder
                + "/t10k-images-idx3-ubyte.gz is not a whole gzip file (Unexpected end of ZLIB input stream):"
                + " copy it again");
        byte[] wrongSum = whole.clone();
        wrongSum[whole.length - 8] ^= 1;
        write("t10k-images-idx3-ubyte.gz", wrongSum);
        assertError(
                folder + "/t10k-images-idx3-ubyte.gz is not a whole gzip file (Corrupt GZIP trailer): copy it again");
    }

    @Test
    void aMissingFileIsNamed() throws IOException {
        Files.delete(folder.resolve("t10k-images-idx3-ubyte.gz"));
        assertError(folder
                + " lacks t10k-images-idx3-ubyte (plain or .gz): put all of train-images-idx3-ubyte,"
                + " train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte there");
    }

    @Test
    void somethingThatIsNoFileIsRefused() throws IOException {
        Files.delete(folder.resolve("train-images-idx3-ubyte"));
        Files.createDirectory(folder.resolve("train-images-idx3-ubyte"));
        assertError(folder + " lacks train-images-idx3-ubyte (plain or .gz): put all of train-images-idx3-ubyte,"
                + " train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte there");
    }

    @Test
    void withoutFilesTheErrorSaysWhereItLookedAndHowToGetThem() {
        Path a = folder.resolve("a");
        Path b = folder.resolve("b");
        var error = assertThrows(DataException.class, () -> IdxDataset.FASHION_MNIST.load(List.of(a, b)));
        assertEquals(
                "there are no files of fashion-mnist in " + a + " and " + b
                        + ": install them with apt-get install dataset-fashion-mnist, or put train-images-idx3-ubyte,"
                        + " train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte (plain or .gz)"
                        + " into " + a,
                error.getMessage());
        var mnist = assertThrows(DataException.class, () -> Dataset.load("mnist", Optional.of(a)));
        assertEquals(
                "there are no files of mnist in " + a + ": put train-images-idx3-ubyte, train-labels-idx1-ubyte, "
                        + "t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte (plain or .gz) into " + a,
                mnist.getMessage());
    }

    @Test
    void theUsersCacheComesBeforeTheSystemsFolder() {
        Path home = Path.of("/home/user");
        List<Path> byDefault =
                List.of(Path.of("/home/user/.cache/palimpsest/mnist"), Path.of("/usr/share/datasets/mnist"));
        assertEquals(byDefault, Folders.usual("mnist", Map.of(), home));
        assertEquals(byDefault, Folders.usual("mnist", Map.of("XDG_CACHE_HOME", "relative"), home));
        assertEquals(
                List.of(Path.of("/cache/palimpsest/mnist"), Path.of("/usr/share/datasets/mnist")),
                Folders.usual("mnist", Map.of("XDG_CACHE_HOME", "/cache"), home));
        assertEquals(
                2,
                IdxDataset.FASHION_MNIST
                        .load(List.of(folder.resolve("nowhere"), folder))
                        .train()
                        .size());
    }

    private Dataset load() {
        return Dataset.load("fashion-mnist", Optional.of(folder));
    }

    private void assertError(String sentence) {
        assertEquals(sentence, assertThrows(DataException.class, this::load).getMessage());
    }

    private void write(String name, byte[] contents) throws IOException {
        Files.write(folder.resolve(name), contents);
    }

    private static byte[] bytes(String hex) {
        return HexFormat.of().parseHex(hex);
    }

    private static byte[] gzip(byte[] contents) {
        var out = new ByteArrayOutputStream();
        try (var gzip = new GZIPOutputStream(out)) {
            gzip.write(contents);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }
}

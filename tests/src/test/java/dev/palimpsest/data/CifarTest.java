package dev.palimpsest.data;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Files of the authors' format with an image or two in each. */
class CifarTest {
    private static final int AREA = 32 * 32;

    @TempDir
    Path folder;

    @BeforeEach
    void writeFiles() throws IOException {
        Path ten = Files.createDirectories(folder.resolve("ten"));
        for (int batch = 1; batch <= 5; batch++) {
            Files.write(ten.resolve("data_batch_" + batch + ".bin"), image(batch, batch));
        }
        Files.write(ten.resolve("test_batch.bin"), image(9, 9));
        // The authors' file ends with an empty line.
        Files.writeString(
                ten.resolve("batches.meta.txt"),
                "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n");
        Path hundred = Files.createDirectories(folder.resolve("hundred/cifar-100-binary"));
        Files.write(hundred.resolve("train.bin"), concatenated(image(3, 19, 99), image(5, 4, 0)));
        Files.write(hundred.resolve("test.bin"), image(7, 1, 42));
        Files.writeString(
                hundred.resolve("fine_label_names.txt"),
                IntStream.range(0, 100).mapToObj(i -> "class " + i + "\n").collect(Collectors.joining()));
    }

    @Test
    void readsTheBatchesInOrder() {
        Dataset data = load("cifar-10", "ten");
        assertEquals("3×32×32", data.channels() + "×" + data.height() + "×" + data.width());
        assertEquals(
                List.of(1, 2, 3, 4, 5),
                IntStream.range(0, data.train().size())
                        .mapToObj(data.train()::label)
                        .toList());
        assertEquals("truck", data.classNames().get(data.test().label(0)));
        assertEquals(7, data.sha256().size());
        assertEquals(data.train().normalisation(), data.test().normalisation());
    }

    @Test
    void planesAreRedGreenBlueAndRowsTopDown() {
        Images images = load("cifar-10", "ten").train();
        assertEquals(1, images.pixel(0, 0, 0, 0));
        assertEquals(2, images.pixel(0, 1, 0, 0));
        assertEquals(3, images.pixel(0, 2, 0, 0));
        assertEquals(255, images.pixel(0, 0, 0, 31));
        assertEquals(254, images.pixel(0, 2, 31, 0));
    }

    @Test
    void theFineClassOfCifar100IsTheLabelAndTheArchivesFolderIsFound() {
        Dataset data = load("cifar-100", "hundred");
        assertEquals(99, data.train().label(0));
        assertEquals(0, data.train().label(1));
        assertEquals(42, data.test().label(0));
        assertEquals("class 42", data.classNames().get(42));
        assertEquals(5, data.train().pixel(1, 0, 0, 0));
    }

    @Test
    void aTruncatedFileIsRefused() throws IOException {
        Path file = folder.resolve("ten/data_batch_3.bin");
        Files.write(file, Arrays.copyOf(Files.readAllBytes(file), 3000));
        String expected =
                " is truncated: expected a multiple of 3073 bytes (1 of label and 3072 of pixels per image), it has ";
        assertError("cifar-10", "ten", file + expected + "3000; copy it again");
        Files.write(file, new byte[0]);
        assertError("cifar-10", "ten", file + expected + "0; copy it again");
    }

    @Test
    void aLabelOutOfRangeIsRefused() throws IOException {
        Path file = folder.resolve("ten/data_batch_2.bin");
        Files.write(file, concatenated(image(1, 9), image(1, 200)));
        assertError(
                "cifar-10", "ten", file + " has label 200 at position 1, cifar-10 has 0..9: put the right file there");
    }

    @Test
    void namesThatAreTooFewAreRefused() throws IOException {
        Path file = folder.resolve("ten/batches.meta.txt");
        Files.writeString(file, "airplane\n");
        assertError(
                "cifar-10",
                "ten",
                folder.resolve("ten") + " has the names of 1 classes, cifar-10 has 10: put the right files there");
    }

    @Test
    void aMissingFileIsNamed() throws IOException {
        Files.delete(folder.resolve("ten/data_batch_4.bin"));
        assertError(
                "cifar-10",
                "ten",
                folder.resolve("ten") + " lacks data_batch_4.bin: put all of data_batch_1.bin, data_batch_2.bin,"
                        + " data_batch_3.bin, data_batch_4.bin, data_batch_5.bin, test_batch.bin,"
                        + " batches.meta.txt there");
    }

    @Test
    void withoutFilesTheErrorSaysWhereItLookedAndHowToGetThem() {
        Path a = folder.resolve("a");
        Path b = folder.resolve("b");
        assertEquals(
                "there are no files of cifar-100 in " + a + " and " + b
                        + ": put train.bin, test.bin, fine_label_names.txt of the authors' binary version, or train,"
                        + " test, meta of their Python version, into " + a
                        + " (palimpsest data get cifar-100 says where they come from)",
                assertThrows(DataException.class, () -> Cifar.CIFAR_100.load(List.of(a, b)))
                        .getMessage());
    }

    /** Written by cifar-100-python/small.py with Python 3 and numpy 2, in Python 2's protocol. */
    @Test
    void thePythonVersionOfPython3IsReadInTheFolderThatTorchvisionUnpacks() {
        Path resources = Path.of("src/test/resources/dev/palimpsest/data");
        Dataset data = Dataset.load("cifar-100", Optional.of(resources));
        assertEquals(2, data.train().size());
        assertEquals(99, data.train().label(0));
        assertEquals(7, data.train().label(1));
        assertEquals(42, data.test().label(0));
        assertEquals("class 42", data.classNames().get(42));
        assertEquals(250, data.train().pixel(1, 2, 31, 30));
        assertEquals(3, data.train().pixel(0, 1, 0, 5));
        assertEquals("[meta, test, train]", data.sha256().keySet().toString());
    }

    /** As Python 2 wrote the authors' files: text and pixels are its byte strings. */
    @Test
    void thePythonVersionOfPython2IsRead() throws IOException {
        Path ten = Files.createDirectories(folder.resolve("root/cifar-10-batches-py"));
        for (int batch = 1; batch <= 5; batch++) {
            Files.write(ten.resolve("data_batch_" + batch), pickle(image(batch), batch));
        }
        Files.write(ten.resolve("test_batch"), pickle(image(9), 9));
        Files.write(ten.resolve("batches.meta"), names("a"));
        Dataset data = load("cifar-10", "root");
        assertEquals(5, data.train().size());
        assertEquals(4, data.train().label(3));
        assertEquals(4, data.train().pixel(3, 0, 0, 0));
        assertEquals(255, data.train().pixel(3, 0, 0, 31));
        assertEquals("j", data.classNames().get(data.test().label(0)));

        Path file = Files.write(ten.resolve("data_batch_2"), pickle(image(2), 10));
        assertError(
                "cifar-10", "root", file + " has label 10 at position 0, cifar-10 has 0..9: put the right file there");
        Files.write(file, "cos\nsystem\n(U\u0004evil\u0085R.".getBytes(StandardCharsets.ISO_8859_1));
        assertError(
                "cifar-10",
                "root",
                file + " is not a file of CIFAR's Python version (it asks for os.system, which is none of the"
                        + " constructors and operations that numpy arrays in lists need): copy it again");
        Files.write(file, pickle(Arrays.copyOf(image(2), 3071), 2));
        assertError(
                "cifar-10",
                "root",
                file
                        + " is not a file of CIFAR's Python version (it holds an array of more elements than its 3071"
                        + " bytes are): copy it again");
    }

    @Test
    void labelsThatAreNoWholeNumbersAndNamesThatAreNoTextAreRefused() throws IOException {
        Path ten = Files.createDirectories(folder.resolve("root/cifar-10-batches-py"));
        for (String batch : List.of("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_5", "test_batch")) {
            Files.write(ten.resolve(batch), pickle(image(1), 1));
        }
        Files.write(ten.resolve("batches.meta"), new byte[1]);
        Path file = ten.resolve("data_batch_4");
        // 1.5 as a binary float, 2^32 + 1 as a long, None
        for (String label : List.of("G\u003f\u00f8\0\0\0\0\0\0", "\u008a\u0005\u0001\0\0\0\u0001", "N")) {
            String whole = new String(pickle(image(4), 1), StandardCharsets.ISO_8859_1);
            String other = whole.substring(0, whole.length() - 5) + label + "eu.";
            Files.write(file, other.getBytes(StandardCharsets.ISO_8859_1));
            Files.write(ten.resolve("batches.meta"), names("a"));
            String refused = assertThrows(DataException.class, () -> load("cifar-10", "root"))
                    .getMessage();
            assertTrue(
                    refused.contains(file + " is not a file of") && refused.contains("not a class's number"), refused);
        }
        Files.write(file, pickle(image(4), 1));
        assertEquals("a", load("cifar-10", "root").classNames().getFirst());
        String sentence =
                " is not UTF-8 text: byte 0xe9 in line 1, after \"\", is no part of it; save the file as UTF-8";
        Path binary = folder.resolve("ten/batches.meta.txt");
        byte[] marked = "\ufeffa\nb\nc\nd\ne\nf\ng\nh\ni\nj".getBytes(StandardCharsets.UTF_8);
        Files.write(binary, marked);
        assertEquals("a", load("cifar-10", "ten").classNames().getFirst());
        Files.writeString(binary, "\u00e9\nb\nc\nd\ne\nf\ng\nh\ni\nj", StandardCharsets.ISO_8859_1);
        assertError("cifar-10", "ten", binary + sentence);
    }

    /** Names of ten classes, as Python 2 wrote them. */
    private static byte[] names(String first) {
        StringBuilder names = new StringBuilder("\u0080\u0002}U\u000blabel_names](");
        List.of(first, "b", "c", "d", "e", "f", "g", "h", "i", "j")
                .forEach(name -> names.append("U\u0001").append(name));
        return (names + "es.").getBytes(StandardCharsets.ISO_8859_1);
    }

    private static byte[] pickle(byte[] pixels, int label) {
        String text = "\u0080\u0002}(U\u0004datacnumpy.core.multiarray\n"
                + "_reconstruct\n"
                + "(cnumpy\n"
                + "ndarray\n"
                + "K\0\u0085U\u0001btR(K\u0001K\u0001M\0\f\u0086cnumpy\n"
                + "dtype\n"
                + "(U\u0002u1K\0K\u0001tR(K\u0003U\u0001|NNNJ\u00ff\u00ff\u00ff\u00ff"
                + "J\u00ff\u00ff\u00ff\u00ffK\0tb\u0089T" + (char) (pixels.length % 256)
                + (char) (pixels.length / 256) + "\0\0"
                + new String(pixels, StandardCharsets.ISO_8859_1)
                + "tbU\u0006labels](K" + (char) label + "eu.";
        return text.getBytes(StandardCharsets.ISO_8859_1);
    }

    private Dataset load(String name, String below) {
        return Dataset.load(name, Optional.of(folder.resolve(below)));
    }

    private void assertError(String name, String below, String sentence) {
        assertEquals(
                sentence,
                assertThrows(DataException.class, () -> load(name, below)).getMessage());
    }

    /**
     * The first pixels of the planes are first, first + 1, first + 2; the top right is 255 in red, the bottom left 254
     * in blue.
     */
    private static byte[] image(int first, int... labels) {
        byte[] record = new byte[labels.length + 3 * AREA];
        for (int i = 0; i < labels.length; i++) {
            record[i] = (byte) labels[i];
        }
        for (int plane = 0; plane < 3; plane++) {
            record[labels.length + plane * AREA] = (byte) (first + plane);
        }
        record[labels.length + 31] = (byte) 255;
        record[labels.length + 2 * AREA + 31 * 32] = (byte) 254;
        return record;
    }

    private static byte[] concatenated(byte[] a, byte[] b) {
        byte[] both = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }
}

package dev.palimpsest.recipe;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.data.DataException;
import dev.palimpsest.stream.RepetitionStream.Scenario;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/**
 * The small files are written by Python with numpy 1 and 2 (scenario-small.py beside them says how), the hostile ones
 * byte by byte.
 */
@Timeout(60)
class ScenarioFileTest {
    @TempDir
    Path folder;

    @Test
    void filesOfBothNumpysAndOfEveryShapeOfListSayTheSame() throws IOException {
        for (String name : List.of(
                "numpy1-protocol4",
                "numpy2-protocol4",
                "numpy2-protocol5",
                "lists-of-int",
                "arrays-int64-big-endian")) {
            Scenario file = ScenarioFile.read(written(resource("scenario-" + name + ".pkl")));
            assertEquals(3, file.classes(), name);
            assertArrayEquals(new int[] {7, 2}, file.labelled().get(0), name);
            assertArrayEquals(new int[] {70000, 1, 300}, file.labelled().get(1), name);
            assertArrayEquals(new int[] {3, 4, 5, 6}, file.unlabelled().get(0), name);
            assertArrayEquals(new int[] {0}, file.unlabelled().get(1), name);
            assertArrayEquals(new int[][] {{0}, {0, 1}}, file.labelledClasses().toArray(int[][]::new), name);
            assertArrayEquals(
                    new int[][] {{0, 2}, {1}}, file.unlabelledClasses().toArray(int[][]::new), name);
        }
    }

    @Test
    void aFileThatEndsAnywhereIsRefused() throws IOException {
        byte[] whole = resource("scenario-numpy1-protocol4.pkl");
        for (int length = 0; length < whole.length; length++) {
            String message = refusal(Arrays.copyOf(whole, length));
            assertTrue(message.contains("is not a scenario file that can be read ("), length + ": " + message);
        }
    }

    /** Whatever a byte is changed to, there is a scenario or a sentence, and no other exception. */
    @Test
    void aDamagedFileIsReadOrRefusedInASentence() throws IOException {
        byte[] whole = resource("scenario-numpy1-protocol4.pkl");
        int refused = 0;
        for (int at = 0; at < whole.length; at++) {
            for (int flip : new int[] {1, 144}) {
                byte[] damaged = whole.clone();
                damaged[at] ^= (byte) flip;
                try {
                    ScenarioFile.read(written(damaged));
                } catch (DataException e) {
                    refused++;
                }
            }
        }
        assertTrue(refused > whole.length / 2, refused + " of " + 2 * whole.length);
    }

    @Test
    void namesThatAreNotNumpysConstructorsAreRefused() throws IOException {
        for (String global : List.of(
                "os\nsystem\n",
                "posix\nsystem\n",
                "builtins\neval\n",
                "builtins\nValueError\n",
                "numpy\nload\n",
                "datetime\ndatetime\n",
                "array\narray\n",
                "operator\nattrgetter\n",
                "decimal\nDecimal\n",
                "_codecs\ndecode\n",
                "copy_reg\n_reconstructor\n",
                "builtins\nset\n",
                "java.lang.Runtime\ngetRuntime\n")) {
            String name = global.strip().replace('\n', '.');
            for (String pickle : List.of(
                    "\u0080\u0004c" + global + "(X\u0004\0\0\0echotR.",
                    "\u0080\u0004" + stacked(global) + ".",
                    "\u0080\u0002}X\u0001\0\0\0ac" + global + ")Rs.")) {
                assertRefused("it asks for " + name + ", which is none of the constructors and operations", pickle);
            }
        }
    }

    @Test
    void operationsThatMakeOtherObjectsAreRefused() throws IOException {
        String numpy = "\u0080\u0004cnumpy\nndarray\n";
        Map<String, String> hostile = Map.ofEntries(
                Map.entry("0x82", "\u0080\u0004\u0082\u0001."),
                Map.entry("0x83", "\u0080\u0004\u0083\u0001\u0001."),
                Map.entry("0x84", "\u0080\u0004\u0084\u0001\u0001\u0001\u0001."),
                Map.entry("0x50", "\u0080\u0004P1\n."),
                Map.entry("0x51", "\u0080\u0004K\u0001Q."),
                Map.entry("0x69", "\u0080\u0004(ios\nsystem\n."),
                Map.entry("0x6f", "\u0080\u0004(cnumpy\nndarray\nK\u0001o."),
                Map.entry("0x81", numpy + ")\u0081."),
                Map.entry("0x92", numpy + ")}\u0092."),
                Map.entry("0x97", "\u0080\u0005\u0097."),
                Map.entry("0x8f", "\u0080\u0004\u008f."),
                Map.entry("0x4c", "\u0080\u0004L99999L\n."),
                Map.entry("0x32", "\u0080\u0004]2."),
                Map.entry("0xff", "\u0080\u0004\u00ff."));
        for (Map.Entry<String, String> entry : hostile.entrySet()) {
            assertRefused("it asks for operation " + entry.getKey() + ", which is none", entry.getValue());
        }
        assertRefused("it asks for numpy.ndarray as a call", numpy + ")R.");
        assertRefused("it asks for a call of something that is no constructor", "\u0080\u0004X\u0004\0\0\0evil)R.");
        assertRefused("it asks for a state for something that is neither array nor type", "\u0080\u0004})b.");
    }

    @Test
    void lengthsThatTheFileDoesNotHaveAreNotAllocated() throws IOException {
        assertRefused("it says that 2147483647 bytes follow, there are 1", "\u0080\u0004B\u00ff\u00ff\u00ff\u007f.");
        assertRefused("it says that 4294967295 bytes follow, there are 1", "\u0080\u0004X\u00ff\u00ff\u00ff\u00ff.");
        assertRefused(
                "it says that 1099511627776 bytes follow, there are 1", "\u0080\u0004\u008e\0\0\0\0\0\u0001\0\0.");
        assertRefused(
                "it says that 18446744073709551615 bytes follow, there are 1",
                "\u0080\u0005\u0096" + "\u00ff".repeat(8) + ".");
        String array =
                "\u0080\u0004cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\0\u0085C\u0001b\u0087R(K\u0001";
        String state = "cnumpy\ndtype\nX\u0002\0\0\0i4\u0089\u0088\u0087R\u0089C\u0004\u0001\0\0\0tb.";
        assertRefused(
                "it holds an array of more elements than its 4 bytes are",
                array + "J\u00ff\u00ff\u00ff\u007fJ\u00ff\u00ff\u00ff\u007f\u0086" + state);
        assertRefused(
                "it holds an array of more elements than its 4 bytes are",
                array + "J\u00fe\u00ff\u00ff\u00ff\u0085" + state);
        assertRefused("it holds an array of 2 elements of 4 bytes, in 4 bytes", array + "K\u0002\u0085" + state);
        assertRefused("it does not hold a dictionary", array + "K\u0001\u0085" + state);
        assertRefused(
                "it holds elements of type O8, expected whole numbers",
                array + "K\u0001\u0085" + state.replace("i4", "O8"));
        byte[] large = new byte[(16 << 20) + 1];
        assertTrue(refusal(large).contains("a scenario file at most 16777216"));
    }

    /** Pairs of pairs of pairs, 2^100 leaves in 500 bytes, and a list that holds itself. */
    @Test
    void memoBombsAreNeverUnfolded() throws IOException {
        StringBuilder bomb = new StringBuilder("]q\0");
        for (char level = 0; level < 100; level++) {
            bomb.append('h').append(level).append('\u0086').append('q').append((char) (level + 1));
        }
        assertRefused("it does not hold a dictionary", "\u0080\u0004" + bomb + ".");
        for (String loop : List.of(bomb.toString(), "]q\0h\0a")) {
            assertRefused("num_classes holds something that is not a whole number", dictionary(loop));
            assertRefused("an operation needs another operand", "\u0080\u0004}" + loop + "K\u0001s.");
        }
    }

    /** A few bytes stand for one buffer, one text or one list again and again. */
    @Test
    void whatIsRepeatedTakesNoMemory() throws IOException {
        String header = "\u0080\u0004](X\0\0\u0004\0" + "x".repeat(1 << 18) + "q\0B\0\0\u0004\0" + "x".repeat(1 << 18)
                + "q\u0001";
        String encode = "c_codecs\nencode\nh\0X\u0006\0\0\0latin1\u0086R";
        String array = "cnumpy.core.numeric\n"
                + "_frombuffer\n"
                + "(h\u0001cnumpy\n"
                + "dtype\n"
                + "X\u0002\0\0\0u1\u0085RJ\0\0\u0004\0\u0085X\u0001\0\0\0CtR";
        for (String repeated : List.of(encode, array)) {
            assertRefused("it does not hold a dictionary", header + repeated.repeat(4) + "e.");
            assertRefused("its arrays have more bytes than twice the file", header + repeated.repeat(8) + "e.");
        }
        String list = "](" + "K\0".repeat(1 << 16) + "eq\0";
        String lists = "](" + list + "h\0".repeat(1 << 8) + "e";
        assertRefused(
                "img_indices_per_exp has more than 16777216 images",
                "\u0080\u0004}(X\u0013\0\0\0img_indices_per_exp" + lists + "u.");
        assertRefused("it says that 2147483647 bytes follow", "\u0080\u0002T\u00ff\u00ff\u00ff\u007f.");
    }

    private static String dictionary(String classes) {
        return "\u0080\u0004}(X\u0013\0\0\0img_indices_per_exp](]e"
                + "X\u001a\0\0\0unlabelled_indices_per_exp](]eX\u000b\0\0\0num_classes"
                + classes + "u.";
    }

    private static String stacked(String global) {
        String[] parts = global.split("\n");
        return "\u008c" + (char) parts[0].length() + parts[0] + "\u008c" + (char) parts[1].length() + parts[1]
                + "\u0093)R";
    }

    private void assertRefused(String reason, String pickle) throws IOException {
        var bytes = new ByteArrayOutputStream();
        pickle.chars().forEach(bytes::write);
        String message = refusal(bytes.toByteArray());
        assertTrue(
                message.contains("is not a scenario file that can be read (" + reason),
                message + " for " + HexFormat.of().formatHex(bytes.toByteArray(), 0, Math.min(40, bytes.size())));
    }

    private String refusal(byte[] bytes) throws IOException {
        Path file = written(bytes);
        return assertThrows(DataException.class, () -> ScenarioFile.read(file)).getMessage();
    }

    private Path written(byte[] bytes) throws IOException {
        return Files.write(folder.resolve("scenario.pkl"), bytes);
    }

    private static byte[] resource(String name) throws IOException {
        try (InputStream in = ScenarioFileTest.class.getResourceAsStream(name)) {
            return in.readAllBytes();
        }
    }
}

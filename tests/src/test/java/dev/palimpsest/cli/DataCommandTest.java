package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.data.Dataset;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DataCommandTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir
    private Path folder;

    @Test
    void theListNamesEveryDataSet() {
        assertEquals(0, palimpsest("data", "list"));
        for (String name : Dataset.names()) {
            assertTrue(out.toString().lines().anyMatch(line -> line.matches("[+-] " + name + " .*")), name);
        }
        String listed = out.toString();
        out.getBuffer().setLength(0);
        assertEquals(0, palimpsest("data"));
        assertEquals(listed, out.toString());
    }

    @Test
    void infoSaysWhatWasRead() {
        assertEquals(0, palimpsest("data", "info", "digits"));
        for (String expected : List.of(
                "Licence: CC BY 4.0",
                "Images: 1,442 for training, 355 for test, 1×8×8",
                "10 classes: 0, 1, 2",
                "SHA-256 46abec6b12486ad9e51943373abcf22bbea1b5a51a1619b361570d8893f1464a  digits.csv.gz")) {
            assertTrue(out.toString().contains(expected), out.toString());
        }
    }

    @Test
    void infoOnWhatIsMissingSaysHowToGetItAndFails() {
        assertEquals(1, palimpsest("data", "info", "cifar-10", "--data-folder", folder.toString()));
        assertTrue(
                out.toString()
                        .contains("How to get it: Download cifar-10-binary.tar.gz (MD5"
                                + " c32a1d4ab5d03f1284b67883e8d87530)"),
                out.toString());
        assertTrue(err.toString().startsWith("there are no files of cifar-10 in " + folder + ": "), err.toString());
    }

    @Test
    void getExplainsWhatItCannotMake() {
        assertEquals(0, palimpsest("data", "get", "digits"));
        assertEquals(1, palimpsest("data", "get", "image-list"));
        assertTrue(out.toString().contains("it holds train.txt and test.txt"), out.toString());
    }

    @Test
    void anUnknownNameOrSizeIsRefused() {
        assertEquals(2, palimpsest("data", "info", "cifar"));
        assertTrue(
                err.toString().startsWith("there is no data set \"cifar\": expected one of digits, "), err.toString());
        assertEquals(2, palimpsest("data", "glyphs", "--size", "30", "--out", folder.toString()));
        assertTrue(err.toString().contains("size = 30: expected 28 or 32 pixels"), err.toString());
        assertEquals(1, palimpsest("data", "info", "digits", "--test-share", "0.2"));
        assertTrue(err.toString().contains("--test-share: digits says itself what is for test"), err.toString());
        assertEquals(2, palimpsest("data", "lst"));
        assertTrue(err.toString().contains("did you mean list?"), err.toString());
    }

    @Test
    void glyphsWithoutFontsSayWhatToInstall() {
        assertEquals(
                1,
                palimpsest(
                        "data",
                        "glyphs",
                        "--fonts",
                        folder.toString(),
                        "--out",
                        folder.resolve("out").toString()));
        assertTrue(
                err.toString().startsWith("the 0 font faces under " + folder + " give no training or no test image"),
                err.toString());
    }

    @Test
    void everyCommandBelowHasHelp() {
        for (String name : List.of("list", "info", "get", "glyphs", "stream")) {
            assertEquals(0, palimpsest("data", name, "--help"), name);
        }
    }

    private int palimpsest(String... words) {
        return Palimpsest.commandLine(null, null, List.of())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(words);
    }
}

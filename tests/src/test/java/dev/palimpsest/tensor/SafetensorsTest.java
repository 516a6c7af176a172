package dev.palimpsest.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SafetensorsTest {
    private static final String HEADER = """
        {"__metadata__":{"temperature":"2.0"},
         "a":{"dtype":"F32","shape":[1,2],"data_offsets":[0,8]},
         "b":{"dtype":"F64","shape":[],"data_offsets":[8,16]},
         "c":{"dtype":"I32","shape":[1],"data_offsets":[16,20]},
         "d":{"dtype":"U8","shape":[3],"data_offsets":[20,23]},
         "e":{"dtype":"I64","shape":[1],"data_offsets":[23,31]},
         "f":{"dtype":"F32","shape":[0,7],"data_offsets":[31,31]}}\
        """;

    private static byte[] file(String header) {
        byte[] text = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer file = ByteBuffer.allocate(8 + text.length + 31).order(ByteOrder.LITTLE_ENDIAN);
        file.putLong(text.length)
                .put(text)
                .putFloat(1.5f)
                .putFloat(-0f)
                .putDouble(Math.PI)
                .putInt(-7);
        return file.put(new byte[] {1, 2, (byte) 255}).putLong(1L << 40).array();
    }

    @Test
    void readsEveryType() throws IOException {
        Safetensors tensors = Safetensors.of("t", file(HEADER));
        assertEquals(Set.of("a", "b", "c", "d", "e", "f"), tensors.names());
        assertEquals("2.0", tensors.metadata().get("temperature"));
        assertEquals(Shape.of(1, 2), tensors.shape("a"));
        assertArrayEquals(new float[] {1.5f, -0f}, tensors.floats("a"));
        assertArrayEquals(new double[] {Math.PI}, tensors.doubles("b"));
        assertArrayEquals(new int[] {-7}, tensors.ints("c"));
        assertArrayEquals(new byte[] {1, 2, -1}, tensors.bytes("d"));
        assertArrayEquals(new long[] {1L << 40}, tensors.longs("e"));
        assertEquals(0, tensors.floats("f").length);
    }

    @Test
    void everyTruncationIsRefused() {
        byte[] whole = file(HEADER);
        for (int length = 0; length < whole.length; length++) {
            byte[] part = Arrays.copyOf(whole, length);
            IOException error = assertThrows(IOException.class, () -> Safetensors.of("part", part), "length " + length);
            assertTrue(error.getMessage().startsWith("part is not a usable safetensors file: it "), error.getMessage());
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "[1,2],\"data_offsets\":[0,8]; [1,3],\"data_offsets\":[0,8]; tensor a that needs 12 bytes (1×3 F32),"
                        + " and 8",
                "[1,2],\"data_offsets\":[0,8]; [1,2],\"data_offsets\":[8,0]; tensor a at bytes [8, 0)",
                "[1,2],\"data_offsets\":[0,8]; [1,2],\"data_offsets\":[-8,0]; tensor a with the offset -8",
                "[1,2],\"data_offsets\":[0,8]; [1,2],\"data_offsets\":[0,8e0]; tensor a with the offset 8.0",
                "[1,2],\"data_offsets\":[0,8]; [1,-2],\"data_offsets\":[0,8]; tensor a with the extent -2",
                "[1,2],\"data_offsets\":[0,8]; [2147483647,2147483647,16],\"data_offsets\":[0,8]; tensor a of more"
                        + " than 2^63 bits",
                "[1,2],\"data_offsets\":[0,8]; [1,2]; tensor a that lacks a shape or its two data_offsets",
                "[1,2],\"data_offsets\":[0,8]; 2,\"data_offsets\":[0,8]; tensor a that lacks a shape",
                "\"F64\"; \"F63\"; the element type 'F63', which the format does not have",
                "\"F64\"; 64; the element type '64', which the format does not have",
                "{\"__metadata__\"; [\"__metadata__\"; does not begin with {",
                "{\"__metadata__\":; {\"__metadata__\"; is not JSON",
                "{\"temperature\":\"2.0\"}; [\"2.0\"]; has __metadata__ that are [\"2.0\"], expected an object",
                "\"2.0\"; 2.0; __metadata__ whose temperature is 2.0, expected a string",
                "\"2.0\"; null; __metadata__ whose temperature is null, expected a string",
                "{\"temperature\"; {\"temperature\":\"1\",\"temperature\"; Duplicate field 'temperature'",
                "\"b\"; \"a\"; Duplicate field 'a'",
                "\"dtype\":\"F64\"; \"dtype\":\"F64\",\"dtype\":\"F64\"; Duplicate field 'dtype'",
                "[16,20]; [12,16]; tensor c at bytes [12, 16), where another tensor is",
                "[0,7],\"data_offsets\":[31,31]; [0,7],\"data_offsets\":[30,30]; tensor f at bytes [30, 30), where"
                        + " another",
                "[16,20]; [19,23]; tensor c at bytes [19, 23), and bytes 16 to 19 before it that belong to no tensor",
                "\"e\":{\"dtype\":\"I64\",\"shape\":[1],\"data_offsets\":[23,31]},; ; belong",
                "[31,31]; [32,32]; tensor f at bytes [32, 32), but holds 31 bytes of data",
                "[31,31]}}; [31,31]}}{; is not JSON",
                "[31,31]}}; '[31,31]}}\0\0'; is not JSON",
                "\"f\":; \"g\":{}, \"f\":; lacks a shape"
            })
    void whatTheFormatForbidsIsRefused(String from, String to, String message) {
        String header = HEADER.replace(from, to == null ? "" : to);
        assertTrue(!header.equals(HEADER), from);
        IOException error = assertThrows(IOException.class, () -> Safetensors.of("t", file(header)));
        assertTrue(error.getMessage().startsWith("t is not a usable safetensors file: it "), error.getMessage());
        assertTrue(error.getMessage().contains(message), error.getMessage());
    }

    @Test
    void bytesAfterTheLastTensorAreRefused() {
        byte[] whole = file(HEADER);
        assertTrue(assertThrows(IOException.class, () -> Safetensors.of("t", Arrays.copyOf(whole, whole.length + 3)))
                .getMessage()
                .contains("has 3 bytes after its last tensor that belong to none"));
    }

    @Test
    void aHeaderIsUtf8AndMayBePaddedWithSpaces() throws IOException {
        assertEquals(6, Safetensors.of("t", file(HEADER + "     ")).names().size());
        byte[] damaged = file(HEADER);
        damaged[new String(damaged, StandardCharsets.ISO_8859_1).indexOf("temperature")] = (byte) 0xff;
        assertTrue(assertThrows(IOException.class, () -> Safetensors.of("t", damaged))
                .getMessage()
                .contains("has a header that is not UTF-8"));
    }

    /** A header of 100 MB and more is never allocated, nor is one that is longer than the file. */
    @ParameterizedTest
    @ValueSource(longs = {100_000_001, 1L << 40, Long.MAX_VALUE, -1, Long.MIN_VALUE})
    void lengthsAreHeldAgainstTheFileFirst(long length) {
        byte[] file = file(HEADER);
        ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).putLong(0, length);
        String message =
                assertThrows(IOException.class, () -> Safetensors.of("t", file)).getMessage();
        assertTrue(message.contains("says its header has " + Long.toUnsignedString(length) + " bytes, but"), message);
    }

    /** BOOL and F8 among others: only who asks for them is refused. */
    @Test
    void typesThatAreNotReadHereOnlyMatterWhereTheyAreNeeded() throws IOException {
        Safetensors tensors = Safetensors.of(
                "t",
                file(HEADER.replace("\"U8\"", "\"BOOL\"")
                        .replace("\"F64\",\"shape\":[]", "\"F8_E4M3\",\"shape\":[2,4]")
                        .replace("\"I64\",\"shape\":[1]", "\"F4\",\"shape\":[16]")));
        assertArrayEquals(new float[] {1.5f, -0f}, tensors.floats("a"));
        assertEquals(Shape.of(2, 4), tensors.shape("b"));
        assertTrue(tensors.contains("d"));
        assertEquals(
                "t: tensor d has the element type BOOL, expected one of U8, I32, I64, F16, BF16, F32, F64",
                assertThrows(IllegalArgumentException.class, () -> tensors.asFloats("d"))
                        .getMessage());
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            value = {
                "'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 1\n'; is a Git LFS pointer",
                "'{\"metadata\":{},\"weight_map\":{\"a\":\"1.safetensors\",\"b\":\"2.safetensors\",\"c\":"
                        + "\"1.safetensors\"}}'; is the index of a model whose tensors are in 2 other files"
                        + " (1.safetensors, 2.safetensors)",
                "'{\"architectures\":[\"ResNet\"]}'; is JSON text",
                "'PK\3\4 archive/data.pkl'; is a zip archive, as PyTorch",
                "'\u0080\2\u008a\nl\u00fc\u009cF\u00f9 j\u00a8P'; is a pickle, as PyTorch",
                "'<!DOCTYPE html><html>'; is HTML or XML"
            })
    void anotherFormatIsCalledWhatItIs(String text, String message) {
        byte[] bytes = text.translateEscapes().getBytes(StandardCharsets.ISO_8859_1);
        String found = assertThrows(IOException.class, () -> Safetensors.of("t", bytes))
                .getMessage();
        assertTrue(found.contains("it " + message), found);
    }

    @Test
    void whatIsNoFileIsNotRead(@TempDir Path folder) {
        assertEquals(
                folder + " is no file of tensors: it is a folder; give a safetensors file",
                assertThrows(IOException.class, () -> Safetensors.read(folder)).getMessage());
        assertEquals(
                folder.resolve("no") + ": there is no such file; check its name, or restore it from a copy",
                assertThrows(IOException.class, () -> Safetensors.read(folder.resolve("no")))
                        .getMessage());
        assertEquals(
                "/dev/zero is no file of tensors: it is a pipe or a device; give a safetensors file",
                assertThrows(IOException.class, () -> Safetensors.read(Path.of("/dev/zero")))
                        .getMessage());
    }

    @Test
    void aWrongNameOrTypeSaysWhatThereIs() throws IOException {
        Safetensors tensors = Safetensors.of("t", file(HEADER));
        assertEquals(
                "t has no tensor z; it has a, b, c, d, e, f",
                assertThrows(IllegalArgumentException.class, () -> tensors.floats("z"))
                        .getMessage());
        assertEquals(
                "t: tensor b is F64, asked for as F32",
                assertThrows(IllegalArgumentException.class, () -> tensors.floats("b"))
                        .getMessage());
    }
}

package dev.palimpsest.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

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
                "[1,2],\"data_offsets\":[0,8]; [1,3],\"data_offsets\":[0,8]; tensor a needs 12 bytes (1×3 F32), has 8",
                "[1,2],\"data_offsets\":[0,8]; [1,2],\"data_offsets\":[8,0]; tensor a lies at bytes [8, 0)",
                "[1,2],\"data_offsets\":[0,8]; [1,2],\"data_offsets\":[-8,0]; tensor a lies at bytes [-8, 0)",
                "[1,2],\"data_offsets\":[0,8]; [1,-2],\"data_offsets\":[0,8]; tensor a has the extent -2",
                "[1,2],\"data_offsets\":[0,8]; [2147483647,2147483647,16],\"data_offsets\":[0,8]; tensor a has more"
                        + " than 2^63 bytes",
                "[1,2],\"data_offsets\":[0,8]; [1,2]; tensor a lacks a shape or its two data_offsets",
                "F64; F8_E4M3; the element type 'F8_E4M3'",
                "{\"__metadata__\"; [\"__metadata__\"; not JSON"
            })
    void contradictionsAreRefused(String from, String to, String message) {
        String header = HEADER.replace(from, to);
        assertTrue(!header.equals(HEADER));
        IOException error = assertThrows(IOException.class, () -> Safetensors.of("t", file(header)));
        assertTrue(error.getMessage().contains(message), error.getMessage());
    }

    @Test
    void aWrongNameOrTypeSaysWhatThereIs() throws IOException {
        Safetensors tensors = Safetensors.of("t", file(HEADER));
        assertEquals(
                "t has no tensor z; it has [a, b, c, d, e, f]",
                assertThrows(IllegalArgumentException.class, () -> tensors.floats("z"))
                        .getMessage());
        assertEquals(
                "t: tensor b is F64, asked for as F32",
                assertThrows(IllegalArgumentException.class, () -> tensors.floats("b"))
                        .getMessage());
    }
}

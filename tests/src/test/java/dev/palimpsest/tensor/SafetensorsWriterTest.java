package dev.palimpsest.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.util.Set;
import org.junit.jupiter.api.Test;

class SafetensorsWriterTest {
    private static byte[] bytes(SafetensorsWriter writer) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        writer.writeTo(Channels.newChannel(out));
        return out.toByteArray();
    }

    @Test
    void whatIsWrittenIsRead() throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter();
        float[] floats = {1.5f, -0f, Float.NaN, Float.MIN_VALUE, 5, 6};
        writer.add("floats", Shape.of(2, 3), floats);
        writer.add("doubles", Shape.of(2), new double[] {Math.PI, -1e300});
        writer.add("ints", Shape.of(1, 1), new int[] {-7});
        writer.add("longs", Shape.of(1), new long[] {1L << 40});
        writer.add("a byte", Safetensors.Type.U8, Shape.of(3), MemorySegment.ofArray(new byte[] {1, 2, -1}));
        writer.add("nothing", Shape.of(0, 4), new float[0]);
        writer.metadata("text", "ä \"quoted\"\nline");
        Safetensors read = Safetensors.of("t", bytes(writer));
        assertArrayEquals(floats, read.floats("floats"));
        assertEquals(Shape.of(2, 3), read.shape("floats"));
        assertArrayEquals(new double[] {Math.PI, -1e300}, read.doubles("doubles"));
        assertArrayEquals(new int[] {-7}, read.ints("ints"));
        assertArrayEquals(new long[] {1L << 40}, read.longs("longs"));
        assertArrayEquals(new byte[] {1, 2, -1}, read.bytes("a byte"));
        assertEquals(Shape.of(0, 4), read.shape("nothing"));
        assertEquals(6, read.names().size());
        assertEquals("ä \"quoted\"\nline", read.metadata().get("text"));
    }

    /** Larger than one chunk, from off-heap memory; and every tensor begins at a multiple of its element's size. */
    @Test
    void largeTensorsAreWholeAndAligned() throws IOException {
        try (Arena arena = Arena.ofConfined()) {
            int count = 700_001;
            MemorySegment data = arena.allocate(4L * count);
            for (int i = 0; i < count; i++) {
                data.setAtIndex(ValueLayout.JAVA_INT, i, i * 77);
            }
            SafetensorsWriter writer = new SafetensorsWriter();
            writer.add("b", Safetensors.Type.U8, Shape.of(3), MemorySegment.ofArray(new byte[3]));
            writer.add("i", Safetensors.Type.I32, Shape.of(count), data);
            writer.add("z", Shape.of(1), new double[] {2.5});
            byte[] file = bytes(writer);
            int[] read = Safetensors.of("t", file).ints("i");
            for (int i = 0; i < count; i++) {
                assertEquals(i * 77, read[i]);
            }
            long header = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
            assertEquals(0, header % 8);
            assertEquals(
                    2.5,
                    ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getDouble((int) header + 8),
                    "the widest comes first");
        }
    }

    @Test
    void halvesAreWidenedExactly() throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter();
        short[] halves = {0x3c00, (short) 0xc000, 0x0001, 0x7bff, (short) 0x8000, 0x7c00};
        writer.add("half", Safetensors.Type.F16, Shape.of(6), MemorySegment.ofArray(halves));
        writer.add("brain", Safetensors.Type.BF16, Shape.of(3), MemorySegment.ofArray(new short[] {
            0x3fc0, (short) 0xbf80, 0x0001
        }));
        writer.add("double", Shape.of(1), new double[] {0.1});
        Safetensors read = Safetensors.of("t", bytes(writer));
        assertArrayEquals(new float[] {1, -2, 0x1p-24f, 65504, -0f, Float.POSITIVE_INFINITY}, read.asFloats("half"));
        assertArrayEquals(new float[] {1.5f, -1, 0x1p-133f}, read.asFloats("brain"));
        assertArrayEquals(new float[] {0.1f}, read.asFloats("double"));
        assertThrows(IllegalArgumentException.class, () -> read.floats("half"));
    }

    @Test
    void aSecondTensorOfANameAndAWrongSizeAreRefused() {
        SafetensorsWriter writer = new SafetensorsWriter();
        writer.add("a", Shape.of(1), new float[1]);
        assertEquals(
                "there is a tensor a already: names of a file differ",
                assertThrows(IllegalArgumentException.class, () -> writer.add("a", Shape.of(1), new int[1]))
                        .getMessage());
        assertEquals(
                "tensor b needs 24 bytes (2×3 F32), has 20",
                assertThrows(IllegalArgumentException.class, () -> writer.add("b", Shape.of(2, 3), new float[5]))
                        .getMessage());
    }

    private static SafetensorsWriter small() {
        SafetensorsWriter writer = new SafetensorsWriter();
        writer.metadata("note", "\"palimpsest_crc32c\":\"00000000\"");
        writer.add("a", Shape.of(2, 2), new float[] {1, 2, 3, 4});
        writer.add("b", Safetensors.Type.U8, Shape.of(3), MemorySegment.ofArray(new byte[] {7, 8, 9}));
        writer.add("none", Shape.of(0), new int[0]);
        return writer;
    }

    @Test
    void everyFlippedBitIsFound() throws IOException {
        byte[] whole = bytes(small());
        assertEquals(
                Safetensors.of("t", whole).checksum(),
                Safetensors.of("t", bytes(small())).checksum());
        for (int bit = 0; bit < 8 * whole.length; bit++) {
            byte[] damaged = whole.clone();
            damaged[bit / 8] ^= (byte) (1 << bit % 8);
            String message = assertThrows(IOException.class, () -> Safetensors.of("t", damaged), "bit " + bit)
                    .getMessage();
            assertTrue(message.startsWith("t is not a usable safetensors file: it "), message);
        }
    }

    /** The digits are those of RFC 3720, B.4: of 32 zeros, 32 times 0xff, and 0 to 31. */
    @Test
    void tensorsHaveTheChecksumOfTheStandard() throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter();
        byte[] ones = new byte[32];
        byte[] counting = new byte[32];
        for (int i = 0; i < 32; i++) {
            ones[i] = -1;
            counting[i] = (byte) i;
        }
        writer.add("zeros", Shape.of(8), new float[8]);
        writer.add("ones", Safetensors.Type.U8, Shape.of(32), MemorySegment.ofArray(ones));
        writer.add("counting", Safetensors.Type.U8, Shape.of(32), MemorySegment.ofArray(counting));
        String text = new String(bytes(writer), StandardCharsets.ISO_8859_1);
        assertTrue(text.contains("\"palimpsest_crc32c.zeros\":\"8a9136aa\""), text);
        assertTrue(text.contains("\"palimpsest_crc32c.ones\":\"62a8ab43\""), text);
        assertTrue(text.contains("\"palimpsest_crc32c.counting\":\"46dd794e\""), text);
    }

    @Test
    void checksumsAreTheWritersOwnAndHidden() throws IOException {
        assertEquals(
                Set.of("note"), Safetensors.of("t", bytes(small())).metadata().keySet());
        assertEquals(
                "metadata palimpsest_crc32c.a: the names of checksums are the writer's own",
                assertThrows(IllegalArgumentException.class, () -> small().metadata("palimpsest_crc32c.a", "0"))
                        .getMessage());
    }

    /** As another program leaves a file: without any checksum. */
    @Test
    void aFileWithoutChecksumsIsOneOfAnotherProgram() throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter();
        writer.add("a", Shape.of(2, 2), new float[] {1, 2, 3, 4});
        byte[] whole = bytes(writer);
        int header = whole[0] & 0xff;
        String text = new String(whole, 8, header, StandardCharsets.UTF_8);
        byte[] plain = text.replaceAll("\"__metadata__\":\\{[^}]*},", "").getBytes(StandardCharsets.UTF_8);
        ByteBuffer without = ByteBuffer.allocate(8 + plain.length + 16).order(ByteOrder.LITTLE_ENDIAN);
        without.putLong(plain.length).put(plain).put(whole, 8 + header, 16);
        Safetensors read = Safetensors.of("t", without.array());
        assertArrayEquals(new float[] {1, 2, 3, 4}, read.floats("a"));
        assertTrue(read.checksum().isEmpty());
        assertEquals(
                "t has no checksums: it was not written by this version of Palimpsest, or another program changed it;"
                        + " restore the file from a copy",
                assertThrows(IOException.class, read::checked).getMessage());
        assertEquals(16, Safetensors.of("t", whole).checked().tensor("a").data().byteSize());
    }
}

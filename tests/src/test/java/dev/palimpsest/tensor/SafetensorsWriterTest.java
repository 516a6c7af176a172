package dev.palimpsest.tensor;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
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
}

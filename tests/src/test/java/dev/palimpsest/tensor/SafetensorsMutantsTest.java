package dev.palimpsest.tensor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Whatever the bytes are, reading them ends with a sentence or with tensors that fit the file. */
class SafetensorsMutantsTest {
    private static final int MUTANTS = 5000;
    /** What stands in headers, and what should not. */
    private static final List<String> PIECES = List.of(
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"",
            "\\",
            "0",
            "-1",
            "1e9",
            "9223372036854775807",
            "18446744073709551616",
            "null",
            "true",
            "\"F32\"",
            "\"BOOL\"",
            "\"__metadata__\":",
            "\"shape\":",
            "\"data_offsets\":[0,8]",
            "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}",
            " ",
            "\n",
            "\u0000",
            "\u00ff",
            "[[[[[[[[");

    private static byte[] whole(boolean checksums) throws IOException {
        if (!checksums) {
            byte[] header =
                    ("{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                                    + "\"b\":{\"dtype\":\"I64\",\"shape\":[1,1],\"data_offsets\":[8,16]},"
                                    + "\"c\":{\"dtype\":\"BOOL\",\"shape\":[3],\"data_offsets\":[16,19]}}")
                            .getBytes(StandardCharsets.UTF_8);
            return ByteBuffer.allocate(8 + header.length + 19)
                    .order(ByteOrder.LITTLE_ENDIAN)
                    .putLong(header.length)
                    .put(header)
                    .array();
        }
        SafetensorsWriter writer = new SafetensorsWriter();
        writer.metadata("k", "v");
        writer.add("a", Shape.of(2), new float[] {1, 2});
        writer.add("b", Shape.of(1, 1), new long[] {3});
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        writer.writeTo(Channels.newChannel(bytes));
        return bytes.toByteArray();
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void everyMutantIsASentenceOrTensorsThatFit(boolean checksums) throws IOException {
        byte[] whole = whole(checksums);
        assertTrue(Safetensors.of("t", whole).contains("a"));
        Random random = new Random(16_500);
        int refused = 0;
        for (int i = 0; i < MUTANTS; i++) {
            byte[] mutant = mutant(whole, random);
            try {
                Safetensors read = Safetensors.of("t", mutant);
                long bytes = 0;
                for (String name : read.names()) {
                    bytes += use(read, name);
                }
                assertTrue(bytes <= mutant.length);
                assertTrue(
                        !checksums
                                || Arrays.equals(whole, mutant)
                                || read.checksum().isEmpty(),
                        "damage that passes");
            } catch (IOException e) {
                refused++;
                String message = e.getMessage();
                assertTrue(message.startsWith("t is not a usable safetensors file: it "), message);
                assertTrue(message.length() < 600, message);
            }
        }
        assertTrue(refused > MUTANTS / 2 && refused < MUTANTS, refused + " refused");
    }

    /** Also those of types that are not read here have a shape. */
    private static long use(Safetensors read, String name) {
        try {
            Safetensors.Tensor tensor = read.tensor(name);
            assertEquals(
                    read.shape(name).elements() * tensor.type().bytes(),
                    tensor.data().byteSize());
            return tensor.data().byteSize();
        } catch (IllegalArgumentException e) {
            assertTrue(e.getMessage().contains(" has the element type "), e.getMessage());
            return 0;
        }
    }

    private static byte[] mutant(byte[] whole, Random random) {
        byte[] mutant = whole.clone();
        for (int change = random.nextInt(3); change >= 0; change--) {
            int at = random.nextInt(mutant.length);
            switch (random.nextInt(6)) {
                case 0 -> mutant[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> mutant[at] = (byte) random.nextInt();
                case 2 -> mutant = Arrays.copyOf(mutant, 1 + at);
                case 3 -> mutant = Arrays.copyOf(mutant, mutant.length + random.nextInt(20));
                default -> mutant = spliced(mutant, random);
            }
        }
        return mutant;
    }

    /** A piece of text in the place of some of the header, whose length is put right. */
    private static byte[] spliced(byte[] file, Random random) {
        if (file.length < 9) {
            return file;
        }
        long length = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN).getLong();
        int end = (int) Math.clamp(length + 8, 8L, file.length);
        int from = 8 + random.nextInt(Math.max(1, end - 8));
        int to = Math.min(end, from + random.nextInt(8));
        byte[] piece = PIECES.get(random.nextInt(PIECES.size())).getBytes(StandardCharsets.ISO_8859_1);
        if (random.nextInt(4) == 0) {
            piece = Arrays.copyOfRange(file, from, Math.min(end, from + random.nextInt(60)));
        }
        return ByteBuffer.allocate(file.length - (to - from) + piece.length)
                .order(ByteOrder.LITTLE_ENDIAN)
                .putLong((long) end - 8 - (to - from) + piece.length)
                .put(file, 8, from - 8)
                .put(piece)
                .put(file, to, file.length - to)
                .array();
    }
}

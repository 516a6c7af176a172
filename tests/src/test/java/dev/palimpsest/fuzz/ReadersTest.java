package dev.palimpsest.fuzz;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.sun.management.ThreadMXBean;
import dev.palimpsest.tensor.Mutants;
import dev.palimpsest.tensor.Safetensors;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.channels.Channels;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Mutants of every file that is read, and what {@link FuzzedReaders} found once: each is read or refused with a
 * sentence, with memory in proportion. More mutants with {@code -Dfuzz.mutants=5000}.
 */
class ReadersTest {
    /** Those that begin to train with what they read. */
    private static final Set<Reader> SLOW = EnumSet.of(Reader.RESUMED, Reader.POSITION, Reader.EXEMPLARS);

    /** Bytes on the heap for a file of some kilobytes: readers' buffers and a report's page. */
    private static final long MOST_BYTES = 256L << 20;
    /** Of a picture, whose header may ask for 100 million pixels. */
    private static final long MOST_PICTURE_BYTES = 1L << 30;

    private static final ThreadMXBean THREADS = (ThreadMXBean) ManagementFactory.getThreadMXBean();

    @TempDir
    private Path folder;

    @ParameterizedTest
    @EnumSource(Reader.class)
    @Timeout(3000)
    void everyMutantIsReadOrRefusedWithASentence(Reader reader) throws IOException {
        List<byte[]> seeds = reader.seeds(folder);
        for (byte[] seed : seeds) {
            assertEquals(Optional.empty(), reader.read(folder, seed), "a whole file");
        }
        Random random = new Random(reader.ordinal());
        int mutants = Integer.getInteger("fuzz.mutants", SLOW.contains(reader) ? 15 : 60);
        int refused = 0;
        long begin = System.nanoTime();
        for (int i = 0; i < mutants; i++) {
            refused += read(reader, "mutant " + i, mutant(seeds, random)) ? 0 : 1;
        }
        if (Integer.getInteger("fuzz.mutants") != null) {
            System.out.printf(
                    "%s: %,d mutants, %,d refused, %.1f s%n",
                    reader, mutants, refused, (System.nanoTime() - begin) * 1e-9);
        }
    }

    @ParameterizedTest
    @EnumSource(Reader.class)
    void everyFindingIsReadOrRefusedWithASentence(Reader reader) throws IOException {
        if (Files.isDirectory(reader.findings())) {
            reader.seeds(folder);
            try (DirectoryStream<Path> findings = Files.newDirectoryStream(reader.findings())) {
                for (Path finding : findings) {
                    read(reader, finding.toString(), Files.readAllBytes(finding));
                }
            }
        }
    }

    /** Opening a pipe waits for somebody who writes; a run without checksums may be without its steps. */
    @ParameterizedTest
    @EnumSource(Reader.class)
    @Timeout(value = 60, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
    void aPipeIsRefusedAndNotWaitedAt(Reader reader) throws IOException, InterruptedException {
        reader.seeds(folder);
        Optional<String> refusal = reader.readPipe(folder);
        boolean spared = reader == Reader.STEPS || reader == Reader.CONFUSION;
        assertEquals(!spared, refusal.isPresent(), refusal.toString());
        assertTrue(spared || refusal.get().contains(folder.toString()), refusal.toString());
    }

    /** Of each file with checksums that no test beside its reader damages; 600 with {@code -Dfuzz.flips=600}. */
    @ParameterizedTest
    @EnumSource(
            names = {
                "CHECKPOINT",
                "POSITION",
                "EXPORTED_MODEL",
                "MANIFEST",
                "CLASS",
                "SNAPSHOT",
                "EXEMPLARS",
                "EXPORTED_VERSION"
            })
    void everyFlippedBitIsRefused(Reader reader) throws IOException {
        int flips = Integer.getInteger("fuzz.flips", 40);
        List<byte[]> seeds = reader.seeds(folder);
        Random random = new Random(reader.ordinal());
        for (int flip = 0; flip < flips; flip++) {
            byte[] bytes = seeds.get(flip % seeds.size()).clone();
            int bit = random.nextInt(8 * bytes.length);
            bytes[bit / 8] ^= (byte) (1 << bit % 8);
            String refusal = reader.readDamaged(folder, bytes)
                    .orElseThrow(() -> new AssertionError(reader + " was read with the bit " + bit + " turned over"));
            assertTrue(refusal.startsWith(folder.toString()), refusal);
        }
        assertEquals(Optional.empty(), reader.readDamaged(folder, seeds.getFirst()), "a whole file");
    }

    /** @return whether it was read */
    private boolean read(Reader reader, String name, byte[] content) throws IOException {
        long before = THREADS.getCurrentThreadAllocatedBytes();
        boolean read;
        try {
            read = reader.read(folder, content).isEmpty();
        } catch (AssertionError | RuntimeException e) {
            throw new AssertionError(
                    name + ", " + e.getMessage() + ": " + HexFormat.of().formatHex(content), e);
        }
        long bytes = THREADS.getCurrentThreadAllocatedBytes() - before;
        assertTrue(
                bytes < (reader == Reader.IMAGE ? MOST_PICTURE_BYTES : MOST_BYTES), name + " took " + bytes + " bytes");
        return read;
    }

    private static byte[] mutant(List<byte[]> seeds, Random random) throws IOException {
        byte[] bytes = seeds.get(random.nextInt(seeds.size())).clone();
        if (Sealed.isSafetensors(bytes) && random.nextBoolean()) {
            ByteArrayOutputStream whole = new ByteArrayOutputStream();
            Mutants.of(Safetensors.of("seed", bytes), random).writeTo(Channels.newChannel(whole));
            return whole.toByteArray();
        }
        for (int change = random.nextInt(4); change >= 0 && bytes.length > 0; change--) {
            int at = random.nextInt(bytes.length);
            int to = Math.min(bytes.length, at + random.nextInt(9));
            switch (random.nextInt(8)) {
                case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
                case 1 -> bytes[at] = (byte) random.nextInt();
                case 2 -> Arrays.fill(bytes, at, to, (byte) (random.nextBoolean() ? 0 : 0xff));
                case 3 -> bytes = Arrays.copyOf(bytes, at);
                case 4 -> bytes = Arrays.copyOf(bytes, bytes.length + random.nextInt(20));
                case 5 -> bytes = joined(bytes, at, Arrays.copyOfRange(bytes, at, to), at); // repeated
                case 6 -> bytes = joined(bytes, at, new byte[0], to); // left out
                default -> {
                    byte[] digits = Long.toString(random.nextBoolean() ? random.nextLong() : random.nextInt(20) - 2)
                            .getBytes(StandardCharsets.US_ASCII);
                    bytes = joined(bytes, at, digits, to);
                }
            }
        }
        return bytes;
    }

    private static byte[] joined(byte[] bytes, int end, byte[] middle, int begin) {
        byte[] all = Arrays.copyOf(bytes, end + middle.length + bytes.length - begin);
        System.arraycopy(middle, 0, all, end, middle.length);
        System.arraycopy(bytes, begin, all, end + middle.length, bytes.length - begin);
        return all;
    }
}

package dev.palimpsest.cli;

import java.io.IOException;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/**
 * Java arrays that native code works on must stay where they are. Kernels and oneDNN get memory outside the heap, but
 * the JDK's own readers of gzip, PNG and JPEG hand their arrays to C, and the collector G1 of JDK 25.0.0 to 25.0.2 may
 * move them meanwhile (JDK-8377811).
 */
final class PinnedArrays {
    private static final Runtime.Version BEGIN = Runtime.Version.parse("25");
    private static final Runtime.Version FIXED = Runtime.Version.parse("25.0.3");
    private static final String REMEDY =
            "install JDK 25.0.3 or newer, or set JAVA_OPTS=-XX:+UseParallelGC, which does not move them";

    /** Some regions of G1, which has regions of a megabyte in a small heap. */
    private static final int BYTES = 1 << 18;

    /** Whether arrays stayed whole, found once for the process. */
    private static final class Found {
        private static final boolean SOUND = isSound(PinnedArrays::throughNativeCode);
    }

    private PinnedArrays() {}

    /** Hands arrays to native code and gives back what came out of it. */
    interface Path {
        /** @return the same bytes, if nothing went wrong */
        byte[] of(byte[] bytes);
    }

    /**
     * What is known of a version of Java.
     *
     * @param collectors names of its garbage collectors
     * @return a sentence without its end; empty for a sound one
     */
    static Optional<String> warning(Runtime.Version version, List<String> collectors) {
        boolean affected = version.compareToIgnoreOptional(BEGIN) >= 0
                && version.compareToIgnoreOptional(FIXED) < 0
                && collectors.stream().anyMatch(name -> name.startsWith("G1 "));
        return affected
                ? Optional.of("may corrupt arrays of images that are being read, as its collector G1 may move them"
                        + " (JDK-8377811): " + REMEDY)
                : Optional.empty();
    }

    /**
     * Refuses to train where arrays are corrupted; takes milliseconds, once per process.
     *
     * @throws IOException with a sentence
     */
    static void require() throws IOException {
        require(Found.SOUND);
    }

    static void require(boolean sound) throws IOException {
        if (!sound) {
            throw new IOException("This Java (" + Runtime.version()
                    + ") corrupts arrays that native code reads and writes, so nothing that is learnt could be"
                    + " trusted: " + REMEDY + ".");
        }
    }

    /** Sends arrays there and back while the heap is collected. */
    static boolean isSound(Path path) {
        byte[] expected = new byte[BYTES];
        for (int i = 0; i < BYTES; i++) {
            expected[i] = (byte) (i * 0x9E3779B1L >> 13);
        }
        Thread collection = Thread.ofPlatform().daemon().start(System::gc);
        boolean sound;
        do {
            sound = Arrays.equals(expected, path.of(expected.clone()));
        } while (sound && collection.isAlive());
        return sound;
    }

    private static byte[] throughNativeCode(byte[] bytes) {
        try (Deflater deflater = new Deflater(Deflater.BEST_SPEED);
                Inflater inflater = new Inflater()) {
            byte[] packed = new byte[bytes.length + bytes.length / 8];
            deflater.setInput(bytes);
            deflater.finish();
            int length = deflater.deflate(packed);
            byte[] unpacked = new byte[bytes.length];
            inflater.setInput(packed, 0, length);
            inflater.inflate(unpacked);
            return unpacked;
        } catch (DataFormatException e) {
            return new byte[0]; // corrupted on the way
        }
    }
}

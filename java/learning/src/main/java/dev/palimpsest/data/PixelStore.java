package dev.palimpsest.data;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/** Takes the pixels of images while they are read, from any number of threads. */
sealed interface PixelStore {
    /**
     * Takes the pixels of one image.
     *
     * @param slot from 0; each is filled once
     * @param pixels [C,H,W]; kept
     * @throws DataException if there is no room for them
     */
    void put(int slot, byte[] pixels);

    /** What was put into these slots, in their order; the store takes nothing after it. */
    Pixels pixels(int[] slots);

    /** Keeps one array per image on the heap. */
    record Heap(byte[][] arrays) implements PixelStore {
        Heap(int slots) {
            this(new byte[slots][]);
        }

        @Override
        public void put(int slot, byte[] pixels) {
            arrays[slot] = pixels;
        }

        @Override
        public Pixels pixels(int[] slots) {
            return Pixels.of(Arrays.stream(slots).mapToObj(slot -> arrays[slot]).toArray(byte[][]::new));
        }
    }

    /** Writes to a file that has no name once it is open, so that it goes when the process does, however that ends. */
    final class Disk implements PixelStore {
        private final Path folder;
        private final int bytes;
        private final FileChannel channel;

        /**
         * Opens a file.
         *
         * @param bytes pixels of one image
         */
        Disk(Path folder, int bytes) {
            this.folder = folder;
            this.bytes = bytes;
            try {
                channel = FileChannel.open(
                        Files.createTempFile(folder, "images", ".tmp"),
                        StandardOpenOption.READ,
                        StandardOpenOption.WRITE,
                        StandardOpenOption.DELETE_ON_CLOSE);
            } catch (IOException e) {
                throw cannotWrite(e);
            }
        }

        @Override
        public void put(int slot, byte[] pixels) {
            ByteBuffer buffer = ByteBuffer.wrap(pixels);
            try {
                while (buffer.hasRemaining()) {
                    channel.write(buffer, (long) slot * bytes + buffer.position());
                }
            } catch (IOException e) {
                throw cannotWrite(e);
            }
        }

        @Override
        public Pixels pixels(int[] slots) {
            MemorySegment file;
            try (channel) {
                file = channel.map(FileChannel.MapMode.READ_ONLY, 0, channel.size(), Arena.ofAuto());
            } catch (IOException e) {
                throw cannotWrite(e);
            }
            return new Pixels() {
                @Override
                public int images() {
                    return slots.length;
                }

                @Override
                public byte[] of(int index) {
                    return file.asSlice((long) slots[index] * bytes, bytes).toArray(ValueLayout.JAVA_BYTE);
                }
            };
        }

        private DataException cannotWrite(IOException e) {
            return new DataException(
                    folder + " cannot hold images that are too many for the heap (" + e
                            + "): make room there, give more "
                            + "memory (JAVA_OPTS=-Xmx…), or name another place with XDG_CACHE_HOME",
                    e);
        }
    }
}

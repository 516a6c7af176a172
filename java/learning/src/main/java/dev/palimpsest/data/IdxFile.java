package dev.palimpsest.data;

import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * An array of unsigned bytes in the IDX format of MNIST: two zero bytes, the type (8 = unsigned byte), the number of
 * dimensions, each extent as a big-endian int32, then the values row by row. Plain or gzip, whatever the file is
 * called.
 *
 * @param extents as many as there are dimensions, outermost first
 * @param values unsigned bytes, row by row
 * @param sha256 of the file as it lies on the disk, in hexadecimal
 */
record IdxFile(int[] extents, byte[] values, String sha256) {
    private static final int UNSIGNED_BYTE = 0x08;

    /**
     * Reads a file of a known number of dimensions.
     *
     * @throws DataException if the file cannot be read, is damaged, or has another number of dimensions
     */
    static IdxFile read(Path path, int dimensions) {
        int header = Integer.BYTES * (1 + dimensions);
        HashedFile file = HashedFile.read(path, header, bytes -> {
            int[] extents = extents(path, bytes, dimensions);
            if (count(extents) > HashedFile.LARGEST) {
                throw new DataException(path + " has a header " + unsigned(extents) + " that asks for "
                        + count(extents) + " bytes, at most " + HashedFile.LARGEST
                        + " are read in this heap: put the right file there, or give more memory (JAVA_OPTS=-Xmx…)");
            }
            return count(extents);
        });
        int found = file.contents().length - header;
        if (found < 0) {
            throw new DataException(path + " is truncated: the header takes " + header + " bytes, the file has "
                    + file.contents().length + "; copy it again");
        }
        int[] extents = extents(path, file.contents(), dimensions);
        long count = count(extents);
        if (found != count) {
            throw new DataException(path + " is " + (found < count ? "truncated" : "too long") + ": its header "
                    + unsigned(extents) + " asks for " + count + " bytes, "
                    + (found < count ? found + " follow" : "more follow") + "; copy it again");
        }
        return new IdxFile(extents, Arrays.copyOfRange(file.contents(), header, file.contents().length), file.sha256());
    }

    private static int[] extents(Path path, byte[] header, int dimensions) {
        ByteBuffer bytes = ByteBuffer.wrap(header);
        int expected = UNSIGNED_BYTE << 8 | dimensions;
        int magic = bytes.getInt();
        if (magic != expected) {
            throw new DataException("%s starts with 0x%08x, expected 0x%08x (IDX, unsigned bytes, %d dimension%s): %s"
                    .formatted(
                            path, magic, expected, dimensions, dimensions == 1 ? "" : "s", "put the right file there"));
        }
        int[] extents = new int[dimensions];
        for (int i = 0; i < dimensions; i++) {
            extents[i] = bytes.getInt();
        }
        return extents;
    }

    private static String unsigned(int[] extents) {
        return Arrays.stream(extents)
                .mapToObj(Integer::toUnsignedString)
                .toList()
                .toString();
    }

    private static long count(int[] extents) {
        long count = 1;
        for (int extent : extents) {
            count = product(count, extent);
        }
        return count;
    }

    /** The bytes of an uncompressed file. */
    static byte[] encode(int[] extents, byte[] values) {
        ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES * (1 + extents.length) + values.length);
        bytes.putInt(UNSIGNED_BYTE << 8 | extents.length);
        for (int extent : extents) {
            bytes.putInt(extent);
        }
        return bytes.put(values).array();
    }

    /**
     * Stays at Long.MAX_VALUE where a damaged header would overflow; a negative extent (2^31 and more) counts as
     * unsigned.
     */
    private static long product(long count, int extent) {
        long high = Math.multiplyHigh(count, Integer.toUnsignedLong(extent));
        long low = count * Integer.toUnsignedLong(extent);
        return high != 0 || low < 0 ? Long.MAX_VALUE : low;
    }
}

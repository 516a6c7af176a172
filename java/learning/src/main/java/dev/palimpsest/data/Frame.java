package dev.palimpsest.data;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Objects;

/**
 * The part of the pixels of an image that is shown. A window that is moved brings in what is kept around that part.
 *
 * @param channels of every image
 * @param height rows that are shown
 * @param width columns that are shown
 * @param above rows that are kept above those that are shown, and as many below
 * @param beside columns that are kept to their left, and as many to their right
 */
record Frame(int channels, int height, int width, int above, int beside) {
    /** float32 values of what is shown. */
    int values() {
        return channels * height * width;
    }

    /** The square in the middle of what is shown. */
    Frame middle(int side) {
        return new Frame(channels, side, side, above + (height - side) / 2, beside + (width - side) / 2);
    }

    /** Where a pixel that is shown stands among all that are kept, [C,H,W]. */
    int at(int channel, int y, int x) {
        return (channel * keptHeight() + y + above) * keptWidth() + x + beside;
    }

    /**
     * Writes a window of the size that is shown, [C,H,W] float32. What lies outside the pixels that are kept is 0.
     *
     * @param image all pixels that are kept, [C,H,W]
     * @param top row that the window begins with, 0 for the first that is shown
     * @param left column that the window begins with, 0 for the first that is shown
     * @param mirrored whether left and right of the window are exchanged
     * @param table what to write for a pixel, 256 values for every channel or for all of them
     * @param offset where the first value goes, counted in floats
     * @throws IndexOutOfBoundsException if the window does not fit
     */
    void write(byte[] image, int top, int left, boolean mirrored, float[] table, MemorySegment out, long offset) {
        Objects.checkFromIndexSize(offset, values(), out.byteSize() / Float.BYTES);
        float[] row = new float[width];
        int firstRow = above + top;
        int firstColumn = beside + left;
        int begin = Math.clamp(-firstColumn, 0, width);
        int end = Math.clamp(keptWidth() - firstColumn, begin, width);
        for (int line = 0; line < channels * height; line++) {
            int own = line / height * Normalisation.LEVELS % table.length;
            int y = line % height + firstRow;
            int from = (line / height * keptHeight() + y) * keptWidth() + firstColumn;
            if (y < 0 || y >= keptHeight()) {
                Arrays.fill(row, table[own]);
            } else {
                Arrays.fill(row, 0, begin, table[own]);
                for (int x = begin; x < end; x++) {
                    row[x] = table[own + Byte.toUnsignedInt(image[from + x])];
                }
                Arrays.fill(row, end, width, table[own]);
            }
            if (mirrored) {
                reverse(row);
            }
            MemorySegment.copy(
                    row, 0, out, ValueLayout.JAVA_FLOAT, (offset + (long) line * width) * Float.BYTES, width);
        }
    }

    private int keptHeight() {
        return height + 2 * above;
    }

    private int keptWidth() {
        return width + 2 * beside;
    }

    private static void reverse(float[] row) {
        for (int i = 0, j = row.length - 1; i < j; i++, j--) {
            float kept = row[i];
            row[i] = row[j];
            row[j] = kept;
        }
    }
}

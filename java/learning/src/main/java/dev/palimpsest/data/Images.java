package dev.palimpsest.data;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * Labelled images of one size, kept as one byte a pixel, an array an image or in a file, and read as normalised
 * float32 in CHW order. Immutable, so any number of threads may read.
 */
public final class Images {
    private static final float[] LEVELS = new float[Normalisation.LEVELS];

    static {
        for (int level = 0; level < LEVELS.length; level++) {
            LEVELS[level] = level;
        }
    }

    private final int channels;
    private final int height;
    private final int width;
    /** Rows of pixels above and below those that are shown, and columns to their left and right. */
    private final int above;

    private final int beside;
    private final Pixels pixels;
    private final int[] labels;
    private final Normalisation normalisation;
    private final float[] table;
    private final int brightest;

    /**
     * @param pixels image after image in CHW order, unsigned; copied
     * @param labels one per image; kept, not copied
     * @throws IllegalArgumentException if a size is not positive, or pixels, labels and normalisation do not fit each
     *     other
     */
    public Images(int channels, int height, int width, byte[] pixels, int[] labels, Normalisation normalisation) {
        this(
                channels,
                height,
                width,
                Pixels.of(apart(channels, height, width, pixels, labels.length)),
                labels,
                normalisation);
    }

    Images(int channels, int height, int width, Pixels pixels, int[] labels, Normalisation normalisation) {
        this(channels, height, width, 0, 0, pixels, labels, normalisation, brightest(pixels));
    }

    private Images(
            int channels,
            int height,
            int width,
            int above,
            int beside,
            Pixels pixels,
            int[] labels,
            Normalisation normalisation,
            int brightest) {
        if (normalisation.channels() != channels) {
            throw new IllegalArgumentException(
                    "normalisation of " + normalisation.channels() + " channels for images of " + channels);
        }
        this.channels = channels;
        this.height = height;
        this.width = width;
        this.above = above;
        this.beside = beside;
        this.pixels = pixels;
        this.labels = labels;
        this.normalisation = normalisation;
        this.table = normalisation.table();
        this.brightest = brightest;
    }

    private static int brightest(Pixels pixels) {
        int most = 0;
        for (int i = 0; i < pixels.images(); i++) {
            for (byte pixel : pixels.of(i)) {
                most = Math.max(most, Byte.toUnsignedInt(pixel));
            }
        }
        return most;
    }

    /** Training images, normalised by their own statistics. Arguments and errors as in the constructor. */
    public static Images training(int channels, int height, int width, byte[] pixels, int[] labels) {
        return training(
                channels, height, width, Pixels.of(apart(channels, height, width, pixels, labels.length)), labels);
    }

    /**
     * Training images out of float32 values in [0, 1], normalised by their own statistics. They are kept as bytes: a
     * value is rounded to the nearest of 256 levels.
     *
     * @param channels of an image
     * @param height in pixels
     * @param width in pixels
     * @param images one array per image, in CHW order; copied
     * @param labels one per image, from 0; kept, not copied
     * @return the images
     * @throws IllegalArgumentException if a size is not positive, an array has another length, a value is NaN or out
     *     of [0, 1], or there are more or fewer labels than images
     */
    public static Images training(int channels, int height, int width, float[][] images, int[] labels) {
        return training(channels, height, width, bytes(channels, height, width, images), labels);
    }

    /**
     * Test images out of float32 values in [0, 1], normalised as the training images are.
     *
     * @param images one array per image, in CHW order; copied
     * @param labels one per image, from 0; kept, not copied
     * @return images of these images' size
     * @throws IllegalArgumentException as {@link #training(int, int, int, float[][], int[])}
     */
    public Images test(float[][] images, int[] labels) {
        return new Images(channels, height, width, bytes(channels, height, width, images), labels, normalisation);
    }

    private static byte[] bytes(int channels, int height, int width, float[][] images) {
        int values = Math.multiplyExact(Math.multiplyExact(channels, height), width);
        byte[] bytes = new byte[Math.multiplyExact(values, images.length)];
        for (int i = 0; i < images.length; i++) {
            if (images[i].length != values) {
                throw new IllegalArgumentException("image " + i + " has " + images[i].length + " values, images of "
                        + channels + "×" + height + "×" + width + " have " + values);
            }
            for (int v = 0; v < values; v++) {
                float value = images[i][v];
                if (!(value >= 0 && value <= 1)) {
                    throw new IllegalArgumentException(
                            "value " + v + " of image " + i + " is " + value + ": expected 0 to 1");
                }
                bytes[i * values + v] = (byte) Math.round(255 * value);
            }
        }
        return bytes;
    }

    static Images training(int channels, int height, int width, Pixels pixels, int[] labels) {
        return new Images(channels, height, width, pixels, labels, Normalisation.of(channels, height * width, pixels));
    }

    private static byte[][] apart(int channels, int height, int width, byte[] pixels, int images) {
        if (channels < 1 || height < 1 || width < 1) {
            throw new IllegalArgumentException(
                    "images of " + channels + "×" + height + "×" + width + " have no pixels");
        }
        int values = channels * height * width;
        if ((long) images * values != pixels.length) {
            throw new IllegalArgumentException(images + " labels and " + pixels.length + " pixels do not fit images of "
                    + channels + "×" + height + "×" + width);
        }
        byte[][] apart = new byte[images][];
        Arrays.setAll(apart, i -> Arrays.copyOfRange(pixels, i * values, (i + 1) * values));
        return apart;
    }

    /** The same images, normalised by other statistics. */
    public Images normalisedBy(Normalisation other) {
        return new Images(channels, height, width, above, beside, pixels, labels, other, brightest);
    }

    /**
     * The middle of the same images; a window that is moved shows what lies around it. The statistics stay those of
     * all pixels.
     */
    Images cropped(int side) {
        return new Images(
                channels,
                side,
                side,
                above + (height - side) / 2,
                beside + (width - side) / 2,
                pixels,
                labels,
                normalisation,
                brightest);
    }

    /** These images and then others of the same size, whose labels grow by {@code shift}; normalised as these are. */
    Images and(Images others, int shift) {
        byte[][] all = new byte[size() + others.size()][];
        Arrays.setAll(all, i -> i < size() ? pixels.of(i) : others.pixels.of(i - size()));
        int[] numbers = IntStream.concat(
                        Arrays.stream(labels), Arrays.stream(others.labels).map(label -> label + shift))
                .toArray();
        return new Images(channels, height, width, Pixels.of(all), numbers, normalisation);
    }

    public int size() {
        return labels.length;
    }

    public int channels() {
        return channels;
    }

    public int height() {
        return height;
    }

    public int width() {
        return width;
    }

    /** float32 values of one image: C·H·W. */
    public int valuesPerImage() {
        return channels * height * width;
    }

    public Normalisation normalisation() {
        return normalisation;
    }

    /** The largest byte of any image: 255 for most data sets, 16 for digits. */
    public int brightest() {
        return brightest;
    }

    /**
     * The data set's own number of the image's class.
     *
     * @throws IndexOutOfBoundsException if there is no such image
     */
    public int label(int index) {
        return labels[Objects.checkIndex(index, labels.length)];
    }

    /**
     * The unsigned byte of one pixel, before normalisation.
     *
     * @throws IndexOutOfBoundsException if there is no such pixel
     */
    public int pixel(int index, int channel, int y, int x) {
        Objects.checkIndex(index, labels.length);
        Objects.checkIndex(channel, channels);
        Objects.checkIndex(y, height);
        Objects.checkIndex(x, width);
        return Byte.toUnsignedInt(
                pixels.of(index)[(channel * storedHeight() + y + above) * storedWidth() + x + beside]);
    }

    /**
     * Writes one image, [C,H,W] float32.
     *
     * @param offset where the first value goes, counted in floats
     * @throws IndexOutOfBoundsException if there is no such image, or it does not fit
     */
    public void read(int index, float[] out, long offset) {
        read(index, MemorySegment.ofArray(out), offset);
    }

    /** As {@link #read(int, float[], long)}, into float32 memory; the offset is counted in floats, not in bytes. */
    public void read(int index, MemorySegment out, long offset) {
        readWindow(index, 0, 0, false, out, offset);
    }

    /**
     * Writes a window of the image's own size, [C,H,W] float32, whose top left corner lies at (top, left) of the
     * image. What lies outside the image is pixel 0, but for images that show only the middle of their pixels.
     *
     * @param mirrored left and right of the window exchanged
     * @param offset where the first value goes, counted in floats
     * @throws IndexOutOfBoundsException if there is no such image, or it does not fit
     */
    public void readWindow(int index, int top, int left, boolean mirrored, MemorySegment out, long offset) {
        window(index, top, left, mirrored, table, out, offset);
    }

    /** As {@link #readWindow}, but the bytes as they are, 0 to 255. */
    public void readPixels(int index, int top, int left, boolean mirrored, float[] out) {
        window(index, top, left, mirrored, LEVELS, MemorySegment.ofArray(out), 0);
    }

    /** @param values what to write for a byte, one table for every channel or one for all of them */
    private void window(
            int index, int top, int left, boolean mirrored, float[] values, MemorySegment out, long offset) {
        Objects.checkIndex(index, labels.length);
        Objects.checkFromIndexSize(offset, valuesPerImage(), out.byteSize() / Float.BYTES);
        byte[] image = pixels.of(index);
        float[] row = new float[width];
        int firstRow = above + top;
        int firstColumn = beside + left;
        int begin = Math.clamp(-firstColumn, 0, width);
        int end = Math.clamp(storedWidth() - firstColumn, begin, width);
        for (int line = 0; line < channels * height; line++) {
            int table = line / height * Normalisation.LEVELS % values.length;
            int y = line % height + firstRow;
            int from = (line / height * storedHeight() + y) * storedWidth() + firstColumn;
            if (y < 0 || y >= storedHeight()) {
                Arrays.fill(row, values[table]);
            } else {
                Arrays.fill(row, 0, begin, values[table]);
                for (int x = begin; x < end; x++) {
                    row[x] = values[table + Byte.toUnsignedInt(image[from + x])];
                }
                Arrays.fill(row, end, width, values[table]);
            }
            if (mirrored) {
                reverse(row);
            }
            MemorySegment.copy(
                    row, 0, out, ValueLayout.JAVA_FLOAT, (offset + (long) line * width) * Float.BYTES, width);
        }
    }

    private int storedHeight() {
        return height + 2 * above;
    }

    private int storedWidth() {
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

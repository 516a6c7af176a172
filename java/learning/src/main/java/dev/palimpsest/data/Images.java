package dev.palimpsest.data;

import dev.palimpsest.internal.Given;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.stream.IntStream;

/**
 * Labelled images of one size, kept as one byte per pixel and channel, on the heap or in a file, and read as
 * normalised float32 in CHW order (channel, row, column). Immutable, so any number of threads may read.
 */
public final class Images {
    private static final float[] LEVELS = new float[Normalisation.LEVELS];

    static {
        for (int level = 0; level < LEVELS.length; level++) {
            LEVELS[level] = level;
        }
    }

    private final Frame frame;
    private final Pixels pixels;
    private final int[] labels;
    private final Normalisation normalisation;
    private final float[] table;
    private final int brightest;

    Images(int channels, int height, int width, Pixels pixels, int[] labels, Normalisation normalisation) {
        this(new Frame(channels, height, width, 0, 0), pixels, labels, normalisation, brightest(pixels));
    }

    private Images(Frame frame, Pixels pixels, int[] labels, Normalisation normalisation, int brightest) {
        if (normalisation.channels() != frame.channels()) {
            throw new IllegalArgumentException(
                    "normalisation of " + normalisation.channels() + " channels for images of " + frame.channels());
        }
        this.frame = frame;
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

    /**
     * Images that are in memory, normalised by their own statistics. {@link Dataset} normalises its test images by
     * those of its training images, so both are made alike.
     *
     * @param channels C of every image, at least 1
     * @param height H of every image in pixels, at least 1
     * @param width W of every image in pixels, at least 1
     * @param pixels [N,C,H,W], unsigned bytes, image after image; copied
     * @param labels [N], the class of each image, from 0; copied
     * @return N images
     * @throws IllegalArgumentException if an extent is not positive, or there are not C·H·W bytes for every label
     */
    public static Images of(int channels, int height, int width, byte[] pixels, int[] labels) {
        byte[][] apart = apart(channels, height, width, pixels, labels.length);
        return of(channels, height, width, Pixels.of(apart), labels.clone());
    }

    /**
     * The same out of float32 values. They are kept as bytes: each is rounded to the nearest of 256 levels.
     *
     * @param channels C of every image, at least 1
     * @param height H of every image in pixels, at least 1
     * @param width W of every image in pixels, at least 1
     * @param values [N,C,H,W], from 0 to 1, image after image; copied
     * @param labels [N], the class of each image, from 0; copied
     * @return N images
     * @throws IllegalArgumentException if a value is NaN or outside of 0 to 1, and as for bytes
     */
    public static Images of(int channels, int height, int width, float[] values, int[] labels) {
        byte[] pixels = new byte[values.length];
        for (int i = 0; i < values.length; i++) {
            if (!(values[i] >= 0 && values[i] <= 1)) {
                throw new IllegalArgumentException("value " + i + " is " + values[i] + ": expected 0 to 1");
            }
            pixels[i] = (byte) Math.round(255 * values[i]);
        }
        return of(channels, height, width, pixels, labels);
    }

    /**
     * Pictures of any size, of each the central square, resampled to one size (as {@link ImageOptions#size} says).
     *
     * @param pictures read at once; alpha is dropped, grey becomes three equal channels
     * @param side height and width of the images, at least 1
     * @param labels [N], the class of each picture, from 0; copied
     * @return N images of 3×side×side
     * @throws IllegalArgumentException if there are not as many labels as pictures, or the side is not from 1 to 4,096
     */
    public static Images ofPictures(List<BufferedImage> pictures, int side, int[] labels) {
        if (labels.length != pictures.size()) {
            throw new IllegalArgumentException(
                    labels.length + " labels and " + pictures.size() + " pictures: expected a label for each");
        }
        ImageOptions.requireSide(side);
        byte[][] pixels = Given.all(pictures, "picture", "an image").stream()
                .map(picture -> Picture.of(picture).square(side).pixels())
                .toArray(byte[][]::new);
        return of(Picture.CHANNELS, side, side, Pixels.of(pixels), labels.clone());
    }

    /**
     * Images with the names of their classes.
     *
     * @param classNames label c stands for {@code classNames.get(c)}
     * @param images labelled images
     */
    public record Named(List<String> classNames, Images images) {}

    /**
     * The image files of a folder that has a folder for every class, brought to one size as pictures are.
     *
     * @param folder CLASS/….png and so on, as {@link #filesIn} finds them
     * @param side height and width of the images, at least 1
     * @return images of 3×side×side, classes and files in the order of their names
     * @throws DataException with a sentence, if there are no classes, one has no image, or a file cannot be decoded
     */
    public static Named ofFolder(Path folder, int side) {
        ImageFolder.requireUndivided(folder);
        List<String> names = ImageFolder.classes(folder);
        return new Named(names, ImageFiles.load(ImageFolder.files(folder, names), side));
    }

    /**
     * Image files, brought to one size as pictures are. Each becomes what Pillow's {@code convert("RGB")} makes of it,
     * turned upright as its Exif orientation says; of 16 bits the upper 8 are taken.
     *
     * @param files PNG, JPEG, WebP, GIF, BMP or TIFF, whatever their names are
     * @param side height and width of the images, at least 1
     * @return images of 3×side×side in the order of the files; all labels are 0
     * @throws DataException with a sentence that names every file that cannot be read
     */
    public static Images ofFiles(List<Path> files, int side) {
        return ImageFiles.load(
                Given.all(files, "file", "a path").stream()
                        .map(file -> new ImageFiles.Labelled(file, 0))
                        .toList(),
                side);
    }

    /**
     * Image files that are in memory, such as those of an upload, brought to one size as {@link #ofFiles} does.
     *
     * @param files PNG, JPEG, WebP, GIF, BMP or TIFF
     * @param side height and width of the images, at least 1
     * @param mostPixels of one file; the header of one that has more is all that is read of it
     * @return images of 3×side×side in the order of the files; all labels are 0
     * @throws DataException with a sentence that says which image cannot be read, counted from 1, and why
     */
    public static Images ofEncoded(List<byte[]> files, int side, int mostPixels) {
        ImageOptions.requireSide(side);
        byte[][] pixels = new byte[files.size()][];
        for (int i = 0; i < pixels.length; i++) {
            try {
                pixels[i] = Picture.decode(Given.element(files.get(i), "file", i, "the bytes of one"), mostPixels)
                        .square(side)
                        .pixels();
            } catch (IOException e) {
                throw new DataException(
                        "image " + (i + 1) + " cannot be read (" + e.getMessage() + "): replace it, or leave it out",
                        e);
            }
        }
        return of(Picture.CHANNELS, side, side, Pixels.of(pixels), new int[pixels.length]);
    }

    /**
     * The image files of a folder and of all folders in it, through links: those that end in .png, .jpg, .jpeg, .webp,
     * .gif, .bmp, .tif or .tiff. Hidden names and __MACOSX are skipped. How many others there are, and of which kinds,
     * is logged.
     *
     * @param folder where to begin
     * @return paths, a folder's own files before those of its folders, in the order of their names
     * @throws DataException with a sentence, if a folder cannot be listed or a name cannot be decoded
     */
    public static List<Path> filesIn(Path folder) {
        ImageSearch search = new ImageSearch();
        List<Path> files = search.below(folder);
        search.report(folder);
        return files;
    }

    /** The same over pixels that are not copied, and labels that the caller leaves alone. */
    static Images of(int channels, int height, int width, Pixels pixels, int[] labels) {
        return new Images(channels, height, width, pixels, labels, Normalisation.of(channels, height * width, pixels));
    }

    private static byte[][] apart(int channels, int height, int width, byte[] pixels, int images) {
        if (channels < 1 || height < 1 || width < 1) {
            throw new IllegalArgumentException(
                    "images of " + channels + "×" + height + "×" + width + " have no pixels");
        }
        if ((double) images * channels * height * width != pixels.length) { // may be beyond int64
            throw new IllegalArgumentException(images + " labels and " + pixels.length + " pixels do not fit images of "
                    + channels + "×" + height + "×" + width + ": expected C·H·W pixels for every label");
        }
        byte[][] apart = new byte[images][];
        int values = images == 0 ? 0 : pixels.length / images;
        Arrays.setAll(apart, i -> Arrays.copyOfRange(pixels, i * values, (i + 1) * values));
        return apart;
    }

    /**
     * The same images, normalised by other statistics. Pixels are shared, not copied.
     *
     * @param other statistics of as many channels
     * @return images whose values differ, and whose pixels and labels are these
     * @throws IllegalArgumentException if the statistics are of another number of channels
     */
    public Images normalisedBy(Normalisation other) {
        return new Images(frame, pixels, labels, other, brightest);
    }

    /**
     * The middle of the same images; a window that is moved shows what lies around it. The statistics stay those of
     * all pixels.
     */
    Images cropped(int side) {
        return new Images(frame.middle(side), pixels, labels, normalisation, brightest);
    }

    /**
     * Images of one size after each other, normalised by the statistics of all. Pixels in memory are shared, not
     * copied, but of cropped images only what is shown is taken.
     *
     * @param parts at least one
     * @return all of their images, with their labels
     * @throws IllegalArgumentException if there is none, or sizes or channels differ
     */
    public static Images joined(List<Images> parts) {
        if (parts.isEmpty()) {
            throw new IllegalArgumentException("there are no images to join: give at least one part");
        }
        Images first = Given.all(parts, "part", "images").getFirst();
        Frame frame = new Frame(first.channels(), first.height(), first.width(), 0, 0);
        List<byte[]> all = new ArrayList<>();
        for (Images part : parts) {
            if (!new Frame(part.channels(), part.height(), part.width(), 0, 0).equals(frame)) {
                throw new IllegalArgumentException("images of " + part.channels() + "×" + part.height() + "×"
                        + part.width() + " cannot follow images of " + frame.channels() + "×" + frame.height() + "×"
                        + frame.width() + ": bring all to one size");
            }
            for (int i = 0; i < part.size(); i++) {
                all.add(part.frame.equals(frame) ? part.pixels.of(i) : part.shown(i));
            }
        }
        Pixels pixels = Pixels.of(all.toArray(byte[][]::new));
        int[] labels =
                parts.stream().flatMapToInt(part -> Arrays.stream(part.labels)).toArray();
        Normalisation own = Normalisation.of(frame.channels(), frame.height() * frame.width(), pixels);
        int brightest = parts.stream().mapToInt(part -> part.brightest).max().orElseThrow();
        return new Images(frame, pixels, labels, own, brightest);
    }

    private byte[] shown(int index) {
        byte[] shown = new byte[valuesPerImage()];
        int at = 0;
        for (int c = 0; c < channels(); c++) {
            for (int y = 0; y < height(); y++) {
                for (int x = 0; x < width(); x++) {
                    shown[at++] = (byte) pixel(index, c, y, x);
                }
            }
        }
        return shown;
    }

    /** These images and then others of the same size, whose labels grow by {@code shift}; normalised as these are. */
    Images and(Images others, int shift) {
        byte[][] all = new byte[size() + others.size()][];
        Arrays.setAll(all, i -> i < size() ? pixels.of(i) : others.pixels.of(i - size()));
        int[] numbers = IntStream.concat(
                        Arrays.stream(labels), Arrays.stream(others.labels).map(label -> label + shift))
                .toArray();
        return new Images(frame, Pixels.of(all), numbers, normalisation, Math.max(brightest, others.brightest));
    }

    /**
     * The number of images N.
     *
     * @return how many images there are; an index is below it
     */
    public int size() {
        return labels.length;
    }

    /**
     * The number of channels C.
     *
     * @return channels of every image: 1 for grey, 3 for RGB
     */
    public int channels() {
        return frame.channels();
    }

    /**
     * The height H.
     *
     * @return height of every image in pixels, as it is shown: without what lies around a crop
     */
    public int height() {
        return frame.height();
    }

    /**
     * The width W.
     *
     * @return width of every image in pixels, as it is shown: without what lies around a crop
     */
    public int width() {
        return frame.width();
    }

    /**
     * What one image takes when it is read.
     *
     * @return float32 values of one image, C·H·W
     */
    public int valuesPerImage() {
        return frame.values();
    }

    /**
     * The statistics that pixels are normalised by.
     *
     * @return mean and standard deviation of each channel, in pixel units
     */
    public Normalisation normalisation() {
        return normalisation;
    }

    /**
     * The range of the pixels.
     *
     * @return largest byte of any image, 0 to 255: 255 for most data sets, 16 for digits
     */
    public int brightest() {
        return brightest;
    }

    /**
     * The data set's own number of an image's class.
     *
     * @param index of the image, from 0
     * @return label, from 0
     * @throws IndexOutOfBoundsException if there is no such image
     */
    public int label(int index) {
        return labels[Objects.checkIndex(index, labels.length)];
    }

    /**
     * The unsigned byte of one pixel, before normalisation.
     *
     * @param index of the image, from 0
     * @param channel from 0
     * @param y row, from 0 at the top
     * @param x column, from 0 at the left
     * @return 0 to 255
     * @throws IndexOutOfBoundsException if there is no such pixel
     */
    public int pixel(int index, int channel, int y, int x) {
        Objects.checkIndex(index, labels.length);
        Objects.checkIndex(channel, frame.channels());
        Objects.checkIndex(y, frame.height());
        Objects.checkIndex(x, frame.width());
        return Byte.toUnsignedInt(pixels.of(index)[frame.at(channel, y, x)]);
    }

    /**
     * Writes one normalised image, [C,H,W] float32.
     *
     * @param index of the image, from 0
     * @param out takes C·H·W values from the offset on; the rest stays as it is
     * @param offset where the first value goes, counted in floats
     * @throws IndexOutOfBoundsException if there is no such image, or it does not fit
     */
    public void read(int index, float[] out, long offset) {
        read(index, MemorySegment.ofArray(out), offset);
    }

    /**
     * Writes one normalised image, [C,H,W] float32, into memory on or off the heap.
     *
     * @param index of the image, from 0
     * @param out takes C·H·W values from the offset on; the rest stays as it is
     * @param offset where the first value goes, counted in floats, not in bytes
     * @throws IndexOutOfBoundsException if there is no such image, or it does not fit
     */
    public void read(int index, MemorySegment out, long offset) {
        readWindow(index, 0, 0, false, out, offset);
    }

    /**
     * Writes a normalised window of the image's own size, [C,H,W] float32, whose top left corner lies at (top, left)
     * of the image. What lies outside the image is pixel 0; images that show only the middle of their pixels bring in
     * those around it.
     *
     * @param index of the image, from 0
     * @param top row of the image that the window begins with; may be negative
     * @param left column of the image that the window begins with; may be negative
     * @param mirrored whether left and right of the window are exchanged
     * @param out takes C·H·W values from the offset on; the rest stays as it is
     * @param offset where the first value goes, counted in floats
     * @throws IndexOutOfBoundsException if there is no such image, or it does not fit
     */
    public void readWindow(int index, int top, int left, boolean mirrored, MemorySegment out, long offset) {
        Objects.checkIndex(index, labels.length);
        frame.write(pixels.of(index), top, left, mirrored, table, out, offset);
    }

    /**
     * Writes a window as {@link #readWindow} does, but without normalisation: the bytes as they are, 0 to 255.
     *
     * @param index of the image, from 0
     * @param top row of the image that the window begins with; may be negative
     * @param left column of the image that the window begins with; may be negative
     * @param mirrored whether left and right of the window are exchanged
     * @param out takes C·H·W values from its beginning on
     * @throws IndexOutOfBoundsException if there is no such image, or it does not fit
     */
    public void readPixels(int index, int top, int left, boolean mirrored, float[] out) {
        Objects.checkIndex(index, labels.length);
        frame.write(pixels.of(index), top, left, mirrored, LEVELS, MemorySegment.ofArray(out), 0);
    }

    /** SHA-256 of the labels as big-endian int32, and then of the pixels, in hexadecimal. */
    String sha256() {
        MessageDigest digest = HashedFile.sha256Digest();
        ByteBuffer bytes = ByteBuffer.allocate(Integer.BYTES * labels.length);
        bytes.asIntBuffer().put(labels);
        digest.update(bytes);
        for (int i = 0; i < labels.length; i++) {
            digest.update(pixels.of(i));
        }
        return HexFormat.of().formatHex(digest.digest());
    }
}

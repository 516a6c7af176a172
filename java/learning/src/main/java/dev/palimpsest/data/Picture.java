package dev.palimpsest.data;

import com.twelvemonkeys.imageio.plugins.webp.WebPImageReaderSpi;
import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.ColorModel;
import java.awt.image.DataBuffer;
import java.awt.image.IndexColorModel;
import java.awt.image.Raster;
import java.awt.image.SampleModel;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.util.Iterator;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Semaphore;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * A decoded image file: 8 bits per channel, RGB, planes one after the other, upright as its Exif orientation says.
 * Samples are taken as they are stored, as Pillow's {@code convert("RGB")} does: colour profiles are ignored, alpha is
 * dropped, grey becomes three equal channels, CMYK becomes (255 − C)(255 − K) / 255. Of 16 bits the upper 8 are taken,
 * also of grey, which Pillow cuts off at 255. Of several frames or pages the first one is read, of a GIF with the rest
 * of its screen.
 */
record Picture(int height, int width, byte[] pixels) {
    static final int CHANNELS = 3;

    /** Decoders hold up to 8 bytes per pixel: 16 bits of red, green, blue and alpha. */
    private static final int BYTES_PER_PIXEL = 8;

    private static final int MEMORY =
            (int) Math.min(Integer.MAX_VALUE, Runtime.getRuntime().maxMemory() / BYTES_PER_PIXEL);
    private static final int LARGEST = Math.min(100_000_000, MEMORY);
    /** Pixels that may be decoded at once, by all threads together. */
    private static final Semaphore DECODED_AT_ONCE = new Semaphore(MEMORY);

    private static final List<String> FORMATS = List.of("png", "jpeg", "gif", "bmp", "tif", "tiff");

    /** Where the extended header ("VP8X" and its length) has its flags. */
    private static final int WEBP_FLAGS = 20;

    private static final int WEBP_PROFILE = 0x20;

    /** What the sentences about files that cannot be read call those that can. */
    static final String KINDS = "PNG, JPEG, WebP, GIF, BMP or TIFF";

    /**
     * Decodes the bytes of a file.
     *
     * @throws IOException with the reason, if the bytes are not a whole image of a kind that can be read, or it has
     *     more than 100 million pixels, or more than an eighth of the heap's bytes
     */
    static Picture decode(byte[] file) throws IOException {
        return decode(file, LARGEST);
    }

    /** The same with at most so many pixels, or fewer where the heap is small. */
    static Picture decode(byte[] file, int most) throws IOException {
        byte[] read = Exif.isWebp(file) ? withoutProfile(file) : JpegHeader.withoutProfile(file);
        try (var in = new MemoryCacheImageInputStream(new ByteArrayInputStream(read))) {
            ImageReader reader = reader(file, in);
            String[] damage = {null};
            // Decoders fill what is missing with grey and only warn.
            reader.addIIOReadWarningListener((source, warning) -> {
                if (warning.contains("Premature end") || warning.contains("Corrupt JPEG")) {
                    damage[0] = warning;
                }
            });
            try {
                reader.setInput(in, true, true);
                Extent extent = Extent.of(file, reader);
                int pixels = pixels(extent.width, extent.height, Math.min(most, LARGEST));
                DECODED_AT_ONCE.acquireUninterruptibly(pixels);
                Picture picture;
                try {
                    picture = decode(file, reader);
                } finally {
                    DECODED_AT_ONCE.release(pixels);
                }
                if (damage[0] != null) {
                    throw new IOException(damage[0]);
                }
                return picture;
            } catch (EOFException | RuntimeException e) {
                throw damaged(e);
            } finally {
                reader.dispose();
            }
        }
    }

    /**
     * The shorter side in pixels, as the header says.
     *
     * @throws IOException with the reason, if the file is of no kind that can be read
     */
    static int shorterSide(byte[] file) throws IOException {
        try (var in = new MemoryCacheImageInputStream(new ByteArrayInputStream(file))) {
            ImageReader reader = reader(file, in);
            try {
                reader.setInput(in, true, true);
                Extent extent = Extent.of(file, reader);
                return Math.min(extent.width, extent.height);
            } catch (EOFException | RuntimeException e) {
                throw damaged(e);
            } finally {
                reader.dispose();
            }
        }
    }

    /** Decoders throw whatever they run into on damaged files, with words about their own arrays. */
    private static IOException damaged(Exception e) {
        return new IOException(e instanceof EOFException ? "it ends before its image does" : "it is damaged", e);
    }

    /** What a header says, before the image is turned upright. */
    private record Extent(int width, int height) {
        static Extent of(byte[] file, ImageReader reader) throws IOException {
            Extent first = new Extent(reader.getWidth(0), reader.getHeight(0));
            return GifScreen.of(file)
                    .map(screen -> new Extent(screen.width(), screen.height()))
                    .orElse(first);
        }
    }

    private static ImageReader reader(byte[] file, ImageInputStream in) throws IOException {
        if (Exif.isWebp(file)) {
            try {
                return new WebPImageReaderSpi().createReaderInstance();
            } catch (NoClassDefFoundError e) {
                throw new IOException(
                        "it is a WebP file, and com.twelvemonkeys.imageio.webp, which reads those, is not on the path",
                        e);
            }
        }
        for (Iterator<ImageReader> readers = ImageIO.getImageReaders(in); readers.hasNext(); ) {
            ImageReader reader = readers.next();
            if (FORMATS.contains(reader.getFormatName().toLowerCase(Locale.ROOT))) {
                return reader;
            }
        }
        throw new IOException("it is no " + KINDS + " file");
    }

    /** The WebP reader converts from a profile's colour space, unless the header says that there is none. */
    private static byte[] withoutProfile(byte[] webp) {
        byte[] plain = webp.clone();
        if (plain.length > WEBP_FLAGS && plain[WEBP_FLAGS - 5] == 'X') {
            plain[WEBP_FLAGS] &= ~WEBP_PROFILE;
        }
        return plain;
    }

    private static int pixels(int width, int height, int most) throws IOException {
        long pixels = (long) width * height;
        if (pixels > most) {
            throw new IOException(String.format(
                    Locale.ROOT,
                    "its header says %d×%d pixels, at most %,d are read%s",
                    height,
                    width,
                    most,
                    most == MEMORY ? " in this heap" : ""));
        }
        return (int) pixels;
    }

    private static Picture decode(byte[] file, ImageReader reader) throws IOException {
        Picture picture;
        JpegHeader jpeg = JpegHeader.of(file);
        if (jpeg.components() >= CHANNELS) {
            // The reader has rules of its own for what the components are.
            picture = StoredColours.ofJpeg(reader.readRaster(0, null), jpeg);
        } else {
            BufferedImage image = reader.read(0);
            requireUnsigned(image.getSampleModel());
            Picture first = of(image);
            picture = GifScreen.of(file)
                    .map(screen -> screen.show(first, image.getColorModel()))
                    .orElse(first);
        }
        return picture.turned(Exif.orientation(file));
    }

    /**
     * TIFF files may hold measurements, of which nothing says what is black and what is white.
     *
     * @throws IOException with the reason, if samples have a sign, a point, or more than 16 bits
     */
    private static void requireUnsigned(SampleModel samples) throws IOException {
        int type = samples.getDataType();
        int bits = samples.getSampleSize(0);
        if (type != DataBuffer.TYPE_BYTE && type != DataBuffer.TYPE_USHORT && bits > Byte.SIZE) {
            throw new IOException("its samples are "
                    + (type == DataBuffer.TYPE_INT || type == DataBuffer.TYPE_SHORT
                            ? "signed or long"
                            : "floating-point")
                    + " numbers of " + bits + " bits: expected unsigned ones of at most 16, convert it");
        }
    }

    /** An image that is in memory. */
    static Picture of(BufferedImage image) {
        ColorModel model = image.getColorModel();
        int space = model.getColorSpace().getType();
        if (space == ColorSpace.TYPE_CMYK) {
            return StoredColours.ofInk(image.getRaster());
        }
        int height = image.getHeight();
        int width = image.getWidth();
        Raster raster = image.getRaster();
        boolean grey = space == ColorSpace.TYPE_GRAY;
        int bits = model.getComponentSize(0);
        // getRGB would convert from the colour space of a profile, and brighten grey.
        boolean stored = (grey || space == ColorSpace.TYPE_RGB)
                && !(model instanceof IndexColorModel)
                && !model.isAlphaPremultiplied()
                && equalSizes(model)
                && bits >= Byte.SIZE
                && bits <= Short.SIZE;
        byte[] pixels = new byte[CHANNELS * height * width];
        int[] row = new int[width];
        for (int y = 0; y < height; y++) {
            if (!stored) {
                image.getRGB(0, y, width, 1, row, 0, width);
            }
            for (int c = 0; c < CHANNELS; c++) {
                if (stored) {
                    raster.getSamples(raster.getMinX(), raster.getMinY() + y, width, 1, grey ? 0 : c, row);
                }
                int shift = stored ? bits - Byte.SIZE : Byte.SIZE * (CHANNELS - 1 - c);
                int at = (c * height + y) * width;
                for (int x = 0; x < width; x++) {
                    pixels[at + x] = (byte) (row[x] >> shift);
                }
            }
        }
        return new Picture(height, width, pixels);
    }

    private static boolean equalSizes(ColorModel model) {
        for (int size : model.getComponentSize()) {
            if (size != model.getComponentSize(0)) {
                return false;
            }
        }
        return true;
    }

    /**
     * The picture upright.
     *
     * @param orientation Exif's number for where the stored rows and columns lie, 1 to 8
     */
    private Picture turned(int orientation) {
        if (orientation == 1) {
            return this;
        }
        boolean transposed = orientation >= 5;
        boolean fromRight = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
        boolean fromBelow = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
        int rows = transposed ? width : height;
        int columns = transposed ? height : width;
        byte[] out = new byte[pixels.length];
        for (int line = 0, at = 0; line < CHANNELS * rows; line++) {
            int plane = line / rows * rows * columns;
            int y = line % rows;
            for (int x = 0; x < columns; x++, at++) {
                int storedX = transposed ? y : x;
                int storedY = transposed ? x : y;
                int row = fromBelow ? height - 1 - storedY : storedY;
                out[at] = pixels[plane + row * width + (fromRight ? width - 1 - storedX : storedX)];
            }
        }
        return new Picture(rows, columns, out);
    }

    /** The central square, made size × size by {@link Resampling}. */
    Picture square(int size) {
        int side = Math.min(height, width);
        byte[] out = new byte[CHANNELS * size * size];
        Resampling resampling = new Resampling(side, size);
        for (int c = 0; c < CHANNELS; c++) {
            int from = c * height * width + (height - side) / 2 * width + (width - side) / 2;
            resampling.apply(pixels, from, width, out, c * size * size);
        }
        return new Picture(size, size, out);
    }
}

package dev.palimpsest.data;

import dev.palimpsest.internal.Given;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.IntStream;

/**
 * How image files of any size become images of the size that a network takes, in this order: the central square is
 * resampled to {@code resize}, or stays as it is; the middle is cut out; colours become grey for a network of one
 * channel (Rec. 601 luma); and bytes 0 to 255 are scaled to 0 to {@code white}. Immutable.
 *
 * @param channels C of the network's images, 1 or 3
 * @param height H of the network's images
 * @param width W of the network's images
 * @param resize height and width of the resampled central square; 0: files have H×W pixels, and where H = W the
 *     central square of others is resampled to that
 * @param cropped whether H×W is the middle of a larger square, or, where nothing is resampled, of the file
 * @param white value of the brightest pixel, 1 to 255
 */
public record Preparation(int channels, int height, int width, int resize, boolean cropped, int white) {
    private static final int BYTE = 255;
    /** Of an image, as an array takes them. */
    private static final int MOST_VALUES = Integer.MAX_VALUE - 8;
    // Rec. 601 in units of 2^-16, as Pillow's convert("L") has it.
    private static final int RED = 19595;
    private static final int GREEN = 38470;
    private static final int BLUE = 7471;
    private static final int BITS = 16;

    /**
     * Checks what cannot be.
     *
     * @throws IllegalArgumentException with a sentence, if a network takes no such images
     */
    public Preparation {
        if (channels != 1 && channels != 3) {
            throw new IllegalArgumentException("image files have 1 or 3 channels, the network takes images of "
                    + channels + ": it cannot classify files");
        }
        if (height < 1 || width < 1 || resize < 0 || white < 1 || white > BYTE) {
            throw new IllegalArgumentException("images of " + height + "×" + width + " pixels from squares of " + resize
                    + " with white at " + white + " cannot be: expected positive extents and white at 1 to 255");
        }
        if (height > MOST_VALUES / channels / width) {
            throw new IllegalArgumentException("images of " + height + "×" + width + " pixels are larger than memory"
                    + " can hold one: expected at most " + MOST_VALUES + " values in all channels");
        }
        if (resize > 0 && (height > resize || width > resize)) {
            throw new IllegalArgumentException("there is no part of " + height + "×" + width
                    + " pixels in the middle of " + resize + "×" + resize);
        }
    }

    /**
     * What became of files.
     *
     * @param files that could be read
     * @param images of these files, in their order, all with label 0
     * @param refused a sentence for every other file
     */
    public record Read(List<Path> files, Images images, List<String> refused) {}

    /**
     * Reads files, several at a time.
     *
     * @param files of images
     * @return all that can be read, and why the rest cannot
     */
    public Read read(List<Path> files) {
        Given.all(files, "file", "a path");
        byte[][] pixels = new byte[files.size()][];
        String[] refusals = new String[files.size()];
        IntStream.range(0, pixels.length).parallel().forEach(i -> {
            try {
                pixels[i] = pixels(Picture.decode(HashedFile.image(files.get(i))));
            } catch (IOException e) {
                refusals[i] = files.get(i) + " cannot be read (" + e.getMessage() + ")";
            } catch (IllegalArgumentException e) {
                refusals[i] = files.get(i) + " " + e.getMessage();
            }
        });
        List<Path> read = new ArrayList<>();
        List<byte[]> kept = new ArrayList<>();
        List<String> refused = new ArrayList<>();
        for (int i = 0; i < pixels.length; i++) {
            if (refusals[i] == null) {
                read.add(files.get(i));
                kept.add(pixels[i]);
            } else {
                refused.add(refusals[i]);
            }
        }
        Pixels all = Pixels.of(kept.toArray(byte[][]::new));
        return new Read(read, Images.of(channels, height, width, all, new int[read.size()]), refused);
    }

    /** @throws IllegalArgumentException with the end of a sentence, if the picture has a size that does not fit */
    private byte[] pixels(Picture picture) {
        Picture fitting = picture;
        if (resize > 0) {
            fitting = picture.square(resize);
        } else if (!cropped && height == width && (picture.height() != height || picture.width() != width)) {
            fitting = picture.square(height);
        }
        boolean fits = cropped
                ? fitting.height() >= height && fitting.width() >= width
                : fitting.height() == height && fitting.width() == width;
        if (!fits) {
            throw new IllegalArgumentException("has " + picture.height() + "×" + picture.width()
                    + " pixels, the network takes " + height + "×" + width + ": bring it to that size");
        }
        byte[] rgb = middle(fitting);
        return channels == 1 ? grey(rgb) : scaled(rgb);
    }

    private byte[] middle(Picture picture) {
        byte[] out = new byte[Picture.CHANNELS * height * width];
        int top = (picture.height() - height) / 2;
        int left = (picture.width() - width) / 2;
        for (int line = 0; line < Picture.CHANNELS * height; line++) {
            int row = line / height * picture.height() + top + line % height;
            System.arraycopy(picture.pixels(), row * picture.width() + left, out, line * width, width);
        }
        return out;
    }

    private byte[] grey(byte[] rgb) {
        int area = height * width;
        byte[] grey = new byte[area];
        for (int i = 0; i < area; i++) {
            int luma = RED * Byte.toUnsignedInt(rgb[i])
                    + GREEN * Byte.toUnsignedInt(rgb[area + i])
                    + BLUE * Byte.toUnsignedInt(rgb[2 * area + i]);
            grey[i] = (byte) ((luma + (1 << (BITS - 1))) >> BITS);
        }
        return scaled(grey);
    }

    private byte[] scaled(byte[] pixels) {
        for (int i = 0; white < BYTE && i < pixels.length; i++) {
            pixels[i] = (byte) Math.round((float) Byte.toUnsignedInt(pixels[i]) * white / BYTE);
        }
        return pixels;
    }

    /**
     * The same in one sentence, for programs that do it themselves.
     *
     * @return plain text
     */
    public String sentence() {
        String square = resize > 0
                ? String.format(
                        Locale.ROOT,
                        "the central square, resampled to %d×%d (larger ones averaged by area, smaller ones bilinear)",
                        resize,
                        resize)
                : cropped
                        ? "the file's own size"
                        : height == width
                                ? String.format(
                                        Locale.ROOT,
                                        "%d×%d as it is, else the central square, resampled to that (larger ones"
                                                + " averaged by area, smaller ones bilinear)",
                                        height,
                                        width)
                                : String.format(Locale.ROOT, "%d×%d as it is", height, width);
        return square
                + (cropped ? String.format(Locale.ROOT, "; of that the middle %d×%d", height, width) : "")
                + (channels == 1 ? "; grey (Rec. 601)" : "; RGB")
                + (white < BYTE ? "; bytes times " + white + "/255, rounded" : "; bytes 0 to 255")
                + "; minus pixel_mean, over pixel_deviation, channel by channel";
    }
}

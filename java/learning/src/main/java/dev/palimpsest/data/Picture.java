package dev.palimpsest.data;

import java.awt.color.ColorSpace;
import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.util.Iterator;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * A decoded PNG or JPEG: 8 bits per channel, RGB, planes one after the other. Alpha is dropped, grey becomes three
 * equal channels, and a JPEG's orientation tag is ignored.
 */
record Picture(int height, int width, byte[] pixels) {
    static final int CHANNELS = 3;

    /**
     * Decodes the bytes of a file.
     *
     * @throws IOException with the reason, if the bytes are not a whole image of a kind that the JDK reads
     */
    static Picture decode(byte[] file) throws IOException {
        try (var in = new MemoryCacheImageInputStream(new ByteArrayInputStream(file))) {
            Iterator<ImageReader> readers = ImageIO.getImageReaders(in);
            if (!readers.hasNext()) {
                throw new IOException("neither PNG nor JPEG");
            }
            ImageReader reader = readers.next();
            String[] damage = {null};
            // libjpeg fills what is missing with grey and only warns.
            reader.addIIOReadWarningListener((source, warning) -> {
                if (warning.contains("Premature end") || warning.contains("Corrupt JPEG")) {
                    damage[0] = warning;
                }
            });
            try {
                reader.setInput(in, true, true);
                BufferedImage image = reader.read(0);
                if (damage[0] != null) {
                    throw new IOException(damage[0]);
                }
                return of(image);
            } catch (RuntimeException e) {
                // The JDK's readers throw these, too, on damaged files.
                throw new IOException(e.toString(), e);
            } finally {
                reader.dispose();
            }
        }
    }

    static Picture of(BufferedImage image) {
        int height = image.getHeight();
        int width = image.getWidth();
        int area = height * width;
        byte[] pixels = new byte[CHANNELS * area];
        // getRGB takes grey for linear light and brightens it; the samples are wanted as they are.
        boolean grey = image.getColorModel().getColorSpace().getType() == ColorSpace.TYPE_GRAY
                && !(image.getColorModel() instanceof IndexColorModel);
        int shift = image.getColorModel().getComponentSize(0) - Byte.SIZE;
        for (int y = 0, at = 0; y < height; y++) {
            for (int x = 0; x < width; x++, at++) {
                int rgb = grey ? 0x010101 * (image.getRaster().getSample(x, y, 0) >> shift) : image.getRGB(x, y);
                pixels[at] = (byte) (rgb >> 16);
                pixels[area + at] = (byte) (rgb >> 8);
                pixels[2 * area + at] = (byte) rgb;
            }
        }
        return new Picture(height, width, pixels);
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

package dev.palimpsest.data;

import java.awt.image.Raster;

/**
 * Makes RGB of what JPEG and CMYK files hold, as libjpeg and Pillow do: YCbCr by JFIF's equations in fixed-point
 * arithmetic of 16 bits, CMYK as (255 − C)(255 − K) / 255.
 */
final class StoredColours {
    private static final int INKS = 4;

    private StoredColours() {}

    /** Three or four components of a JPEG file. In those files the values of CMYK are inverted, as Adobe began it. */
    static Picture ofJpeg(Raster raster, JpegHeader header) {
        return of(raster, header.isLuminanceAndChrominance(), true);
    }

    /** CMYK of 8 or 16 bits. */
    static Picture ofInk(Raster raster) {
        return of(raster, false, false);
    }

    private static Picture of(Raster raster, boolean ycc, boolean inverted) {
        int height = raster.getHeight();
        int width = raster.getWidth();
        int bands = raster.getNumBands();
        int shift = raster.getSampleModel().getSampleSize(0) - Byte.SIZE;
        byte[] pixels = new byte[Picture.CHANNELS * height * width];
        int[] row = new int[bands * width];
        int[] pixel = new int[bands];
        for (int y = 0; y < height; y++) {
            raster.getPixels(raster.getMinX(), raster.getMinY() + y, width, 1, row);
            for (int x = 0; x < width; x++) {
                for (int band = 0; band < bands; band++) {
                    pixel[band] = row[x * bands + band] >> shift;
                }
                if (ycc) {
                    toRgb(pixel);
                }
                if (bands == INKS) {
                    // K, then colours that YCCK has inverted once more
                    applyBlack(pixel, inverted, ycc);
                }
                for (int c = 0; c < Picture.CHANNELS; c++) {
                    pixels[(c * height + y) * width + x] = (byte) pixel[c];
                }
            }
        }
        return new Picture(height, width, pixels);
    }

    private static void applyBlack(int[] ink, boolean inverted, boolean ycck) {
        int white = inverted ? ink[INKS - 1] : 255 - ink[INKS - 1];
        for (int c = 0; c < Picture.CHANNELS; c++) {
            int colour = inverted != ycck ? 255 - ink[c] : ink[c];
            int product = colour * white + 128;
            // Division by 255, rounded.
            ink[c] = Math.max(0, white - ((product + (product >> 8)) >> 8));
        }
    }

    private static void toRgb(int[] pixel) {
        int y = pixel[0];
        int cb = pixel[1] - 128;
        int cr = pixel[2] - 128;
        pixel[0] = Math.clamp(y + ((91881 * cr + 32768) >> 16), 0, 255);
        pixel[1] = Math.clamp(y + ((-22554 * cb - 46802 * cr + 32768) >> 16), 0, 255);
        pixel[2] = Math.clamp(y + ((116130 * cb + 32768) >> 16), 0, 255);
    }
}

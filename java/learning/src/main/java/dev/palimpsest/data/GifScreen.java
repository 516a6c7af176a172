package dev.palimpsest.data;

import java.awt.image.ColorModel;
import java.awt.image.IndexColorModel;
import java.util.Arrays;
import java.util.Optional;

/**
 * The screen of a GIF file and where its first frame stands on it. As in Pillow the screen is as large as the file
 * says, or as the frame needs, and around the frame it has the frame's transparent colour, or else the first of the
 * table.
 *
 * @param width of the screen in pixels
 * @param height of the screen in pixels
 * @param left column of the screen that the frame begins with
 * @param top row of the screen that the frame begins with
 * @param around index of the colour around the frame
 */
record GifScreen(int width, int height, int left, int top, int around) {
    private static final int HEADER = 13;
    private static final int DESCRIPTOR = 9;
    private static final int HAS_TABLE = 0x80;
    private static final int IMAGE = ',';
    private static final int EXTENSION = '!';
    private static final int GRAPHIC_CONTROL = 0xf9;

    /** Empty for files of other kinds, and for those that end before the first frame. */
    static Optional<GifScreen> of(byte[] file) {
        if (file.length < HEADER || file[0] != 'G' || file[1] != 'I' || file[2] != 'F') {
            return Optional.empty();
        }
        int around = 0;
        int at = HEADER;
        if ((file[10] & HAS_TABLE) != 0) {
            at += 3 << ((file[10] & 7) + 1);
        }
        while (at + DESCRIPTOR < file.length) {
            switch (file[at++]) {
                case IMAGE -> {
                    int left = number(file, at);
                    int top = number(file, at + 2);
                    return Optional.of(new GifScreen(
                            Math.max(number(file, 6), left + number(file, at + 4)),
                            Math.max(number(file, 8), top + number(file, at + 6)),
                            left,
                            top,
                            around));
                }
                case EXTENSION -> {
                    boolean control = (file[at] & 0xff) == GRAPHIC_CONTROL;
                    boolean transparent = control && (file[at + 2] & 1) != 0;
                    around = transparent ? file[at + 5] & 0xff : around;
                    at++;
                    while (at < file.length && file[at] != 0) {
                        at += 1 + (file[at] & 0xff);
                    }
                    at++;
                }
                default -> {} // bytes between blocks are skipped
            }
        }
        return Optional.empty();
    }

    private static int number(byte[] file, int at) {
        return (file[at] & 0xff) | (file[at + 1] & 0xff) << 8;
    }

    /** The screen with its first frame. */
    Picture show(Picture frame, ColorModel colours) {
        if (frame.width() == width && frame.height() == height) {
            return frame;
        }
        int area = width * height;
        byte[] pixels = new byte[Picture.CHANNELS * area];
        boolean known = colours instanceof IndexColorModel table && around < table.getMapSize();
        int rgb = known ? colours.getRGB(around) : 0;
        for (int c = 0; c < Picture.CHANNELS; c++) {
            Arrays.fill(pixels, c * area, (c + 1) * area, (byte) (rgb >> (Byte.SIZE * (Picture.CHANNELS - 1 - c))));
            for (int y = 0; y < frame.height(); y++) {
                System.arraycopy(
                        frame.pixels(),
                        (c * frame.height() + y) * frame.width(),
                        pixels,
                        c * area + (y + top) * width + left,
                        frame.width());
            }
        }
        return new Picture(height, width, pixels);
    }
}

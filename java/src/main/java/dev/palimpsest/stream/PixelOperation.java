package dev.palimpsest.stream;

import java.util.Arrays;

/**
 * The operations of {@link RandAugment} on images [C,H,W] of pixels 0..255. Names, strengths and definitions are torchvision's, which are
 * Pillow's; but images that are sheared, shifted or turned are sampled bilinearly instead of at the nearest pixel, as the published MLKD
 * code does, and pixels are not rounded in between. What comes from outside is black.
 */
enum PixelOperation {
    IDENTITY(0, false), SHEAR_X(0.3, true), SHEAR_Y(0.3, true), TRANSLATE_X(150.0 / 331, true), TRANSLATE_Y(150.0 / 331, true),
    ROTATE(30, true), BRIGHTNESS(0.9, true), COLOR(0.9, true), CONTRAST(0.9, true), SHARPNESS(0.9, true), POSTERIZE(4, false),
    SOLARIZE(255, false), EQUALIZE(0, false);

    private static final int LEVELS = 256;
    private static final int WHITE = 255;
    private static final float[] GREY = {0.299f, 0.587f, 0.114f};

    private final double strongest;
    private final boolean signed;

    PixelOperation(double strongest, boolean signed) {
        this.strongest = strongest;
        this.signed = signed;
    }

    /** Whether it goes both ways. */
    boolean signed() {
        return signed;
    }

    /**
     * What {@link #apply} takes: a slope, whole pixels, degrees, a change of a factor from 1, bits that are kept, a threshold.
     *
     * @param share 0 to 1, of the strongest
     */
    double strength(double share, int width, int height) {
        return switch (this) {
            case TRANSLATE_X -> (int) (share * strongest * width);
            case TRANSLATE_Y -> (int) (share * strongest * height);
            case POSTERIZE -> 8 - Math.rint(share * strongest);
            case SOLARIZE -> strongest * (1 - share);
            default -> share * strongest;
        };
    }

    /** The changed image; may be the given array. Grey images have no colour to change. */
    float[] apply(float[] image, int channels, int height, int width, double strength) {
        int area = height * width;
        switch (this) {
            case IDENTITY -> { }
            case SHEAR_X -> {
                return sampled(image, height, width, 1, strength, 0, 0, 1, 0);
            }
            case SHEAR_Y -> {
                return sampled(image, height, width, 1, 0, 0, strength, 1, 0);
            }
            case TRANSLATE_X -> {
                return sampled(image, height, width, 1, 0, -strength, 0, 1, 0);
            }
            case TRANSLATE_Y -> {
                return sampled(image, height, width, 1, 0, 0, 0, 1, -strength);
            }
            case ROTATE -> {
                return turned(image, height, width, Math.toRadians(strength));
            }
            case BRIGHTNESS -> blend(image, new float[image.length], strength);
            case COLOR -> blend(image, repeated(grey(image, channels, area), channels), strength);
            case CONTRAST -> {
                float[] flat = new float[image.length];
                Arrays.fill(flat, (float) Math.rint(mean(grey(image, channels, area))));
                blend(image, flat, strength);
            }
            case SHARPNESS -> blend(image, smoothed(image, channels, height, width), strength);
            case POSTERIZE -> {
                int step = 1 << 8 - (int) strength;
                change(image, pixel -> (int) pixel / step * step);
            }
            case SOLARIZE -> change(image, pixel -> pixel >= strength ? WHITE - pixel : pixel);
            case EQUALIZE -> {
                for (int c = 0; c < channels; c++) {
                    equalize(image, c * area, area);
                }
            }
        }
        return image;
    }

    private interface Change {
        float of(float pixel);
    }

    private static void change(float[] image, Change change) {
        for (int i = 0; i < image.length; i++) {
            image[i] = change.of(image[i]);
        }
    }

    /** Away from the other image for a positive strength, towards it for a negative one. */
    private static void blend(float[] image, float[] other, double strength) {
        for (int i = 0; i < image.length; i++) {
            image[i] = (float) Math.clamp(image[i] + strength * (image[i] - other[i]), 0, WHITE);
        }
    }

    private static float[] grey(float[] image, int channels, int area) {
        if (channels != GREY.length) {
            return image;
        }
        float[] grey = new float[area];
        for (int i = 0; i < image.length; i++) {
            grey[i % area] += GREY[i / area] * image[i];
        }
        return grey;
    }

    private static float[] repeated(float[] grey, int channels) {
        if (channels != GREY.length) {
            return grey;
        }
        float[] all = new float[channels * grey.length];
        for (int c = 0; c < channels; c++) {
            System.arraycopy(grey, 0, all, c * grey.length, grey.length);
        }
        return all;
    }

    private static double mean(float[] values) {
        double sum = 0;
        for (float value : values) {
            sum += value;
        }
        return sum / values.length;
    }

    /** Weights 5/13 in the middle and 1/13 around it; the outermost pixels stay. */
    private static float[] smoothed(float[] image, int channels, int height, int width) {
        float[] smooth = image.clone();
        for (int c = 0; c < channels; c++) {
            for (int y = 1; y < height - 1; y++) {
                for (int x = 1; x < width - 1; x++) {
                    int at = (c * height + y) * width + x;
                    float sum = 4 * image[at];
                    for (int row = at - width; row <= at + width; row += width) {
                        sum += image[row - 1] + image[row] + image[row + 1];
                    }
                    smooth[at] = sum / 13;
                }
            }
        }
        return smooth;
    }

    /** Pillow's: the histogram's running sum, in steps of the mean over all levels but the brightest that occurs. */
    private static void equalize(float[] image, int offset, int area) {
        int[] histogram = new int[LEVELS];
        int brightest = 0;
        for (int i = offset; i < offset + area; i++) {
            int level = Math.round(image[i]);
            histogram[level]++;
            brightest = Math.max(brightest, level);
        }
        int step = (area - histogram[brightest]) / WHITE;
        if (step == 0) {
            return;
        }
        int[] table = new int[LEVELS];
        for (int level = 0, sum = step / 2; level < LEVELS; sum += histogram[level++]) {
            table[level] = Math.min(WHITE, sum / step);
        }
        for (int i = offset; i < offset + area; i++) {
            image[i] = table[Math.round(image[i])];
        }
    }

    /** About the image's middle, counter-clockwise. */
    private static float[] turned(float[] image, int height, int width, double angle) {
        double cos = Math.cos(angle);
        double sin = Math.sin(angle);
        double x = (width - 1) / 2.0;
        double y = (height - 1) / 2.0;
        return sampled(image, height, width, cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y);
    }

    /** Pixel (x, y) is the old one at (a·x + b·y + c, d·x + e·y + f), between four pixels where it falls there. */
    private static float[] sampled(float[] image, int height, int width, double a, double b, double c, double d, double e,
            double f) {
        float[] out = new float[image.length];
        for (int y = 0, at = 0; y < height; y++) {
            for (int x = 0; x < width; x++, at++) {
                double fromX = a * x + b * y + c;
                double fromY = d * x + e * y + f;
                int left = (int) Math.floor(fromX);
                int top = (int) Math.floor(fromY);
                float right = (float) (fromX - left);
                float down = (float) (fromY - top);
                for (int plane = 0; plane < image.length; plane += height * width) {
                    float upper = (1 - right) * pixel(image, plane, height, width, top, left)
                            + right * pixel(image, plane, height, width, top, left + 1);
                    float lower = (1 - right) * pixel(image, plane, height, width, top + 1, left)
                            + right * pixel(image, plane, height, width, top + 1, left + 1);
                    out[plane + at] = (1 - down) * upper + down * lower;
                }
            }
        }
        return out;
    }

    private static float pixel(float[] image, int plane, int height, int width, int y, int x) {
        return y < 0 || y >= height || x < 0 || x >= width ? 0 : image[plane + y * width + x];
    }
}

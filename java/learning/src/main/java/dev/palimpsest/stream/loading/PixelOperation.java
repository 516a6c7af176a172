package dev.palimpsest.stream.loading;

/**
 * The operations of {@link RandAugment} on images [C,H,W] of pixels 0..255. Names, strengths and definitions are
 * torchvision's, which are Pillow's; but images that are sheared, shifted or turned are sampled bilinearly instead of
 * at the nearest pixel, as the published MLKD code does, and pixels are not rounded in between. What comes from
 * outside is black.
 */
enum PixelOperation {
    IDENTITY(0, false),
    SHEAR_X(0.3, true),
    SHEAR_Y(0.3, true),
    TRANSLATE_X(150.0 / 331, true),
    TRANSLATE_Y(150.0 / 331, true),
    ROTATE(30, true),
    BRIGHTNESS(0.9, true),
    COLOR(0.9, true),
    CONTRAST(0.9, true),
    SHARPNESS(0.9, true),
    POSTERIZE(4, false),
    SOLARIZE(255, false),
    EQUALIZE(0, false);

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
     * What {@link #apply} takes: a slope, whole pixels, degrees, a change of a factor from 1, bits that are kept, a
     * threshold.
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

    /** Changes the image. Grey images have no colour to change. */
    void apply(Canvas canvas, double strength) {
        float[] image = canvas.pixels();
        switch (this) {
            case IDENTITY -> {}
            case SHEAR_X -> canvas.sample(1, strength, 0, 0, 1, 0);
            case SHEAR_Y -> canvas.sample(1, 0, 0, strength, 1, 0);
            case TRANSLATE_X -> canvas.move((int) strength, 0);
            case TRANSLATE_Y -> canvas.move(0, (int) strength);
            case ROTATE -> turn(canvas, Math.toRadians(strength));
            case BRIGHTNESS -> blend(image, 0, strength);
            case COLOR -> colour(canvas, strength);
            case CONTRAST -> blend(image, (float) Math.rint(mean(grey(canvas))), strength);
            case SHARPNESS -> {
                smooth(canvas);
                blend(image, 0, canvas.spare(), 0, image.length, strength);
            }
            case POSTERIZE -> posterize(image, 8 - (int) strength);
            case SOLARIZE -> solarize(image, strength);
            case EQUALIZE -> {
                for (int c = 0; c < canvas.channels(); c++) {
                    equalize(image, c * canvas.area(), canvas.area());
                }
            }
        }
    }

    /** Sets this many low bits to zero. */
    private static void posterize(float[] image, int bits) {
        for (int i = 0; i < image.length; i++) {
            image[i] = (int) image[i] >> bits << bits;
        }
    }

    private static void solarize(float[] image, double threshold) {
        for (int i = 0; i < image.length; i++) {
            image[i] = image[i] >= threshold ? WHITE - image[i] : image[i];
        }
    }

    /** Away from the other value for a positive strength, towards it for a negative one. */
    private static void blend(float[] image, float other, double strength) {
        for (int i = 0; i < image.length; i++) {
            image[i] = (float) Math.min(Math.max(image[i] + strength * (image[i] - other), 0), WHITE);
        }
    }

    /** The same, of so many pixels of two images. */
    private static void blend(float[] image, int offset, float[] other, int otherOffset, int count, double strength) {
        for (int i = 0; i < count; i++) {
            float pixel = image[offset + i];
            image[offset + i] =
                    (float) Math.min(Math.max(pixel + strength * (pixel - other[otherOffset + i]), 0), WHITE);
        }
    }

    private static void colour(Canvas canvas, double strength) {
        float[] grey = grey(canvas);
        int count = canvas.channels() == GREY.length ? canvas.area() : grey.length;
        for (int offset = 0; offset < canvas.pixels().length; offset += count) {
            blend(canvas.pixels(), offset, grey, 0, count, strength);
        }
    }

    /** The image without colour: a plane, or the image itself if it has none. */
    private static float[] grey(Canvas canvas) {
        float[] image = canvas.pixels();
        if (canvas.channels() != GREY.length) {
            return image;
        }
        float[] grey = canvas.plane();
        int area = canvas.area();
        for (int i = 0; i < area; i++) {
            grey[i] = GREY[0] * image[i] + GREY[1] * image[area + i] + GREY[2] * image[2 * area + i];
        }
        return grey;
    }

    private static double mean(float[] values) {
        double sum = 0;
        for (float value : values) {
            sum += value;
        }
        return sum / values.length;
    }

    /** Into the spare room: weights 5/13 in the middle and 1/13 around it; the outermost pixels stay. */
    private static void smooth(Canvas canvas) {
        float[] image = canvas.pixels();
        float[] smooth = canvas.spare();
        int width = canvas.width();
        System.arraycopy(image, 0, smooth, 0, image.length);
        for (int row = 0; row < canvas.channels() * canvas.height(); row++) {
            int y = row % canvas.height();
            if (y > 0 && y < canvas.height() - 1) {
                for (int at = row * width + 1; at < (row + 1) * width - 1; at++) {
                    float above = image[at - width - 1] + image[at - width] + image[at - width + 1];
                    float level = image[at - 1] + image[at] + image[at + 1];
                    float below = image[at + width - 1] + image[at + width] + image[at + width + 1];
                    smooth[at] = (4 * image[at] + above + level + below) / 13;
                }
            }
        }
    }

    /** Pillow's: the histogram's running sum, in steps of the mean over all levels but the brightest that occurs. */
    private static void equalize(float[] image, int offset, int area) {
        int[] histogram = new int[LEVELS];
        for (int i = offset; i < offset + area; i++) {
            histogram[level(image[i])]++;
        }
        int brightest = LEVELS - 1;
        while (histogram[brightest] == 0) {
            brightest--;
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
            image[i] = table[level(image[i])];
        }
    }

    /** Rounded, halves up. The sum has to be a double: of floats it would round 0.49999997 up. */
    private static int level(float pixel) {
        return (int) (pixel + 0.5);
    }

    /** About the image's middle, counter-clockwise. */
    private static void turn(Canvas canvas, double angle) {
        double cos = Math.cos(angle);
        double sin = Math.sin(angle);
        double x = (canvas.width() - 1) / 2.0;
        double y = (canvas.height() - 1) / 2.0;
        canvas.sample(cos, -sin, x - cos * x + sin * y, sin, cos, y - sin * x - cos * y);
    }
}

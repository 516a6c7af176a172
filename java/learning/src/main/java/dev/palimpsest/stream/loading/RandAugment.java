package dev.palimpsest.stream.loading;

import dev.palimpsest.data.Images;
import dev.palimpsest.internal.SplitMix64;

/**
 * RandAugment (Cubuk, Zoph, Shlens, Le 2020): some operations, drawn with replacement for each image, all of one
 * magnitude. The 13 {@link PixelOperation}s are those of the published MLKD code: torchvision's without AutoContrast;
 * magnitudes are torchvision's. That code draws the operations once for a batch and leaves their strength within wider
 * ranges (a shear of up to 180°) to its library; here each image has its own, of the magnitude asked for.
 *
 * @param operations of each image; 0 changes nothing
 * @param magnitude 0 to 30 (torchvision's 31 steps); how far each operation goes
 */
record RandAugment(int operations, int magnitude) {
    private static final int LAST_MAGNITUDE = 30;
    private static final float WHITE = 255;
    private static final PixelOperation[] ALL = PixelOperation.values();

    /** Changes an image whose pixels are bytes, and normalises it. */
    void apply(Images images, SplitMix64 random, Canvas canvas) {
        double scale = WHITE / Math.max(1, images.brightest());
        if (scale != 1) {
            scale(canvas.pixels(), scale);
        }
        for (int n = 0; n < operations; n++) {
            PixelOperation operation = ALL[random.nextInt(ALL.length)];
            double strength = operation.strength(magnitude / (double) LAST_MAGNITUDE, images.width(), images.height());
            operation.apply(canvas, operation.signed() && random.nextInt(2) == 1 ? -strength : strength);
        }
        for (int c = 0; c < canvas.channels(); c++) {
            normalise(
                    canvas.pixels(),
                    c * canvas.area(),
                    canvas.area(),
                    scale,
                    images.normalisation().mean(c),
                    images.normalisation().deviation(c));
        }
    }

    private static void scale(float[] pixels, double scale) {
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (float) (pixels[i] * scale);
        }
    }

    private static void normalise(float[] pixels, int offset, int count, double scale, double mean, double deviation) {
        if (scale == 1) {
            for (int i = offset; i < offset + count; i++) {
                pixels[i] = (float) ((pixels[i] - mean) / deviation);
            }
            return;
        }
        for (int i = offset; i < offset + count; i++) {
            pixels[i] = (float) ((pixels[i] / scale - mean) / deviation);
        }
    }
}

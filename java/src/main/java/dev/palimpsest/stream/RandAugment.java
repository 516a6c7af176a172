package dev.palimpsest.stream;

import dev.palimpsest.data.Images;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * RandAugment (Cubuk, Zoph, Shlens, Le 2020): some operations, drawn with replacement for each image, all of one magnitude. The 13
 * {@link PixelOperation}s are those of the published MLKD code: torchvision's without AutoContrast; magnitudes are torchvision's. That code
 * draws the operations once for a batch and leaves their strength within wider ranges (a shear of up to 180°) to its library; here each
 * image has its own, of the magnitude asked for.
 *
 * @param operations of each image; 0 changes nothing
 * @param magnitude 0 to 30 (torchvision's 31 steps); how far each operation goes
 */
record RandAugment(int operations, int magnitude) {
    private static final int LAST_MAGNITUDE = 30;
    private static final float WHITE = 255;

    RandAugment {
        if (operations < 0 || operations > 20 || magnitude < 0 || magnitude > LAST_MAGNITUDE) {
            throw new IllegalArgumentException("rand:" + operations + ":" + magnitude + " cannot be: expected 0 to 20 operations and a "
                    + "magnitude from 0 to " + LAST_MAGNITUDE);
        }
    }

    /** Changes a normalised image [C,H,W] in place; the offset is in floats. Its pixels are taken for 0 to the images' brightest. */
    void apply(Images images, SplitMix64 random, MemorySegment memory, long offset) {
        if (operations == 0) {
            return;
        }
        int area = images.height() * images.width();
        double scale = WHITE / Math.max(1, images.brightest());
        double[] mean = images.normalisation().mean();
        double[] deviation = images.normalisation().deviation();
        float[] pixels = new float[images.valuesPerImage()];
        for (int i = 0; i < pixels.length; i++) {
            double byteValue = memory.getAtIndex(ValueLayout.JAVA_FLOAT, offset + i) * deviation[i / area] + mean[i / area];
            pixels[i] = (float) (Math.rint(byteValue) * scale);
        }
        PixelOperation[] all = PixelOperation.values();
        for (int n = 0; n < operations; n++) {
            PixelOperation operation = all[random.nextInt(all.length)];
            double strength = operation.strength(magnitude / (double) LAST_MAGNITUDE, images.width(), images.height());
            pixels = operation.apply(pixels, images.channels(), images.height(), images.width(),
                    operation.signed() && random.nextInt(2) == 1 ? -strength : strength);
        }
        for (int i = 0; i < pixels.length; i++) {
            float value = (float) ((pixels[i] / scale - mean[i / area]) / deviation[i / area]);
            memory.setAtIndex(ValueLayout.JAVA_FLOAT, offset + i, value);
        }
    }
}

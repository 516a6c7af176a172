package dev.palimpsest.data;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * What turns a pixel byte p of channel c into a float32: {@code (p − mean[c]) / deviation[c]}, in pixel units (0..255,
 * or 0..16 for digits). Mean and standard deviation (of the population) are taken over every pixel of the training
 * images, so nothing of the test images leaks in. A channel that never changes has deviation 1. Immutable, if the
 * arrays that the accessors return are left alone.
 *
 * @param mean [C], mean of each channel in pixel units; copied from the caller's array
 * @param deviation [C], standard deviation of each channel in pixel units, positive; copied from the caller's array
 */
public record Normalisation(double[] mean, double[] deviation) {
    static final int LEVELS = 256;

    /**
     * Checks and copies the statistics.
     *
     * @throws IllegalArgumentException if the lengths differ or are 0, or a deviation is not positive
     */
    public Normalisation {
        if (mean.length != deviation.length || mean.length == 0) {
            throw new IllegalArgumentException(
                    "expected as many means as deviations, got " + mean.length + " and " + deviation.length);
        }
        for (double d : deviation) {
            if (!(d > 0)) {
                throw new IllegalArgumentException("a standard deviation must be positive, got " + d);
            }
        }
        mean = mean.clone();
        deviation = deviation.clone();
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof Normalisation same
                && Arrays.equals(mean, same.mean)
                && Arrays.equals(deviation, same.deviation);
    }

    @Override
    public int hashCode() {
        return 31 * Arrays.hashCode(mean) + Arrays.hashCode(deviation);
    }

    /**
     * The statistics of images in CHW order.
     *
     * @param area height × width
     * @param images channels × area unsigned bytes each
     */
    static Normalisation of(int channels, int area, Pixels images) {
        long[] sum = new long[channels];
        long[] squares = new long[channels];
        // Whole numbers: exact, whatever the order. 2^31 images of 2^12 pixels × 255² stay below 2^63.
        for (int i = 0; i < images.images(); i++) {
            byte[] pixels = images.of(i);
            for (int c = 0; c < channels; c++) {
                long ownSum = 0;
                long ownSquares = 0;
                for (int at = c * area; at < (c + 1) * area; at++) {
                    int pixel = Byte.toUnsignedInt(pixels[at]);
                    ownSum += pixel;
                    ownSquares += (long) pixel * pixel;
                }
                sum[c] += ownSum;
                squares[c] += ownSquares;
            }
        }
        double count = (double) images.images() * area;
        double[] mean = new double[channels];
        double[] deviation = new double[channels];
        for (int c = 0; c < channels; c++) {
            mean[c] = sum[c] / count;
            double variance = squares[c] / count - mean[c] * mean[c];
            deviation[c] = variance > 0 ? Math.sqrt(variance) : 1;
        }
        return new Normalisation(mean, deviation);
    }

    /**
     * The mean that is subtracted from the pixels of a channel.
     *
     * @param channel from 0
     * @return mean in pixel units
     */
    public double mean(int channel) {
        return mean[channel];
    }

    /**
     * The standard deviation that the pixels of a channel are divided by.
     *
     * @param channel from 0
     * @return standard deviation in pixel units, positive
     */
    public double deviation(int channel) {
        return deviation[channel];
    }

    int channels() {
        return mean.length;
    }

    /** float32 value of every (channel, byte), at {@code channel * 256 + byte}. */
    float[] table() {
        float[] table = new float[channels() * LEVELS];
        for (int i = 0; i < table.length; i++) {
            table[i] = (float) ((i % LEVELS - mean[i / LEVELS]) / deviation[i / LEVELS]);
        }
        return table;
    }
}

package dev.palimpsest.stream.loading;

import dev.palimpsest.data.Images;
import java.util.Arrays;

/**
 * An image [C,H,W] of pixels 0..255 that is being changed, and room to change it in, taken once. Not thread-safe; make
 * one per thread.
 */
final class Canvas {
    private final int channels;
    private final int height;
    private final int width;
    private float[] pixels;
    private float[] spare;
    private final float[] plane;
    private final int[] lefts;
    private final int[] tops;
    private final float[] rights;
    private final float[] downs;

    Canvas(int channels, int height, int width) {
        this.channels = channels;
        this.height = height;
        this.width = width;
        pixels = new float[channels * height * width];
        spare = new float[pixels.length];
        plane = new float[height * width];
        lefts = new int[width];
        tops = new int[width];
        rights = new float[width];
        downs = new float[width];
    }

    /** For images of this size. */
    static Canvas of(Images images) {
        return new Canvas(images.channels(), images.height(), images.width());
    }

    int channels() {
        return channels;
    }

    int height() {
        return height;
    }

    int width() {
        return width;
    }

    int area() {
        return height * width;
    }

    /** The image; another array after {@link #turnOver}. */
    float[] pixels() {
        return pixels;
    }

    /** Room for another image, which holds anything. */
    float[] spare() {
        return spare;
    }

    /** Room for one channel, which holds anything. */
    float[] plane() {
        return plane;
    }

    /** What is in the spare room is the image from now on. */
    void turnOver() {
        float[] old = pixels;
        pixels = spare;
        spare = old;
    }

    /**
     * Samples the image anew: pixel (x, y) becomes the old one at (a·x + b·y + c, d·x + e·y + f), between four pixels
     * where it falls there. What comes from outside is black.
     */
    void sample(double a, double b, double c, double d, double e, double f) {
        for (int y = 0; y < height; y++) {
            boolean betweenRows = false;
            double rowX = b * y;
            double rowY = e * y;
            for (int x = 0; x < width; x++) {
                double fromX = a * x + rowX + c;
                double fromY = d * x + rowY + f;
                lefts[x] = (int) Math.floor(fromX);
                tops[x] = (int) Math.floor(fromY);
                rights[x] = (float) (fromX - lefts[x]);
                downs[x] = (float) (fromY - tops[x]);
                betweenRows |= downs[x] != 0;
            }
            // Along a row both coordinates rise, or fall, all the way: those of pixels with all their neighbours are
            // together.
            int bottom = betweenRows ? height - 1 : height;
            int begin = 0;
            while (begin < width && !hasNeighbours(begin, bottom)) {
                begin++;
            }
            int end = begin;
            while (end < width && hasNeighbours(end, bottom)) {
                end++;
            }
            for (int offset = 0; offset < pixels.length; offset += area()) {
                edge(offset, y, 0, begin);
                if (betweenRows) {
                    betweenFour(offset, y, begin, end);
                } else {
                    betweenTwo(offset, y, begin, end);
                }
                edge(offset, y, end, width);
            }
        }
        turnOver();
    }

    private boolean hasNeighbours(int x, int bottom) {
        return lefts[x] >= 0 && lefts[x] < width - 1 && tops[x] >= 0 && tops[x] < bottom;
    }

    private void betweenFour(int offset, int y, int begin, int end) {
        for (int x = begin; x < end; x++) {
            int at = offset + tops[x] * width + lefts[x];
            float right = rights[x];
            float down = downs[x];
            float upper = (1 - right) * pixels[at] + right * pixels[at + 1];
            float lower = (1 - right) * pixels[at + width] + right * pixels[at + width + 1];
            spare[offset + y * width + x] = (1 - down) * upper + down * lower;
        }
    }

    private void betweenTwo(int offset, int y, int begin, int end) {
        for (int x = begin; x < end; x++) {
            int at = offset + tops[x] * width + lefts[x];
            spare[offset + y * width + x] = (1 - rights[x]) * pixels[at] + rights[x] * pixels[at + 1];
        }
    }

    private void edge(int offset, int y, int begin, int end) {
        for (int x = begin; x < end; x++) {
            float right = rights[x];
            float upper = (1 - right) * pixel(offset, tops[x], lefts[x]) + right * pixel(offset, tops[x], lefts[x] + 1);
            float lower = (1 - right) * pixel(offset, tops[x] + 1, lefts[x])
                    + right * pixel(offset, tops[x] + 1, lefts[x] + 1);
            spare[offset + y * width + x] = (1 - downs[x]) * upper + downs[x] * lower;
        }
    }

    private float pixel(int offset, int y, int x) {
        return y < 0 || y >= height || x < 0 || x >= width ? 0 : pixels[offset + y * width + x];
    }

    /** Moves the image by whole pixels. What comes from outside is black. */
    void move(int right, int down) {
        Arrays.fill(spare, 0);
        int from = Math.max(0, -right);
        int to = Math.max(0, right);
        int count = width - Math.abs(right);
        for (int row = 0; count > 0 && row < channels * height; row++) {
            int y = row % height + down;
            if (y >= 0 && y < height) {
                System.arraycopy(pixels, row * width + from, spare, (row + down) * width + to, count);
            }
        }
        turnOver();
    }
}

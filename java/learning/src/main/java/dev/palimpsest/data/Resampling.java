package dev.palimpsest.data;

/**
 * Makes a square plane of bytes larger or smaller. Shrinking averages the area that each new pixel covers, enlarging
 * is bilinear; the same weights go along rows and then along columns, and only the end is rounded.
 */
final class Resampling {
    private final int from;
    private final int to;
    private final int[] first;
    private final float[][] weights;

    Resampling(int from, int to) {
        this.from = from;
        this.to = to;
        first = new int[to];
        weights = new float[to][];
        double scale = (double) from / to;
        for (int i = 0; i < to; i++) {
            if (scale > 1) {
                area(i, scale);
            } else {
                bilinear(i, scale);
            }
        }
    }

    private void area(int i, double scale) {
        double begin = i * scale;
        double end = Math.min(from, begin + scale);
        first[i] = (int) begin;
        weights[i] = new float[(int) Math.ceil(end) - first[i]];
        for (int j = 0; j < weights[i].length; j++) {
            int pixel = first[i] + j;
            weights[i][j] = (float) ((Math.min(end, pixel + 1) - Math.max(begin, pixel)) / (end - begin));
        }
    }

    private void bilinear(int i, double scale) {
        double centre = Math.clamp((i + 0.5) * scale - 0.5, 0, from - 1);
        first[i] = Math.min((int) centre, Math.max(0, from - 2));
        float right = (float) (centre - first[i]);
        weights[i] = from == 1 ? new float[] {1} : new float[] {1 - right, right};
    }

    /**
     * Resamples one plane.
     *
     * @param offset of the square's first pixel in {@code in}
     * @param stride from row to row in {@code in}
     */
    void apply(byte[] in, int offset, int stride, byte[] out, int outOffset) {
        float[] rows = new float[from * to];
        for (int y = 0; y < from; y++) {
            for (int x = 0; x < to; x++) {
                float sum = 0;
                for (int j = 0; j < weights[x].length; j++) {
                    sum += weights[x][j] * Byte.toUnsignedInt(in[offset + y * stride + first[x] + j]);
                }
                rows[y * to + x] = sum;
            }
        }
        for (int y = 0; y < to; y++) {
            for (int x = 0; x < to; x++) {
                float sum = 0;
                for (int j = 0; j < weights[y].length; j++) {
                    sum += weights[y][j] * rows[(first[y] + j) * to + x];
                }
                out[outOffset + y * to + x] = (byte) Math.clamp(Math.round(sum), 0, 255);
            }
        }
    }
}

package dev.palimpsest.kernel.passes;

import static dev.palimpsest.kernel.passes.Winograd.BLOCK;
import static dev.palimpsest.kernel.passes.Winograd.FREQUENCIES;
import static dev.palimpsest.kernel.passes.Winograd.TAPS;
import static java.lang.foreign.ValueLayout.JAVA_FLOAT_UNALIGNED;

import dev.palimpsest.kernel.passes.Winograd.Geometry;
import dev.palimpsest.kernel.passes.Winograd.Operands;
import java.lang.foreign.MemorySegment;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** {@link Winograd} in plain Java: the executable specification. */
final class JavaWinograd {
    /** One of winograd.md's matrices, which is applied to a vector. */
    private interface Transform {
        float[] of(float[] column);
    }

    private final Geometry geometry;
    private final Operands of;

    private JavaWinograd(Geometry geometry, Operands of) {
        this.geometry = geometry;
        this.of = of;
    }

    /** The pass over all of its parts. */
    static void run(Geometry geometry, Operands operands, int parts) {
        JavaWinograd pass = new JavaWinograd(geometry, operands);
        for (int i = 0; i < parts; i++) {
            switch (operands.pass()) {
                case WEIGHTS -> pass.transformWeights(i);
                case CONVOLVE -> pass.convolve(i);
                case GRADIENT -> pass.gradient(i);
                case ADD -> pass.add(i);
            }
        }
    }

    private static float get(@Nullable MemorySegment segment, long index) {
        return Objects.requireNonNull(segment).getAtIndex(JAVA_FLOAT_UNALIGNED, index);
    }

    private void set(long index, float value) {
        of.out().setAtIndex(JAVA_FLOAT_UNALIGNED, index, value);
    }

    /** Applied to the columns of a tile, then to its rows. */
    private static float[][] twice(Transform transform, float[][] tile) {
        return alongRows(transform, transposed(alongRows(transform, transposed(tile))));
    }

    private static float[][] alongRows(Transform transform, float[][] rows) {
        float[][] result = new float[rows.length][];
        for (int i = 0; i < rows.length; i++) {
            result[i] = transform.of(rows[i]);
        }
        return result;
    }

    private static float[][] transposed(float[][] rows) {
        float[][] result = new float[rows[0].length][rows.length];
        for (int i = 0; i < rows.length; i++) {
            for (int j = 0; j < rows[i].length; j++) {
                result[j][i] = rows[i][j];
            }
        }
        return result;
    }

    /** Bᵀd. */
    private static float[] input(float[] d) {
        return new float[] {d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]};
    }

    /** Gg. */
    private static float[] weights(float[] g) {
        float outer = g[0] + g[2];
        return new float[] {g[0], (outer + g[1]) * 0.5f, (outer - g[1]) * 0.5f, g[2]};
    }

    /** Aᵀm. */
    private static float[] output(float[] m) {
        return new float[] {(m[0] + m[1]) + m[2], (m[1] - m[2]) - m[3]};
    }

    /** Ag. */
    private static float[] outputGradient(float[] g) {
        return new float[] {g[0], g[0] + g[1], g[0] - g[1], 0 - g[1]};
    }

    /** Gᵀm. */
    private static float[] weightGradient(float[] m) {
        float both = (m[1] + m[2]) * 0.5f;
        return new float[] {m[0] + both, (m[1] - m[2]) * 0.5f, both + m[3]};
    }

    /** Of a channel of an activation. */
    private long index(int image, int channel, int channels, int y, int x) {
        long block = (long) image * (channels / BLOCK) + channel / BLOCK;
        return ((block * geometry.height() + y) * geometry.width() + x) * BLOCK + channel % BLOCK;
    }

    private boolean inside(int y, int x) {
        return y >= 0 && y < geometry.height() && x >= 0 && x < geometry.width();
    }

    private float[][] tile(
            @Nullable MemorySegment from, int channels, int image, int channel, int top, int left, int side) {
        float[][] tile = new float[side][side];
        for (int y = 0; y < side; y++) {
            for (int x = 0; x < side; x++) {
                tile[y][x] =
                        inside(top + y, left + x) ? get(from, index(image, channel, channels, top + y, left + x)) : 0;
            }
        }
        return tile;
    }

    private float[][] inputTile(int image, int channel, int row, int column) {
        return twice(
                JavaWinograd::input, tile(of.x(), geometry.inputs(), image, channel, 2 * row - 1, 2 * column - 1, 4));
    }

    /** Of an output and an input, in a matrix [outputs / 16, inputs, 16]. */
    private long pair(int output, int input) {
        return ((long) (output / BLOCK) * geometry.inputs() + input) * BLOCK + output % BLOCK;
    }

    private long values() {
        return (long) geometry.inputs() * geometry.outputs();
    }

    private void transformWeights(int block) {
        for (int k = block * BLOCK; k < (block + 1) * BLOCK; k++) {
            for (int c = 0; c < geometry.inputs(); c++) {
                long from = of.flipped() ? (long) c * geometry.outputs() + k : (long) k * geometry.inputs() + c;
                float[][] kernel = new float[3][3];
                for (int i = 0; i < TAPS; i++) {
                    kernel[i / 3][i % 3] = get(of.x(), from * TAPS + (of.flipped() ? TAPS - 1 - i : i));
                }
                float[][] transformed = twice(JavaWinograd::weights, kernel);
                for (int f = 0; f < FREQUENCIES; f++) {
                    set(f * values() + pair(k, c), transformed[f / 4][f % 4]);
                }
            }
        }
    }

    private void convolve(int image) {
        for (int row = 0; 2 * row < geometry.height(); row++) {
            for (int column = 0; 2 * column < geometry.width(); column++) {
                float[][][] tiles = new float[geometry.inputs()][][];
                for (int c = 0; c < geometry.inputs(); c++) {
                    tiles[c] = inputTile(image, c, row, column);
                }
                for (int k = 0; k < geometry.outputs(); k++) {
                    float[][] sums = new float[4][4];
                    for (int f = 0; f < FREQUENCIES; f++) {
                        for (int c = 0; c < geometry.inputs(); c++) {
                            float weight = get(of.transformed(), f * values() + pair(k, c));
                            sums[f / 4][f % 4] = Math.fma(tiles[c][f / 4][f % 4], weight, sums[f / 4][f % 4]);
                        }
                    }
                    write(image, k, row, column, twice(JavaWinograd::output, sums));
                }
            }
        }
    }

    private void write(int image, int k, int row, int column, float[][] tile) {
        for (int y = 0; y < 2; y++) {
            for (int x = 0; x < 2; x++) {
                if (inside(2 * row + y, 2 * column + x)) {
                    long i = index(image, k, geometry.outputs(), 2 * row + y, 2 * column + x);
                    float value = of.bias() == null ? tile[y][x] : tile[y][x] + get(of.bias(), k);
                    if (of.residual() != null) {
                        value += get(of.residual(), i);
                    }
                    set(i, of.relu() ? Elementwise.relu(value) : value);
                }
            }
        }
    }

    private void gradient(int part) {
        int end = Math.min(geometry.images(), (part + 1) * of.part());
        for (int k = 0; k < geometry.outputs(); k++) {
            for (int c = 0; c < geometry.inputs(); c++) {
                float[][] sums = new float[4][4];
                for (int image = part * of.part(); image < end; image++) {
                    addTiles(image, k, c, sums);
                }
                float[][] kernel = twice(JavaWinograd::weightGradient, sums);
                for (int i = 0; i < TAPS; i++) {
                    set((part * (long) TAPS + i) * values() + pair(k, c), kernel[i / 3][i % 3]);
                }
            }
        }
    }

    private void addTiles(int image, int k, int c, float[][] sums) {
        for (int row = 0; 2 * row < geometry.height(); row++) {
            for (int column = 0; 2 * column < geometry.width(); column++) {
                float[][] x = inputTile(image, c, row, column);
                float[][] g = twice(
                        JavaWinograd::outputGradient,
                        tile(of.gradient(), geometry.outputs(), image, k, 2 * row, 2 * column, 2));
                for (int f = 0; f < FREQUENCIES; f++) {
                    sums[f / 4][f % 4] = Math.fma(x[f / 4][f % 4], g[f / 4][f % 4], sums[f / 4][f % 4]);
                }
            }
        }
    }

    private void add(int block) {
        for (int k = block * BLOCK; k < (block + 1) * BLOCK; k++) {
            for (int c = 0; c < geometry.inputs(); c++) {
                for (int i = 0; i < TAPS; i++) {
                    long to = ((long) k * geometry.inputs() + c) * TAPS + i;
                    set(to, get(of.out(), to) + get(of.x(), i * values() + pair(k, c)));
                }
            }
        }
    }
}

package dev.palimpsest.gaussian;

import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.stream.IntStream;

/**
 * A scatter in less memory: the root of its diagonal, and the first columns of a Cholesky factor L of its correlations.
 * S = D·(L·Lᵀ + R)·D, where R brings the diagonal of L·Lᵀ to 1. No row of L is longer than 1, so a byte per value will
 * do, and whatever the rounding S has no negative eigenvalue.
 *
 * <p>Below half of all columns each next one is of the dimension that the ones before explain least (pivoted Cholesky,
 * Harbrecht, Peters, Schneider 2012), [d][rank]; what S has in common with these dimensions is whole, and of the others
 * R has the correlations that all classes share, given the same dimensions. From half of the columns on L is whole, its
 * lower half row by row, which takes less, and R is diagonal.
 *
 * @param root of the diagonal, d values
 * @param values of L, float64, or whole 127ths
 * @param pivots the dimensions of the columns; empty where L is whole
 */
record ScatterFactor(float[] root, double[] values, int[] pivots, int bits) {
    private static final String PIVOTS = "pivots.";
    private static final String ROOT = "root.";
    private static final String FACTOR = "factor.";
    private static final double LARGEST = Byte.MAX_VALUE;
    /** What is left of a correlation of 1 by rounding. */
    private static final double NOTHING = 1e-12;

    /** @param scatter lower half with the diagonal, row by row */
    static ScatterFactor of(double[] scatter, int dims, Storage storage) {
        float[] root = new float[dims];
        for (int d = 0; d < dims; d++) {
            root[d] = (float) Math.sqrt(scatter[d * (d + 1) / 2 + d]);
        }
        double[][] correlations = correlations(scatter, dims);
        boolean whole = whole(storage, dims);
        int[] pivots = whole ? inOrder(dims) : pivots(correlations, storage.rank());
        double[][] l = cholesky(correlations, pivots);
        double[] values = new double[length(whole, dims, pivots.length)];
        int at = 0;
        for (int i = 0; i < dims; i++) {
            for (int j = 0; j < (whole ? i + 1 : pivots.length); j++) {
                values[at++] = storage.bits() == Byte.SIZE ? Math.rint(LARGEST * l[i][j]) / LARGEST : l[i][j];
            }
        }
        return new ScatterFactor(root, values, whole ? new int[0] : pivots, storage.bits());
    }

    private static boolean whole(Storage storage, int dims) {
        return storage.rank() > dims / 2;
    }

    private static int length(boolean whole, int dims, int rank) {
        return whole ? dims * (dims + 1) / 2 : dims * rank;
    }

    private static int[] inOrder(int dims) {
        return IntStream.range(0, dims).toArray();
    }

    /** 0 beside and on the diagonal where a dimension never varied. */
    private static double[][] correlations(double[] scatter, int dims) {
        double[][] r = new double[dims][dims];
        for (int i = 0, row = 0; i < dims; row += ++i) {
            for (int j = 0; j <= i; j++) {
                double scale = Math.sqrt(scatter[row + i] * scatter[j * (j + 1) / 2 + j]);
                r[i][j] = scale > 0 ? scatter[row + j] / scale : 0;
                r[j][i] = r[i][j];
            }
        }
        return r;
    }

    /** The dimensions that are explained least by those before. */
    private static int[] pivots(double[][] r, int rank) {
        int[] pivots = new int[rank];
        double[] left = left(r, new double[r.length][0]);
        for (int j = 0; j < rank; j++) {
            for (int i = 1; i < left.length; i++) {
                pivots[j] = left[i] > left[pivots[j]] ? i : pivots[j];
            }
            left = left(r, cholesky(r, Arrays.copyOf(pivots, j + 1)));
        }
        return pivots;
    }

    /** A column for each pivot; zeros where the pivots before explain all of it. */
    private static double[][] cholesky(double[][] r, int[] pivots) {
        int dims = r.length;
        double[][] l = new double[dims][pivots.length];
        for (int j = 0; j < pivots.length; j++) {
            double[] left = left(r, l);
            double pivot = left[pivots[j]];
            for (int i = 0; pivot > NOTHING && i < dims; i++) {
                double value = r[i][pivots[j]];
                for (int t = 0; t < j; t++) {
                    value -= l[i][t] * l[pivots[j]][t];
                }
                l[i][j] = left[i] > NOTHING ? value / Math.sqrt(pivot) : 0;
            }
        }
        return l;
    }

    /** What L·Lᵀ lacks on the diagonal. */
    private static double[] left(double[][] r, double[][] l) {
        double[] left = new double[r.length];
        for (int i = 0; i < left.length; i++) {
            left[i] = r[i][i];
            for (double value : l[i]) {
                left[i] -= value * value;
            }
        }
        return left;
    }

    /** L with rows of a length of at most 1. */
    private double[][] rows() {
        int dims = root.length;
        boolean whole = pivots.length == 0;
        double[][] l = new double[dims][whole ? dims : pivots.length];
        int at = 0;
        for (int i = 0; i < dims; i++) {
            double squares = 0;
            for (int j = 0; j < (whole ? i + 1 : pivots.length); j++) {
                l[i][j] = values[at++];
                squares += l[i][j] * l[i][j];
            }
            for (int j = 0; squares > 1 && j < l[i].length; j++) {
                l[i][j] /= Math.sqrt(squares);
            }
        }
        return l;
    }

    /**
     * The scatter that this stands for.
     *
     * @param shared scatter of all classes, of any scale; empty: R is diagonal
     * @return lower half with the diagonal, row by row
     */
    double[] scatter(double[] shared) {
        int dims = root.length;
        double[][] l = rows();
        double[][] rest = pivots.length == 0 || shared.length == 0 ? new double[dims][dims] : rest(l, shared);
        double[] scatter = new double[dims * (dims + 1) / 2];
        for (int i = 0, row = 0; i < dims; row += ++i) {
            for (int j = 0; j < i; j++) {
                double sum = rest[i][j];
                for (int t = 0; t < l[i].length; t++) {
                    sum += l[i][t] * l[j][t];
                }
                scatter[row + j] = sum * root[i] * root[j];
            }
            scatter[row + i] = (double) root[i] * root[i];
        }
        return scatter;
    }

    /** R without its diagonal: the shared correlations given the pivots, as strong as what L·Lᵀ lacks. */
    private double[][] rest(double[][] l, double[] shared) {
        int dims = root.length;
        double[][] r = correlations(shared, dims);
        double[][] common = cholesky(r, pivots);
        double[] explained = left(r, common);
        double[] scale = new double[dims];
        for (int i = 0; i < dims; i++) {
            double lacks = 1;
            for (double value : l[i]) {
                lacks -= value * value;
            }
            scale[i] = explained[i] > NOTHING ? Math.sqrt(Math.max(0, lacks) / explained[i]) : 0;
        }
        double[][] rest = new double[dims][dims];
        for (int i = 0; i < dims; i++) {
            for (int j = 0; j < i; j++) {
                double value = r[i][j];
                for (int t = 0; t < pivots.length; t++) {
                    value -= common[i][t] * common[j][t];
                }
                rest[i][j] = scale[i] * scale[j] * value;
            }
        }
        return rest;
    }

    long bytes() {
        return (long) Float.BYTES * root.length
                + (long) bits / Byte.SIZE * values.length
                + (long) Integer.BYTES * pivots.length;
    }

    void write(SafetensorsWriter file, String prefix, int network) {
        file.add(prefix + ROOT + network, Shape.of(root.length), root);
        if (pivots.length > 0) {
            file.add(prefix + PIVOTS + network, Shape.of(pivots.length), pivots);
        }
        if (bits == Byte.SIZE) {
            byte[] bytes = new byte[values.length];
            for (int i = 0; i < bytes.length; i++) {
                bytes[i] = (byte) Math.rint(LARGEST * values[i]);
            }
            file.add(
                    prefix + FACTOR + network,
                    Safetensors.Type.U8,
                    Shape.of(bytes.length),
                    MemorySegment.ofArray(bytes));
        } else {
            file.add(prefix + FACTOR + network, Shape.of(values.length), values);
        }
    }

    /**
     * What {@link #write} added.
     *
     * @throws IllegalArgumentException if sizes do not fit or a value is none of a factor's
     */
    static ScatterFactor read(Safetensors file, String prefix, int network, int dims, Storage storage) {
        boolean whole = whole(storage, dims);
        float[] root = file.floats(prefix + ROOT + network);
        double[] values = values(file, prefix + FACTOR + network, storage.bits());
        int[] pivots = whole ? new int[0] : file.ints(prefix + PIVOTS + network);
        boolean fits = root.length == dims
                && values.length == length(whole, dims, storage.rank())
                && pivots.length == (whole ? 0 : storage.rank())
                && Arrays.stream(pivots).allMatch(pivot -> pivot >= 0 && pivot < dims);
        if (!fits) {
            throw new IllegalArgumentException("it has a scatter of another rank or size: " + root.length
                    + " deviations, " + values.length + " values and the pivots " + Arrays.toString(pivots) + " for "
                    + dims + " dimensions");
        }
        for (double value : values) {
            if (!(Math.abs(value) <= 1 + NOTHING)) {
                throw new IllegalArgumentException("it has a factor of correlations of " + value);
            }
        }
        for (float value : root) {
            if (!(value >= 0 && value < Float.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException("it has a deviation of " + value);
            }
        }
        return new ScatterFactor(root, values, pivots, storage.bits());
    }

    private static double[] values(Safetensors file, String name, int bits) {
        if (bits != Byte.SIZE) {
            return file.doubles(name);
        }
        byte[] bytes = file.bytes(name);
        double[] values = new double[bytes.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = bytes[i] / LARGEST;
        }
        return values;
    }
}

package dev.palimpsest.gaussian;

import java.util.Arrays;

/**
 * Lower triangular matrices, [d][d] with zeros or anything above the diagonal. Loops run along rows or columns without
 * reductions, so the JIT compiler vectorises them and every element is summed in one order.
 */
final class Triangle {
    private Triangle() {}

    /**
     * The Cholesky factor: L with L·Lᵀ = a.
     *
     * @param a symmetric and positive definite, of which the lower half is read; stays
     * @return the factor, zero above the diagonal
     * @throws IllegalArgumentException if a is not positive definite
     */
    static double[][] cholesky(double[][] a) {
        int d = a.length;
        double[][] columns = new double[d][d]; // row j is column j of the remaining matrix
        for (int j = 0; j < d; j++) {
            for (int i = j; i < d; i++) {
                columns[j][i] = a[i][j];
            }
        }
        double[][] l = new double[d][d];
        for (int j = 0; j < d; j++) {
            double[] column = columns[j];
            if (!(column[j] > 0)) {
                throw new IllegalArgumentException("a covariance of " + d
                        + " dimensions is not positive definite: pivot " + j + " is " + column[j]);
            }
            double root = Math.sqrt(column[j]);
            for (int i = j; i < d; i++) {
                column[i] /= root;
            }
            for (int k = j + 1; k < d; k++) {
                double factor = column[k];
                double[] later = columns[k];
                for (int i = k; i < d; i++) {
                    later[i] -= factor * column[i];
                }
            }
            for (int i = j; i < d; i++) {
                l[i][j] = column[i];
            }
        }
        return l;
    }

    /**
     * L⁻¹·b, column by column.
     *
     * @param l lower triangular
     * @param b [d][columns]; stays
     * @return [d][columns]
     */
    static double[][] solve(double[][] l, double[][] b) {
        double[][] x = new double[b.length][];
        for (int i = 0; i < b.length; i++) {
            double[] row = b[i].clone();
            int j = 0;
            for (; j + 4 <= i; j += 4) {
                subtractFour(l[i], x, j, row);
            }
            for (; j < i; j++) {
                subtract(l[i][j], x[j], row.length, row);
            }
            divide(row, row.length, l[i][i]);
            x[i] = row;
        }
        return x;
    }

    /** Four at once read and write the row once; every element is summed in the order of one after the other. */
    private static void subtractFour(double[] factors, double[][] x, int j, double[] row) {
        double f0 = factors[j];
        double f1 = factors[j + 1];
        double f2 = factors[j + 2];
        double f3 = factors[j + 3];
        double[] x0 = x[j];
        double[] x1 = x[j + 1];
        double[] x2 = x[j + 2];
        double[] x3 = x[j + 3];
        for (int c = 0; c < row.length; c++) {
            row[c] = row[c] - f0 * x0[c] - f1 * x1[c] - f2 * x2[c] - f3 * x3[c];
        }
    }

    private static void subtract(double factor, double[] values, int count, double[] row) {
        for (int c = 0; c < count; c++) {
            row[c] -= factor * values[c];
        }
    }

    private static void divide(double[] row, int count, double divisor) {
        for (int c = 0; c < count; c++) {
            row[c] /= divisor;
        }
    }

    /** The same with rows and columns exchanged. */
    static double[][] transposed(double[][] a) {
        double[][] t = new double[a[0].length][a.length];
        for (int i = 0; i < a.length; i++) {
            for (int j = 0; j < t.length; j++) {
                t[j][i] = a[i][j];
            }
        }
        return t;
    }

    /**
     * The columns of L⁻¹ from the diagonal down, one after the other: what {@link #squaredLength} reads in order.
     *
     * @return d(d+1)/2 values
     */
    static double[] inverseColumns(double[][] l) {
        int d = l.length;
        double[][] inverse = new double[d][d];
        for (int i = 0; i < d; i++) {
            inverse[i][i] = 1;
            for (int j = 0; j < i; j++) {
                subtract(l[i][j], inverse[j], j + 1, inverse[i]); // zeros follow
            }
            divide(inverse[i], i + 1, l[i][i]);
        }
        double[] columns = new double[d * (d + 1) / 2];
        for (int j = 0, at = 0; j < d; j++) {
            for (int i = j; i < d; i++) {
                columns[at++] = inverse[i][j];
            }
        }
        return columns;
    }

    /** {@link #inverseColumns} of the identity. */
    static double[] identityColumns(int d) {
        double[] columns = new double[d * (d + 1) / 2];
        for (int j = 0, at = 0; j < d; at += d - j++) {
            columns[at] = 1;
        }
        return columns;
    }

    /**
     * ‖L⁻¹·v‖².
     *
     * @param columns of {@link #inverseColumns}
     * @param v d values
     * @param work d values that are overwritten
     */
    static double squaredLength(double[] columns, double[] v, double[] work) {
        int d = v.length;
        Arrays.fill(work, 0);
        for (int j = 0, begin = 0; j < d; j++) {
            double factor = v[j];
            int offset = begin - j;
            for (int i = j; i < d; i++) {
                work[i] += factor * columns[offset + i];
            }
            begin += d - j;
        }
        double sum = 0;
        for (int i = 0; i < d; i++) {
            sum += work[i] * work[i];
        }
        return sum;
    }

    /**
     * ‖L⁻¹·v‖² of several v, with the bits that {@link #squaredLength} gives for each; best of a hundred or more, so
     * that what is read of L⁻¹ serves all of them.
     *
     * @param columns of {@link #inverseColumns}
     * @param v [d][lengths.length]: one in each column
     * @param lengths the result
     */
    static void squaredLengths(double[] columns, double[][] v, double[] lengths) {
        int d = v.length;
        double[] upper = new double[lengths.length];
        double[] lower = new double[lengths.length];
        Arrays.fill(lengths, 0);
        for (int i = 0; i < d; i += 2) {
            boolean two = i + 1 < d;
            Arrays.fill(upper, 0);
            Arrays.fill(lower, 0);
            int j = 0;
            for (; two && j + 4 <= i + 1; j += 4) {
                addFour(columns, i, v, j, upper, lower);
            }
            for (int rest = j; rest <= i; rest++) {
                add(columns[start(rest, d) + i], v[rest], upper);
            }
            for (int rest = j; two && rest <= i + 1; rest++) {
                add(columns[start(rest, d) + i + 1], v[rest], lower);
            }
            addSquares(upper, lengths);
            addSquares(lower, lengths);
        }
    }

    /** Where row 0 of a packed column would be. */
    private static int start(int column, int d) {
        return column * d - column * (column + 1) / 2;
    }

    /** Four columns of two rows: four loads for eight products. */
    private static void addFour(double[] columns, int i, double[][] v, int j, double[] upper, double[] lower) {
        int d = v.length;
        int at0 = start(j, d) + i;
        int at1 = start(j + 1, d) + i;
        int at2 = start(j + 2, d) + i;
        int at3 = start(j + 3, d) + i;
        double u0 = columns[at0];
        double u1 = columns[at1];
        double u2 = columns[at2];
        double u3 = columns[at3];
        double l0 = columns[at0 + 1];
        double l1 = columns[at1 + 1];
        double l2 = columns[at2 + 1];
        double l3 = columns[at3 + 1];
        double[] v0 = v[j];
        double[] v1 = v[j + 1];
        double[] v2 = v[j + 2];
        double[] v3 = v[j + 3];
        for (int s = 0; s < upper.length; s++) {
            upper[s] = upper[s] + u0 * v0[s] + u1 * v1[s] + u2 * v2[s] + u3 * v3[s];
            lower[s] = lower[s] + l0 * v0[s] + l1 * v1[s] + l2 * v2[s] + l3 * v3[s];
        }
    }

    private static void add(double factor, double[] values, double[] sums) {
        for (int s = 0; s < sums.length; s++) {
            sums[s] += factor * values[s];
        }
    }

    private static void addSquares(double[] values, double[] sums) {
        for (int s = 0; s < sums.length; s++) {
            sums[s] += values[s] * values[s];
        }
    }
}

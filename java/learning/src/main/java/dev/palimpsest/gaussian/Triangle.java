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
            for (int j = 0; j < i; j++) {
                double factor = l[i][j];
                double[] solved = x[j];
                for (int c = 0; c < row.length; c++) {
                    row[c] -= factor * solved[c];
                }
            }
            double pivot = l[i][i];
            for (int c = 0; c < row.length; c++) {
                row[c] /= pivot;
            }
            x[i] = row;
        }
        return x;
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
        double[][] identity = new double[d][d];
        for (int i = 0; i < d; i++) {
            identity[i][i] = 1;
        }
        double[][] inverse = solve(l, identity);
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
}

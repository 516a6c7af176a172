package dev.palimpsest;

import java.util.function.ToDoubleFunction;

/** Plain double-precision references, written from the formulas and sharing no code with the library. */
public final class Doubles {
    private static final double STEP = 1e-5;

    private Doubles() {}

    /** Row-major values as rows. */
    public static double[][] rows(float[] values, int columns) {
        double[][] rows = new double[values.length / columns][columns];
        for (int i = 0; i < values.length; i++) {
            rows[i / columns][i % columns] = values[i];
        }
        return rows;
    }

    /** Columns [begin, end) of every row. */
    public static double[][] columns(double[][] rows, int begin, int end) {
        double[][] some = new double[rows.length][end - begin];
        for (int row = 0; row < rows.length; row++) {
            System.arraycopy(rows[row], begin, some[row], 0, end - begin);
        }
        return some;
    }

    /** softmax(z/T). */
    public static double[] softmax(double[] z, double temperature) {
        double[] p = new double[z.length];
        double max = Double.NEGATIVE_INFINITY;
        for (double value : z) {
            max = Math.max(max, value);
        }
        double sum = 0;
        for (int c = 0; c < z.length; c++) {
            p[c] = Math.exp((z[c] - max) / temperature);
            sum += p[c];
        }
        for (int c = 0; c < z.length; c++) {
            p[c] /= sum;
        }
        return p;
    }

    /** Mean over rows of T²·KL(softmax(teacher/T) ‖ softmax(student/T)). */
    public static double kl(double[][] teacher, double[][] student, double temperature) {
        double loss = 0;
        for (int row = 0; row < student.length; row++) {
            double[] p = softmax(teacher[row], temperature);
            double[] q = softmax(student[row], temperature);
            for (int c = 0; c < p.length; c++) {
                loss += p[c] * Math.log(p[c] / q[c]);
            }
        }
        return loss * temperature * temperature / student.length;
    }

    /** Mean over rows of ‖a − b‖². */
    public static double squaredDistance(double[][] a, double[][] b) {
        double sum = 0;
        for (int row = 0; row < a.length; row++) {
            for (int d = 0; d < a[row].length; d++) {
                sum += (a[row][d] - b[row][d]) * (a[row][d] - b[row][d]);
            }
        }
        return sum / a.length;
    }

    /** Central differences of a function of rows, row-major. */
    public static double[] gradient(double[][] at, ToDoubleFunction<double[][]> function) {
        double[] gradient = new double[at.length * at[0].length];
        for (int i = 0; i < gradient.length; i++) {
            double[] row = at[i / at[0].length];
            int column = i % at[0].length;
            double middle = row[column];
            row[column] = middle + STEP;
            double above = function.applyAsDouble(at);
            row[column] = middle - STEP;
            double below = function.applyAsDouble(at);
            row[column] = middle;
            gradient[i] = (above - below) / (2 * STEP);
        }
        return gradient;
    }
}

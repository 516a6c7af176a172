package dev.palimpsest.kernel;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;

/** The executable specification of {@link FeatureMse}: loops over arrays that the compiler vectorises. */
final class JavaFeatureMse implements RowKernel {
    private static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    private final int dims;
    private final int teacherCount;
    private final Team team;
    private final double[] rowLoss;
    private final Row[] scratch;
    private int rows;
    private MemorySegment student;
    private MemorySegment[] teachers;
    private MemorySegment weight;
    private MemorySegment gradient;

    JavaFeatureMse(int maxRows, int dims, int teachers, Team team) {
        this.dims = dims;
        this.teacherCount = teachers;
        this.team = team;
        rowLoss = new double[maxRows];
        scratch = new Row[team.size()];
        Arrays.setAll(scratch, i -> new Row());
    }

    @Override
    public boolean takes(MemorySegment segment) {
        return team.sees(segment);
    }

    @Override
    public void bind(
            int rows, double temperature, MemorySegment student, MemorySegment[] teachers, MemorySegment weight, MemorySegment gradient) {
        this.rows = rows;
        this.student = student;
        this.teachers = teachers;
        this.weight = weight;
        this.gradient = gradient;
    }

    @Override
    public void rows(int begin, int end, int thread) {
        for (int row = begin; row < end; row++) {
            rowLoss[row] = scratch[thread].loss(row);
        }
    }

    @Override
    public double rowLoss(int row) {
        return rowLoss[row];
    }

    @Override
    public void close() {}

    /** One row at a time, in arrays of its own. */
    private final class Row {
        private final float[] f = new float[dims];
        private final float[] g = new float[dims];
        private final float[] rowGradient = new float[dims];
        private final float[] squares = new float[dims]; // Σ_k w·(f - g)², an element
        private final float[] rowWeight = new float[teacherCount];
        private final Slots slots = new Slots();

        double loss(int row) {
            long at = (long) row * dims * Float.BYTES;
            MemorySegment.copy(student, FLOAT, at, f, 0, dims);
            MemorySegment.copy(weight, FLOAT, (long) row * teacherCount * Float.BYTES, rowWeight, 0, teacherCount);
            Arrays.fill(rowGradient, 0);
            Arrays.fill(squares, 0);
            for (int k = 0; k < teacherCount; k++) {
                float w = rowWeight[k];
                if (w != 0) {
                    MemorySegment.copy(teachers[k], FLOAT, at, g, 0, dims);
                    add(w, (float) (2.0 * (double) w / (double) rows));
                }
            }
            MemorySegment.copy(rowGradient, 0, gradient, FLOAT, at, dims);
            return slots.sum(squares, dims);
        }

        private void add(float w, float gradientWeight) {
            for (int i = 0; i < dims; i++) {
                float difference = f[i] - g[i];
                rowGradient[i] = Math.fma(gradientWeight, difference, rowGradient[i]);
                squares[i] = Math.fma(w * difference, difference, squares[i]);
            }
        }
    }
}

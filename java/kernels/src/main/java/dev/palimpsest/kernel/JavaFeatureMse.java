package dev.palimpsest.kernel;

import dev.palimpsest.kernel.threads.Team;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** The executable specification of {@link FeatureMse}: loops over arrays that the compiler vectorises. */
final class JavaFeatureMse extends JavaRowKernel {
    private final int dims;
    private final int teacherCount;

    JavaFeatureMse(int maxRows, int dims, int teachers, Team team) {
        super(maxRows, team);
        this.dims = dims;
        this.teacherCount = teachers;
        allocate(ThreadRow::new);
    }

    /** One row at a time, in arrays of its own. */
    private final class ThreadRow implements Row {
        private final float[] f = new float[dims];
        private final float[] g = new float[dims];
        private final float[] rowGradient = new float[dims];
        private final float[] squares = new float[dims]; // Σ_k w·(f - g)², an element
        private final float[] rowWeight = new float[teacherCount];
        private final Slots slots = new Slots();

        @Override
        public double loss(int row) {
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

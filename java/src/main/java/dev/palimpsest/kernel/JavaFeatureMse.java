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

    /** One row at a time, chunk by chunk, in arrays of its own. */
    private final class Row {
        private final float[] f = new float[Slots.CHUNK];
        private final float[] g = new float[Slots.CHUNK];
        private final float[] chunkGradient = new float[Slots.CHUNK];
        private final float[] rowWeight = new float[teacherCount];
        private final float[] slot = new float[Slots.COUNT];
        private final double[] sixteen = new double[16];

        double loss(int row) {
            MemorySegment.copy(weight, FLOAT, (long) row * teacherCount * Float.BYTES, rowWeight, 0, teacherCount);
            double loss = 0;
            for (int begin = 0; begin < dims; begin += Slots.CHUNK) {
                int n = Math.min(Slots.CHUNK, dims - begin);
                long at = ((long) row * dims + begin) * Float.BYTES;
                MemorySegment.copy(student, FLOAT, at, f, 0, n);
                Arrays.fill(slot, 0);
                for (int block = 0; block < n; block += Slots.COUNT) {
                    block(at, block, Math.min(Slots.COUNT, n - block));
                }
                loss += Slots.tree(slot, sixteen);
                MemorySegment.copy(chunkGradient, 0, gradient, FLOAT, at, n);
            }
            return loss;
        }

        /** 128 elements or fewer: each slot sees one of them, teachers in order. */
        private void block(long chunkAt, int block, int n) {
            Arrays.fill(chunkGradient, block, block + n, 0);
            for (int k = 0; k < teacherCount; k++) {
                float w = rowWeight[k];
                if (w == 0) {
                    continue;
                }
                MemorySegment.copy(teachers[k], FLOAT, chunkAt + (long) block * Float.BYTES, g, 0, n);
                add(block, n, w, (float) (2.0 * (double) w / (double) rows));
            }
        }

        private void add(int block, int n, float w, float gradientWeight) {
            for (int j = 0; j < n; j++) {
                float difference = f[block + j] - g[j];
                chunkGradient[block + j] = Math.fma(gradientWeight, difference, chunkGradient[block + j]);
                slot[j] = Math.fma(w * difference, difference, slot[j]);
            }
        }
    }
}

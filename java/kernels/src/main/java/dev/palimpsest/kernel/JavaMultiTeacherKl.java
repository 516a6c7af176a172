package dev.palimpsest.kernel;

import dev.palimpsest.kernel.threads.Team;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.List;

/** The executable specification of {@link MultiTeacherKl}: loops over arrays that the compiler vectorises. */
final class JavaMultiTeacherKl extends JavaRowKernel {
    private final int classes;
    private final List<ClassRange> ranges;

    JavaMultiTeacherKl(int maxRows, int classes, List<ClassRange> ranges, Team team) {
        super(maxRows, team);
        this.classes = classes;
        this.ranges = ranges;
        allocate(ThreadRow::new);
    }

    /** One row at a time, in arrays of its own. */
    private final class ThreadRow implements Row {
        private final int teacherCount = ranges.size();
        private final int widest =
                ranges.stream().mapToInt(ClassRange::size).max().orElse(0);
        private final float[] rangeGradient = new float[widest];
        private final float[] rowGradient = new float[classes];
        private final float[] rowWeight = new float[teacherCount];
        private final float[] distance = new float[widest]; // s - max s
        private final float[] cross = new float[widest]; // (t - max t) - (s - max s)
        private final float[] unused = new float[widest];
        private final float[] studentE = new float[widest];
        private final float[][] teacherE = new float[teacherCount][];
        private final double[] teacherSum = new double[teacherCount]; // Σ e, e = exp((t - max t) / T)
        private final double[] teacherCross = new double[teacherCount]; // Σ e·((t - max t) - (s - max s))
        private final Exponential exponential = new Exponential(widest);
        private final Slots slots = new Slots();

        ThreadRow() {
            Arrays.setAll(teacherE, k -> new float[ranges.get(k).size()]);
        }

        @Override
        public double loss(int row) {
            exponential.temperature(temperature);
            MemorySegment.copy(weight, FLOAT, (long) row * teacherCount * Float.BYTES, rowWeight, 0, teacherCount);
            Arrays.fill(rowGradient, 0);
            double loss = 0;
            for (int k = 0; k < teacherCount; ) {
                // A run of consecutive teachers with the same classes shares the student's exponentials.
                ClassRange range = ranges.get(k);
                int end = k + 1;
                while (end < teacherCount && ranges.get(end).equals(range)) {
                    end++;
                }
                loss = addRun(loss, row, range, k, end);
                k = end;
            }
            MemorySegment.copy(rowGradient, 0, gradient, FLOAT, (long) row * classes * Float.BYTES, classes);
            return loss;
        }

        /** The loss so far plus that of the teachers [begin, end), one by one in order. */
        private double addRun(double lossSoFar, int row, ClassRange range, int begin, int end) {
            int n = range.size();
            double loss = lossSoFar;
            double studentSum = 0;
            boolean haveStudent = false;
            for (int k = begin; k < end; k++) {
                if (rowWeight[k] == 0) {
                    continue;
                }
                if (!haveStudent) {
                    haveStudent = true;
                    studentSum = studentExponentials(row, range.begin(), n);
                }
                teacherExponentials(row, k, n);
            }
            if (!haveStudent) {
                return loss;
            }
            double logStudent = Exponential.log(studentSum);
            float studentInverse = (float) (1.0 / studentSum);
            System.arraycopy(rowGradient, range.begin(), rangeGradient, 0, n);
            for (int k = begin; k < end; k++) {
                if (rowWeight[k] == 0) {
                    continue;
                }
                double divergence =
                        teacherCross[k] / (teacherSum[k] * temperature) + (logStudent - Exponential.log(teacherSum[k]));
                loss += (double) rowWeight[k] * temperature * temperature * divergence;
                float factor = (float) ((double) rowWeight[k] * temperature / (double) rows);
                addGradient(n, studentInverse, teacherE[k], (float) (1.0 / teacherSum[k]), factor);
            }
            System.arraycopy(rangeGradient, 0, rowGradient, range.begin(), n);
            return loss;
        }

        private double studentExponentials(int row, int begin, int n) {
            exponential.apply(student, ((long) row * classes + begin) * Float.BYTES, n, distance, unused, studentE);
            return slots.sum(studentE, n);
        }

        private void teacherExponentials(int row, int k, int n) {
            exponential.apply(teachers[k], (long) row * n * Float.BYTES, n, unused, cross, teacherE[k]);
            for (int i = 0; i < n; i++) {
                cross[i] -= distance[i];
            }
            teacherSum[k] = slots.sum(teacherE[k], n);
            teacherCross[k] = slots.sumOfProducts(teacherE[k], cross, n);
            if (Double.isNaN(teacherCross[k])) {
                // Where e = 0 the student's distance may be -inf and must not make 0·inf. Afterwards, since a condition
                // in the loop above would keep the compiler from vectorising it.
                for (int i = 0; i < n; i++) {
                    cross[i] = teacherE[k][i] == 0 ? 0 : cross[i];
                }
                teacherCross[k] = slots.sumOfProducts(teacherE[k], cross, n);
            }
        }

        /** rangeGradient += factor·(q - p). */
        private void addGradient(int n, float studentInverse, float[] e, float inverse, float factor) {
            for (int i = 0; i < n; i++) {
                rangeGradient[i] = Math.fma(factor, studentE[i] * studentInverse - e[i] * inverse, rangeGradient[i]);
            }
        }
    }
}

package dev.palimpsest.kernel;

import dev.palimpsest.kernel.threads.Team;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Arrays;
import java.util.function.Supplier;

/** What the plain Java kernels share: the call's memory, and arrays of its own for each thread. */
abstract class JavaRowKernel implements RowKernel {
    static final ValueLayout.OfFloat FLOAT = ValueLayout.JAVA_FLOAT_UNALIGNED;

    /** One thread's arrays, for one row at a time. */
    interface Row {
        /**
         * Writes the row's gradient.
         *
         * @return its loss
         */
        double loss(int row);
    }

    private final Team team;
    private final double[] rowLoss;
    private final Row[] scratch;
    int rows;
    double temperature;
    MemorySegment student;
    MemorySegment[] teachers;
    MemorySegment weight;
    MemorySegment gradient;

    @SuppressWarnings("NullAway.Init") // bind sets the segments before rows reads them
    JavaRowKernel(int maxRows, Team team) {
        this.team = team;
        rowLoss = new double[maxRows];
        scratch = new Row[team.size()];
    }

    /** To be called once by the constructor of each kernel, when it knows its sizes. */
    final void allocate(Supplier<Row> row) {
        Arrays.setAll(scratch, thread -> row.get());
    }

    @Override
    public final boolean takes(MemorySegment segment) {
        return team.sees(segment);
    }

    @Override
    public final void release() {}

    @Override
    public final void bind(
            int rows,
            double temperature,
            MemorySegment student,
            MemorySegment[] teachers,
            MemorySegment weight,
            MemorySegment gradient) {
        this.rows = rows;
        this.temperature = temperature;
        this.student = student;
        this.teachers = teachers;
        this.weight = weight;
        this.gradient = gradient;
    }

    @Override
    public final void rows(int begin, int end, int thread) {
        for (int row = begin; row < end; row++) {
            rowLoss[row] = scratch[thread].loss(row);
        }
    }

    @Override
    public final double rowLoss(int row) {
        return rowLoss[row];
    }

    @Override
    public final void close() {}
}

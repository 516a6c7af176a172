package dev.palimpsest.kernel;

import dev.palimpsest.kernel.threads.Team;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import org.jspecify.annotations.Nullable;

/**
 * What {@link MultiTeacherKl} and {@link FeatureMse} share: checks the caller's memory, splits rows over threads, adds
 * the rows' losses in row order. Memory that the kernel cannot use as it is goes through copies that are made once and
 * kept.
 */
final class RowSplit implements AutoCloseable, Team.Task {
    private final RowKernel kernel;
    private final Team team;
    private final int maxRows;
    private final int columns;
    private final int[] teacherColumns;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment[] usableTeachers;
    private final MemorySegment[] copies; // of student, weight, gradient, teachers; null until needed
    private boolean closed;
    private int rows;

    RowSplit(RowKernel kernel, Team team, int maxRows, int columns, int[] teacherColumns) {
        this.kernel = kernel;
        this.team = team;
        this.maxRows = maxRows;
        this.columns = columns;
        this.teacherColumns = teacherColumns;
        usableTeachers = new MemorySegment[teacherColumns.length];
        copies = new MemorySegment[3 + teacherColumns.length];
    }

    /** Mean over rows of the row losses; the gradient is overwritten. */
    double lossAndGradient(
            int rows,
            double temperature,
            MemorySegment student,
            MemorySegment[] teachers,
            MemorySegment weight,
            MemorySegment gradient) {
        check(rows, student, teachers, weight, gradient);
        int k = teachers.length;
        MemorySegment usableStudent = usable(0, student, rows, columns);
        MemorySegment usableWeight = usable(1, weight, rows, k);
        for (int i = 0; i < k; i++) {
            usableTeachers[i] = usable(3 + i, teachers[i], rows, teacherColumns[i]);
        }
        boolean direct = kernel.takes(gradient);
        kernel.bind(
                rows, temperature, usableStudent, usableTeachers, usableWeight, direct ? gradient : copy(2, columns));
        this.rows = rows;
        try {
            team.run(this, blocks());
        } finally {
            // C knows addresses only: memory of an automatic arena must not be collected before it is done.
            Reference.reachabilityFence(student);
            Reference.reachabilityFence(teachers);
            Reference.reachabilityFence(weight);
            Reference.reachabilityFence(gradient);
        }
        if (!direct) {
            MemorySegment.copy(copies[2], 0, gradient, 0, bytes(rows, columns));
        }
        double sum = 0;
        for (int row = 0; row < rows; row++) {
            sum += kernel.rowLoss(row);
        }
        return sum / rows;
    }

    /** Four a thread, so that a late thread leaves little to wait for. */
    private int blocks() {
        return Math.min(rows, team.size() == 1 ? 1 : 4 * team.size());
    }

    @Override
    public void run(int block, int thread) {
        int blocks = blocks();
        kernel.rows((int) ((long) rows * block / blocks), (int) ((long) rows * (block + 1) / blocks), thread);
    }

    private void check(
            int rows, MemorySegment student, MemorySegment[] teachers, MemorySegment weight, MemorySegment gradient) {
        if (closed) {
            throw new IllegalStateException("this kernel is closed");
        }
        if (rows < 1 || rows > maxRows) {
            throw new IllegalArgumentException(
                    "rows " + rows + ": expected 1 to " + maxRows + ", the most this kernel was made for");
        }
        if (teachers.length != teacherColumns.length) {
            throw new IllegalArgumentException(
                    "got " + teachers.length + " teachers, expected " + teacherColumns.length);
        }
        Memory.checkWritable("gradient", gradient);
        check("gradient", -1, gradient, rows, columns, null, 0);
        check("student", -1, student, rows, columns, gradient, bytes(rows, columns));
        check("weight", -1, weight, rows, teachers.length, gradient, bytes(rows, columns));
        for (int k = 0; k < teachers.length; k++) {
            check("teacher", k, teachers[k], rows, teacherColumns[k], gradient, bytes(rows, columns));
        }
    }

    /** The text is made only when it is needed: calls allocate nothing. */
    private static void check(
            String name,
            int k,
            MemorySegment segment,
            int rows,
            int columns,
            @Nullable MemorySegment gradient,
            long gradientBytes) {
        if (segment.byteSize() < bytes(rows, columns) || !Memory.isUsable(segment)) {
            Memory.check(name(name, k), segment, bytes(rows, columns), rows + "×" + columns + " float32");
        }
        if (gradient != null && Memory.overlap(segment, gradient, gradientBytes)) {
            throw new IllegalArgumentException("gradient overlaps " + name(name, k) + ": expected memory of its own");
        }
    }

    private static String name(String name, int k) {
        return k < 0 ? name : name + " " + k;
    }

    private static long bytes(int rows, int columns) {
        return (long) rows * columns * Float.BYTES;
    }

    private MemorySegment usable(int slot, MemorySegment segment, int rows, int columns) {
        if (kernel.takes(segment)) {
            return segment;
        }
        MemorySegment copy = copy(slot, columns);
        MemorySegment.copy(segment, 0, copy, 0, bytes(rows, columns));
        return copy;
    }

    private MemorySegment copy(int slot, int columns) {
        if (copies[slot] == null) {
            copies[slot] = arena.allocate(Math.max(1, bytes(maxRows, columns)), 64);
        }
        return copies[slot];
    }

    @Override
    public void close() {
        if (!closed) {
            closed = true;
            kernel.close();
            arena.close();
        }
    }
}

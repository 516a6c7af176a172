package dev.palimpsest.kernel;

import dev.palimpsest.kernel.threads.Team;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.ref.Reference;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What {@link MultiTeacherKl} and {@link FeatureMse} share: checks the caller's memory, splits rows over threads, adds
 * the rows' losses in row order. Memory that the kernel cannot use as it is goes through copies that are kept for the
 * next call. Thread-safe: calls take turns.
 */
final class RowSplit implements AutoCloseable, Team.Task {
    private final RowKernel kernel;
    private final Team team;
    private final int maxRows;
    private final int columns;
    private final int[] teacherColumns;
    private final MemorySegment[] usableTeachers;
    private final Copy[] copies; // of student, weight, gradient, teachers; null until needed
    private boolean closed;
    private int rows;

    /** Off-heap memory that grows with the rows of a call. */
    private record Copy(Arena arena, MemorySegment memory) {
        static Copy of(long bytes) {
            Arena arena = Arena.ofShared();
            return new Copy(arena, arena.allocate(Math.max(1, bytes), 64));
        }
    }

    RowSplit(RowKernel kernel, Team team, int maxRows, int columns, int[] teacherColumns) {
        this.kernel = kernel;
        this.team = team;
        this.maxRows = maxRows;
        this.columns = columns;
        this.teacherColumns = teacherColumns;
        usableTeachers = new MemorySegment[teacherColumns.length];
        copies = new Copy[3 + teacherColumns.length];
    }

    /** Mean over rows of the row losses; the gradient is overwritten. */
    synchronized double lossAndGradient(
            int rows,
            double temperature,
            MemorySegment student,
            MemorySegment[] teachers,
            MemorySegment weight,
            MemorySegment gradient) {
        check(rows, student, teachers, weight, gradient);
        try {
            return compute(rows, temperature, student, teachers, weight, gradient);
        } catch (IllegalStateException e) {
            throw closed(e, student, teachers, weight, gradient);
        } finally {
            kernel.release();
            // C knows addresses only: memory of an automatic arena must not be collected before it is done.
            Reference.reachabilityFence(student);
            Reference.reachabilityFence(teachers);
            Reference.reachabilityFence(weight);
            Reference.reachabilityFence(gradient);
        }
    }

    private double compute(
            int rows,
            double temperature,
            MemorySegment student,
            MemorySegment[] teachers,
            MemorySegment weight,
            MemorySegment gradient) {
        int k = teachers.length;
        MemorySegment usableStudent = usable(0, student, rows, columns);
        MemorySegment usableWeight = usable(1, weight, rows, k);
        for (int i = 0; i < k; i++) {
            usableTeachers[i] = usable(3 + i, teachers[i], rows, teacherColumns[i]);
        }
        boolean direct = kernel.takes(gradient);
        MemorySegment written = direct ? gradient : copy(2, rows, columns);
        kernel.bind(rows, temperature, usableStudent, usableTeachers, usableWeight, written);
        this.rows = rows;
        team.run(this, blocks());
        if (!direct) {
            MemorySegment.copy(written, 0, gradient, 0, bytes(rows, columns));
        }
        double sum = 0;
        for (int row = 0; row < rows; row++) {
            sum += kernel.rowLoss(row);
        }
        return sum / rows;
    }

    private static IllegalStateException closed(
            IllegalStateException met,
            MemorySegment student,
            MemorySegment[] teachers,
            MemorySegment weight,
            MemorySegment gradient) {
        String[] names = new String[3 + teachers.length];
        MemorySegment[] segments = new MemorySegment[names.length];
        for (int i = 0; i < names.length; i++) {
            names[i] = i < 3 ? List.of("student", "weight", "gradient").get(i) : name("teacher", i - 3);
            segments[i] = i < 3 ? List.of(student, weight, gradient).get(i) : teachers[i - 3];
        }
        return Memory.closed(met, names, segments);
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
        Memory.checkGiven("teachers", teachers);
        if (teachers.length != teacherColumns.length) {
            throw new IllegalArgumentException(
                    "got " + teachers.length + " teachers, expected " + teacherColumns.length);
        }
        Memory.checkGiven("gradient", gradient);
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
        if (segment == null) {
            Memory.checkGiven(name(name, k), null);
        }
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
        MemorySegment copy = copy(slot, rows, columns);
        MemorySegment.copy(segment, 0, copy, 0, bytes(rows, columns));
        return copy;
    }

    private MemorySegment copy(int slot, int rows, int columns) {
        Copy present = copies[slot];
        if (present == null || present.memory.byteSize() < bytes(rows, columns)) {
            copies[slot] = Copy.of(bytes(rows, columns));
            if (present != null) {
                present.arena.close();
            }
        }
        return copies[slot].memory;
    }

    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            kernel.close();
            for (Copy copy : copies) {
                if (copy != null) {
                    copy.arena.close();
                }
            }
        }
    }
}

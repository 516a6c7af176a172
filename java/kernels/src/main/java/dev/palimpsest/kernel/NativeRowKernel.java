package dev.palimpsest.kernel;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/** The argument structs of palimpsest.h for kernels over rows: fields of 8 bytes each, written in order. */
abstract class NativeRowKernel implements RowKernel {
    final int isa;
    final int columns;
    final int[] teacherColumns;
    final Arena arena = Arena.ofShared();
    final MemorySegment args;
    private final MemorySegment teacherAddresses;
    private final MemorySegment teacherStrides;
    final MemorySegment rowLoss;
    final MemorySegment[] scratch;

    NativeRowKernel(
            Implementation implementation, int fields, int maxRows, int columns, int[] teacherColumns, int threads) {
        isa = implementation.isa();
        this.columns = columns;
        this.teacherColumns = teacherColumns;
        args = arena.allocate(fields * 8L, 8);
        // One entry more than needed: an empty array has no address.
        teacherAddresses = arena.allocate(ADDRESS, teacherColumns.length + 1);
        teacherStrides = longs(teacherColumns);
        rowLoss = arena.allocate(JAVA_DOUBLE, maxRows);
        scratch = new MemorySegment[threads];
    }

    /**
     * A line of the cache between the threads' scratch: its end may be written while another thread reads its own
     * start.
     */
    final void allocateScratch(long bytes) {
        for (int i = 0; i < scratch.length; i++) {
            scratch[i] = arena.allocate(bytes + 64, 64);
        }
    }

    final MemorySegment longs(int[] values) {
        MemorySegment segment = arena.allocate(JAVA_LONG, values.length + 1);
        for (int i = 0; i < values.length; i++) {
            segment.setAtIndex(JAVA_LONG, i, values[i]);
        }
        return segment;
    }

    final void field(int index, long value) {
        args.setAtIndex(JAVA_LONG, index, value);
    }

    /** student and its stride, teachers and their strides. */
    final void bindInputs(int field, MemorySegment student, MemorySegment[] teachers) {
        for (int k = 0; k < teachers.length; k++) {
            teacherAddresses.setAtIndex(JAVA_LONG, k, teachers[k].address());
        }
        field(field, student.address());
        field(field + 1, columns);
        field(field + 2, teacherAddresses.address());
        field(field + 3, teacherStrides.address());
    }

    /** weight and its stride, gradient and its stride. */
    final void bindWeightAndGradient(int field, MemorySegment weight, MemorySegment gradient) {
        field(field, weight.address());
        field(field + 1, teacherColumns.length);
        field(field + 2, gradient.address());
        field(field + 3, columns);
    }

    @Override
    public final boolean takes(MemorySegment segment) {
        return segment.isNative();
    }

    @Override
    public final double rowLoss(int row) {
        return rowLoss.getAtIndex(JAVA_DOUBLE, row);
    }

    @Override
    public final void close() {
        arena.close();
    }
}

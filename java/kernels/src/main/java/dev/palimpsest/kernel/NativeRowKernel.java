package dev.palimpsest.kernel;

import static java.lang.foreign.ValueLayout.ADDRESS;
import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;
import static java.lang.foreign.ValueLayout.JAVA_LONG;

import dev.palimpsest.kernel.Kernels.Implementation;
import dev.palimpsest.kernel.ffi.Held;
import dev.palimpsest.kernel.ffi.NativeKernel;
import dev.palimpsest.kernel.ffi.NativeStruct.Field;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@link MultiTeacherKl} and {@link FeatureMse} in C++: fills the argument structs of palimpsest.h. */
final class NativeRowKernel implements RowKernel {
    private final NativeKernel kernel;
    private final Arena arena = Arena.ofShared();
    private final MemorySegment args;
    private final MemorySegment teacherAddresses;
    private final MemorySegment rowLoss;
    private final MemorySegment[] scratch;
    private final Held held = new Held();
    private final Field rows;
    private final @Nullable Field temperature; // null for features
    private final Field student;
    private final Field weight;
    private final Field gradient;

    private NativeRowKernel(
            String name, Implementation implementation, int maxRows, int columns, int[] teacherColumns, int threads) {
        kernel = NativeKernel.overRows(name, implementation.isa());
        args = kernel.arguments().allocate(arena);
        // One entry more than needed: an empty array has no address.
        teacherAddresses = arena.allocate(ADDRESS, teacherColumns.length + 1);
        rowLoss = arena.allocate(JAVA_DOUBLE, maxRows);
        scratch = new MemorySegment[threads];
        rows = field("rows");
        temperature = name.equals("multi_teacher_kl") ? field("temperature") : null;
        student = field("student");
        weight = field("weight");
        gradient = field("gradient");
        set("teachers", teacherColumns.length);
        set("student_stride", columns);
        set("teacher", teacherAddresses.address());
        set("teacher_stride", longs(teacherColumns).address());
        set("weight_stride", teacherColumns.length);
        set("gradient_stride", columns);
    }

    static NativeRowKernel multiTeacherKl(
            Implementation implementation, int maxRows, int classes, List<ClassRange> ranges, int threads) {
        int[] sizes = ranges.stream().mapToInt(ClassRange::size).toArray();
        NativeRowKernel kernel =
                new NativeRowKernel("multi_teacher_kl", implementation, maxRows, classes, sizes, threads);
        kernel.set("classes", classes);
        kernel.set(
                "class_begin",
                kernel.longs(ranges.stream().mapToInt(ClassRange::begin).toArray())
                        .address());
        kernel.set(
                "class_end",
                kernel.longs(ranges.stream().mapToInt(ClassRange::end).toArray())
                        .address());
        return kernel.withScratch();
    }

    static NativeRowKernel featureMse(
            Implementation implementation, int maxRows, int dims, int[] teacherColumns, int threads) {
        NativeRowKernel kernel =
                new NativeRowKernel("feature_mse", implementation, maxRows, dims, teacherColumns, threads);
        kernel.set("dims", dims);
        return kernel.withScratch();
    }

    /**
     * A line of the cache between the threads' scratch: its end may be written while another thread reads its own
     * start.
     */
    private NativeRowKernel withScratch() {
        long bytes = kernel.scratchBytes(args);
        for (int i = 0; i < scratch.length; i++) {
            scratch[i] = arena.allocate(bytes + 64, 64);
        }
        return this;
    }

    private Field field(String name) {
        return kernel.arguments().field(name);
    }

    private void set(String name, long value) {
        field(name).set(args, value);
    }

    private MemorySegment longs(int[] values) {
        MemorySegment segment = arena.allocate(JAVA_LONG, values.length + 1);
        for (int i = 0; i < values.length; i++) {
            segment.setAtIndex(JAVA_LONG, i, values[i]);
        }
        return segment;
    }

    @Override
    public void bind(
            int rows,
            double temperature,
            MemorySegment student,
            MemorySegment[] teachers,
            MemorySegment weight,
            MemorySegment gradient) {
        this.rows.set(args, rows);
        if (this.temperature != null) {
            this.temperature.setDouble(args, temperature);
        }
        this.student.set(args, student.address());
        for (int k = 0; k < teachers.length; k++) {
            teacherAddresses.setAtIndex(JAVA_LONG, k, teachers[k].address());
        }
        this.weight.set(args, weight.address());
        this.gradient.set(args, gradient.address());
    }

    @Override
    public void rows(int begin, int end, int thread) {
        kernel.rows(args, begin, end, scratch[thread], rowLoss, held);
    }

    @Override
    public boolean takes(MemorySegment segment) {
        return segment.isNative() && held.add(segment);
    }

    @Override
    public void release() {
        held.clear();
    }

    @Override
    public double rowLoss(int row) {
        return rowLoss.getAtIndex(JAVA_DOUBLE, row);
    }

    @Override
    public void close() {
        arena.close();
    }
}

package dev.palimpsest.kernel;

import static java.lang.foreign.ValueLayout.JAVA_DOUBLE;

import dev.palimpsest.kernel.ffi.NativeLibrary;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** {@link MultiTeacherKl} in C++: fills a {@code palimpsest_multi_teacher_kl_args}. */
final class NativeMultiTeacherKl extends NativeRowKernel {
    NativeMultiTeacherKl(
            int maxRows, int classes, List<ClassRange> ranges, int threads, Implementation implementation) {
        super(
                implementation,
                14,
                maxRows,
                classes,
                ranges.stream().mapToInt(ClassRange::size).toArray(),
                threads);
        field(1, classes);
        field(2, ranges.size());
        field(8, longs(ranges.stream().mapToInt(ClassRange::begin).toArray()).address());
        field(9, longs(ranges.stream().mapToInt(ClassRange::end).toArray()).address());
        allocateScratch(NativeLibrary.multiTeacherKlScratch(args));
    }

    @Override
    public void bind(
            int rows,
            double temperature,
            MemorySegment student,
            MemorySegment[] teachers,
            MemorySegment weight,
            MemorySegment gradient) {
        field(0, rows);
        args.setAtIndex(JAVA_DOUBLE, 3, temperature);
        bindInputs(4, student, teachers);
        bindWeightAndGradient(10, weight, gradient);
    }

    @Override
    public void rows(int begin, int end, int thread) {
        NativeLibrary.multiTeacherKl(isa, args, begin, end, scratch[thread], rowLoss);
    }
}

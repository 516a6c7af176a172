package dev.palimpsest.kernel;

import dev.palimpsest.kernel.ffi.NativeLibrary;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** {@link FeatureMse} in C++: fills a {@code palimpsest_feature_mse_args}. */
final class NativeFeatureMse extends NativeRowKernel {
    NativeFeatureMse(int maxRows, int dims, int teachers, int threads, Implementation implementation) {
        super(implementation, 11, maxRows, dims, repeat(dims, teachers), threads);
        field(1, dims);
        field(2, teachers);
        allocateScratch(NativeLibrary.featureMseScratch(args));
    }

    private static int[] repeat(int value, int times) {
        int[] values = new int[times];
        Arrays.fill(values, value);
        return values;
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
        bindInputs(3, student, teachers);
        bindWeightAndGradient(7, weight, gradient);
    }

    @Override
    public void rows(int begin, int end, int thread) {
        NativeLibrary.featureMse(isa, args, begin, end, scratch[thread], rowLoss);
    }
}

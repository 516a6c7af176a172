package dev.palimpsest.engine.onednn;

import dev.palimpsest.engine.Loss;
import dev.palimpsest.engine.TeacherLoss;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.kernel.FeatureMse;
import dev.palimpsest.kernel.MultiTeacherKl;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.util.List;

/** The kernels over several teachers, on an engine's tensors. */
final class CpuTeacherLoss implements TeacherLoss {
    @FunctionalInterface
    private interface Kernel {
        double lossAndGradient(
                int rows,
                MemorySegment student,
                MemorySegment[] teachers,
                MemorySegment weight,
                MemorySegment gradient);
    }

    private final OneDnnContext engine;
    private final Kernel kernel;
    private final Runnable closing;
    private final MemorySegment[] teachers;

    private CpuTeacherLoss(OneDnnContext engine, int teachers, Kernel kernel, Runnable closing) {
        this.engine = engine;
        this.kernel = kernel;
        this.closing = closing;
        this.teachers = new MemorySegment[teachers];
    }

    static CpuTeacherLoss kl(
            OneDnnContext engine, int maxRows, int classes, List<ClassRange> ranges, float temperature) {
        MultiTeacherKl kl = new MultiTeacherKl(maxRows, classes, ranges, engine.threads());
        return new CpuTeacherLoss(
                engine,
                ranges.size(),
                (rows, student, teachers, weight, gradient) ->
                        kl.lossAndGradient(rows, temperature, student, teachers, weight, gradient),
                kl::close);
    }

    static CpuTeacherLoss mse(OneDnnContext engine, int maxRows, int dims, int teachers) {
        FeatureMse mse = new FeatureMse(maxRows, dims, teachers, engine.threads());
        return new CpuTeacherLoss(engine, teachers, mse::lossAndGradient, mse::close);
    }

    @Override
    public Loss of(Tensor student, List<Tensor> outputs, Tensor weights) {
        Tensor gradient = engine.allocate(student.shape());
        for (int k = 0; k < teachers.length; k++) {
            teachers[k] = outputs.get(k).data();
        }
        return Loss.of(
                kernel.lossAndGradient(
                        student.shape().extent(0), student.data(), teachers, weights.data(), gradient.data()),
                gradient);
    }

    @Override
    public void close() {
        closing.run();
    }
}

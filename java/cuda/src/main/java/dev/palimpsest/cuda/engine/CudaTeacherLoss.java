package dev.palimpsest.cuda.engine;

import dev.palimpsest.cuda.CudaFeatureMse;
import dev.palimpsest.cuda.CudaMultiTeacherKl;
import dev.palimpsest.cuda.DeviceMatrix;
import dev.palimpsest.cuda.DeviceMatrix.ElementType;
import dev.palimpsest.engine.Loss;
import dev.palimpsest.engine.TeacherLoss;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.tensor.Tensor;
import java.util.List;

/** The kernels over several teachers, on an engine's tensors. They queue on the training's stream. */
final class CudaTeacherLoss implements TeacherLoss {
    @FunctionalInterface
    private interface Kernel {
        void lossAndGradient(
                int rows,
                DeviceMatrix student,
                DeviceMatrix[] teachers,
                DeviceMatrix weight,
                DeviceMatrix gradient,
                long loss);
    }

    private final CudaContext engine;
    private final Kernel kernel;
    private final Runnable closing;
    private final DeviceMatrix[] teachers;

    private CudaTeacherLoss(CudaContext engine, int teachers, Kernel kernel, Runnable closing) {
        this.engine = engine;
        this.kernel = kernel;
        this.closing = closing;
        this.teachers = new DeviceMatrix[teachers];
    }

    static CudaTeacherLoss kl(
            CudaContext engine, int maxRows, int classes, List<ClassRange> ranges, float temperature) {
        CudaMultiTeacherKl kl = new CudaMultiTeacherKl(
                engine.device(), engine.device().compute(), maxRows, classes, ranges, ElementType.FLOAT32);
        return new CudaTeacherLoss(
                engine,
                ranges.size(),
                (rows, student, teachers, weight, gradient, loss) ->
                        kl.lossAndGradient(rows, temperature, student, teachers, weight, gradient, loss),
                kl::close);
    }

    static CudaTeacherLoss mse(CudaContext engine, int maxRows, int dims, int teachers) {
        CudaFeatureMse mse = new CudaFeatureMse(
                engine.device(), engine.device().compute(), maxRows, dims, teachers, ElementType.FLOAT32);
        return new CudaTeacherLoss(engine, teachers, mse::lossAndGradient, mse::close);
    }

    @Override
    public Loss of(Tensor student, List<Tensor> outputs, Tensor weights) {
        Tensor gradient = engine.allocate(student.shape());
        for (int k = 0; k < teachers.length; k++) {
            teachers[k] = matrix(outputs.get(k));
        }
        return engine.losses()
                .of(
                        gradient,
                        value -> kernel.lossAndGradient(
                                student.shape().extent(0),
                                matrix(student),
                                teachers,
                                matrix(weights),
                                matrix(gradient),
                                value));
    }

    private DeviceMatrix matrix(Tensor tensor) {
        return new DeviceMatrix(engine.address(tensor), tensor.shape().extent(1));
    }

    @Override
    public void close() {
        closing.run();
    }
}

package dev.palimpsest.engine.onednn;

import dev.palimpsest.engine.MatrixBackend;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Matrices in Java's memory: a few thousand values per step, so plain loops. */
record CpuMatrices(OneDnnContext engine) implements MatrixBackend {
    @Override
    public CpuMatrix of(Tensor matrix) {
        Shape shape = matrix.shape();
        float[] values = OneDnnContext.rowMajorArray(matrix);
        CpuMatrix result = zeros(shape.extent(0), shape.extent(1));
        for (int i = 0; i < values.length; i++) {
            result.values()[i] = values[i];
        }
        return result;
    }

    @Override
    public CpuMatrix of(Tensor matrix, Matrix fixed) {
        CpuMatrix result = of(matrix);
        for (int i = 0; i < result.values().length; i++) {
            double constant = ((CpuMatrix) fixed).values()[i % result.columns()];
            result.values()[i] = Double.isNaN(constant) ? result.values()[i] : constant;
        }
        return result;
    }

    @Override
    public CpuMatrix row(double[] values) {
        return new CpuMatrix(engine, 1, values.length, values.clone());
    }

    CpuMatrix zeros(int rows, int columns) {
        return new CpuMatrix(engine, rows, columns, new double[rows * columns]);
    }

    @Override
    public Tensor mostConfident(List<Matrix> softmaxes, int @Nullable [] labels) {
        int rows = softmaxes.getFirst().rows();
        int teachers = softmaxes.size();
        float[] chosen = new float[rows * teachers];
        for (int row = 0; row < rows; row++) {
            int best = 0;
            double most = 0;
            for (int k = 0; k < teachers; k++) {
                CpuMatrix p = (CpuMatrix) softmaxes.get(k);
                double confidence = labels == null ? p.highest(row) : p.at(row, labels[row]);
                if (k == 0 || confidence > most) {
                    most = confidence;
                    best = k;
                }
            }
            chosen[row * teachers + best] = 1;
        }
        return engine.tensor(Shape.of(rows, teachers), chosen);
    }

    /** Java's memory needs no help. */
    @Override
    public void close() {}
}

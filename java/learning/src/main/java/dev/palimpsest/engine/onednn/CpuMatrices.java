package dev.palimpsest.engine.onednn;

import dev.palimpsest.engine.Matrices;
import dev.palimpsest.engine.Matrix;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Matrices in Java's memory: a few thousand values per step, so plain loops. */
record CpuMatrices(OneDnnContext engine) implements Matrices {
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
    public Tensor argMax(List<Matrix> matrices, int @Nullable [] columns) {
        int rows = matrices.getFirst().rows();
        int choices = matrices.size();
        float[] chosen = new float[rows * choices];
        for (int row = 0; row < rows; row++) {
            int best = 0;
            double most = 0;
            for (int k = 0; k < choices; k++) {
                CpuMatrix each = (CpuMatrix) matrices.get(k);
                double value = each.at(row, columns == null ? each.best(row) : columns[row]);
                if (k == 0 || value > most) {
                    most = value;
                    best = k;
                }
            }
            chosen[row * choices + best] = 1;
        }
        return engine.tensor(Shape.of(rows, choices), chosen);
    }

    /** Java's memory needs no help. */
    @Override
    public void close() {}
}

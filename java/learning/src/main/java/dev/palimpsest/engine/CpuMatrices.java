package dev.palimpsest.engine;

import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.List;

/** Matrices in Java's memory: a few thousand values a step, so plain loops. */
record CpuMatrices(CpuEngine engine) implements Matrices {
    @Override
    public CpuMatrix of(Tensor matrix) {
        Shape shape = Checks.matrix(matrix);
        float[] values = engine.toArray(matrix);
        CpuMatrix result = zeros(shape.extent(0), shape.extent(1));
        for (int i = 0; i < values.length; i++) {
            result.values()[i] = values[i];
        }
        return result;
    }

    @Override
    public CpuMatrix of(Tensor matrix, Matrix fixed) {
        Checks.fixed(matrix, fixed);
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
    public Tensor surest(List<Matrix> softmaxes, int[] labels) {
        int rows = softmaxes.getFirst().rows();
        int teachers = softmaxes.size();
        float[] chosen = new float[rows * teachers];
        for (int row = 0; row < rows; row++) {
            int best = 0;
            double surest = 0;
            for (int k = 0; k < teachers; k++) {
                CpuMatrix p = (CpuMatrix) softmaxes.get(k);
                double sure = labels == null ? p.highest(row) : p.at(row, labels[row]);
                if (k == 0 || sure > surest) {
                    surest = sure;
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

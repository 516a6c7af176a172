package dev.palimpsest.cuda;

import static dev.palimpsest.cuda.OnDouble.ok;
import static dev.palimpsest.cuda.OnDouble.one;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.Arrays;
import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;
import jcuda.jcublas.JCublas2;
import jcuda.jcublas.cublasHandle;
import jcuda.jcublas.cublasMath;
import org.ejml.simple.SimpleMatrix;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** The cuBLAS double's products equal EJML's in double precision. */
@Tag("device")
class CublasDoubleTest {
    private static final int M = 5;
    private static final int N = 7;
    private static final int K = 4;
    private static final int GAP = 2; // between columns

    @BeforeAll
    static void load() {
        TestDevice.requireDouble();
        DriverDouble.load();
        CudaLibrary.DRIVER.load(TestDevice.options());
        CudaLibrary.CUBLAS.load(TestDevice.options());
    }

    /** Column-major with a gap, as [rows, columns]. */
    private static SimpleMatrix matrix(float[] values, int rows, int columns) {
        SimpleMatrix matrix = new SimpleMatrix(rows, columns);
        for (int r = 0; r < rows; r++) {
            for (int c = 0; c < columns; c++) {
                matrix.set(r, c, values[c * (rows + GAP) + r]);
            }
        }
        return matrix;
    }

    @Test
    void productsOfAllTransposesAndFactors() {
        try (OnDouble device = new OnDouble()) {
            cublasHandle handle = new cublasHandle();
            ok(JCublas2.cublasCreate(handle));
            float[] c = OnDouble.random(3, N * (M + GAP));
            for (int transposes = 0; transposes < 4; transposes++) {
                boolean ta = (transposes & 1) != 0;
                boolean tb = (transposes & 2) != 0;
                int rowsA = ta ? K : M;
                int rowsB = tb ? N : K;
                float[] a = OnDouble.random(1, (ta ? M : K) * (rowsA + GAP));
                float[] b = OnDouble.random(2, (tb ? K : N) * (rowsB + GAP));
                for (float beta : new float[] {0, -0.5f}) {
                    float[] start = c.clone();
                    if (beta == 0) {
                        Arrays.fill(start, Float.NaN); // must not be read
                    }
                    CUdeviceptr out = device.device(start);
                    ok(JCublas2.cublasSgemm(
                            handle,
                            ta ? 1 : 0,
                            tb ? 1 : 0,
                            M,
                            N,
                            K,
                            one(1.5f),
                            device.device(a),
                            rowsA + GAP,
                            device.device(b),
                            rowsB + GAP,
                            one(beta),
                            out,
                            M + GAP));
                    SimpleMatrix left = ta ? matrix(a, K, M).transpose() : matrix(a, M, K);
                    SimpleMatrix right = tb ? matrix(b, N, K).transpose() : matrix(b, K, N);
                    SimpleMatrix expected = left.mult(right).scale(1.5);
                    if (beta != 0) {
                        expected = expected.plus(matrix(c, M, N).scale(beta));
                    }
                    SimpleMatrix actual = matrix(device.host(out, c.length), M, N);
                    float[] values = new float[M * N];
                    for (int i = 0; i < values.length; i++) {
                        values[i] = (float) actual.get(i);
                    }
                    OnDouble.assertNear(expected.getDDRM().data, values, "product " + transposes + " beta " + beta);
                }
            }
            assertEquals(0, DriverDouble.count("cublas.tf32"));
            ok(JCublas2.cublasSetMathMode(handle, cublasMath.CUBLAS_TF32_TENSOR_OP_MATH));
            ok(JCublas2.cublasSgemm(
                    handle,
                    0,
                    0,
                    1,
                    1,
                    1,
                    one(1),
                    device.device(2),
                    1,
                    device.device(3),
                    1,
                    one(0),
                    device.device(0),
                    1));
            assertEquals(1, DriverDouble.count("cublas.tf32"));
            ok(JCublas2.cublasDestroy(handle));
            assertEquals(0, DriverDouble.count("live.cublas_handle"));
        }
    }

    /** Values that float32 would lose. */
    @Test
    void productsInDoublePrecision() {
        try (OnDouble device = new OnDouble()) {
            cublasHandle handle = new cublasHandle();
            ok(JCublas2.cublasCreate(handle));
            double[] a = {1, 3, 1e-9, 2};
            double[] b = {1 + 1e-12, 5, -1, 4};
            CUdeviceptr out = device.device(new double[4]);
            ok(JCublas2.cublasDgemm(
                    handle,
                    0,
                    1,
                    2,
                    2,
                    2,
                    Pointer.to(new double[] {2}),
                    device.device(a),
                    2,
                    device.device(b),
                    2,
                    Pointer.to(new double[] {0}),
                    out,
                    2));
            SimpleMatrix left = new SimpleMatrix(2, 2, false, a);
            SimpleMatrix right = new SimpleMatrix(2, 2, false, b);
            assertArrayEquals(
                    left.mult(right.transpose()).scale(2).transpose().getDDRM().data,
                    device.hostDoubles(out, 4),
                    1e-15);
            assertEquals(1, DriverDouble.count("cublas.float64"));
            ok(JCublas2.cublasDestroy(handle));
        }
    }

    @Test
    void aProductThatReadsBeyondItsMatrixLosesTheContext() {
        try (OnDouble device = new OnDouble()) {
            cublasHandle handle = new cublasHandle();
            ok(JCublas2.cublasCreate(handle));
            ok(JCublas2.cublasSgemm(
                    handle,
                    0,
                    0,
                    2,
                    2,
                    2,
                    one(1),
                    device.device(1, 2, 3),
                    2,
                    device.device(1, 2, 3, 4),
                    2,
                    one(0),
                    device.device(0, 0, 0, 0),
                    2));
            assertEquals(1, DriverDouble.count("faults"), DriverDouble::report);
        }
    }
}

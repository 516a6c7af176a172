package dev.palimpsest.cuda;

import static dev.palimpsest.cuda.OnDouble.assertNear;
import static dev.palimpsest.cuda.OnDouble.ok;
import static dev.palimpsest.cuda.OnDouble.one;
import static jcuda.jcudnn.JCudnn.*;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.Doubles;
import java.util.Arrays;
import java.util.function.ToDoubleFunction;
import jcuda.driver.CUdeviceptr;
import jcuda.jcudnn.cudnnConvolutionDescriptor;
import jcuda.jcudnn.cudnnFilterDescriptor;
import jcuda.jcudnn.cudnnHandle;
import jcuda.jcudnn.cudnnPoolingDescriptor;
import jcuda.jcudnn.cudnnTensorDescriptor;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The cuDNN double's layers equal double loops and their central differences, in both layouts, with beta 0 and not.
 */
@Tag("device")
class CudnnDoubleTest {
    private static final int N = 2;
    private static final int C = 3;
    private static final int H = 5;
    private static final int W = 4;
    private static final int K = 2;
    private static final int R = 3;
    private static final int P = 3; // rows of the result: stride 2, padding 1
    private static final int Q = 2;
    private static final int FMA = 3;

    private OnDouble device;
    private cudnnHandle handle;

    @BeforeAll
    static void load() {
        TestDevice.requireDouble();
        DriverDouble.load();
        CudaLibrary.DRIVER.load(TestDevice.options());
        CudaLibrary.CUDNN.load(TestDevice.options());
    }

    @BeforeEach
    void open() {
        device = new OnDouble();
        handle = new cudnnHandle();
        ok(cudnnCreate(handle));
    }

    @AfterEach
    void close() {
        ok(cudnnDestroy(handle));
        device.close();
    }

    private static cudnnTensorDescriptor tensor(int format, int n, int c, int h, int w) {
        cudnnTensorDescriptor descriptor = new cudnnTensorDescriptor();
        ok(cudnnCreateTensorDescriptor(descriptor));
        ok(cudnnSetTensor4dDescriptor(descriptor, format, 0, n, c, h, w));
        return descriptor;
    }

    /** NCHW values as they lie in the format, and back. */
    private static int place(int format, int i, int c, int positions) {
        int image = i / (c * positions);
        int channel = i / positions % c;
        return format == 0 ? i : (image * positions + i % positions) * c + channel;
    }

    private static float[] laidOut(int format, float[] values, int c, int positions) {
        float[] result = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            result[place(format, i, c, positions)] = values[i];
        }
        return result;
    }

    private static float[] plain(int format, float[] values, int c, int positions) {
        float[] result = new float[values.length];
        for (int i = 0; i < values.length; i++) {
            result[i] = values[place(format, i, c, positions)];
        }
        return result;
    }

    private static double[] wide(float[] values) {
        double[] result = new double[values.length];
        Arrays.setAll(result, i -> values[i]);
        return result;
    }

    private static double[] convolution(double[] x, double[] w) {
        double[] y = new double[N * K * P * Q];
        for (int i = 0; i < y.length; i++) {
            int n = i / (K * P * Q);
            int k = i / (P * Q) % K;
            int top = i / Q % P * 2 - 1;
            int left = i % Q * 2 - 1;
            for (int c = 0; c < C; c++) {
                for (int r = Math.max(0, -top); r < R && top + r < H; r++) {
                    for (int s = Math.max(0, -left); s < R && left + s < W; s++) {
                        y[i] += x[((n * C + c) * H + top + r) * W + left + s] * w[((k * C + c) * R + r) * R + s];
                    }
                }
            }
        }
        return y;
    }

    private static double dot(double[] a, double[] b) {
        double sum = 0;
        for (int i = 0; i < a.length; i++) {
            sum += a[i] * b[i];
        }
        return sum;
    }

    private static double[] differences(double[] at, ToDoubleFunction<double[]> function) {
        return Doubles.gradient(new double[][] {at}, rows -> function.applyAsDouble(rows[0]));
    }

    private static double[] blended(double[] values, float alpha, float beta, float[] old) {
        double[] result = new double[values.length];
        Arrays.setAll(result, i -> alpha * values[i] + (beta == 0 ? 0 : beta * old[i]));
        return result;
    }

    private CUdeviceptr output(int format, float[] old, float beta, int c, int positions) {
        float[] start = laidOut(format, old, c, positions);
        if (beta == 0) {
            Arrays.fill(start, Float.NaN); // must not be read
        }
        return device.device(start);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void convolutions(int format) {
        float[] x = OnDouble.random(1, N * C * H * W);
        float[] w = OnDouble.random(2, K * C * R * R);
        float[] dy = OnDouble.random(3, N * K * P * Q);
        cudnnTensorDescriptor xs = tensor(format, N, C, H, W);
        cudnnTensorDescriptor ys = tensor(format, N, K, P, Q);
        cudnnFilterDescriptor ws = new cudnnFilterDescriptor();
        ok(cudnnCreateFilterDescriptor(ws));
        ok(cudnnSetFilter4dDescriptor(ws, 0, format, K, C, R, R));
        cudnnConvolutionDescriptor geometry = new cudnnConvolutionDescriptor();
        ok(cudnnCreateConvolutionDescriptor(geometry));
        ok(cudnnSetConvolution2dDescriptor(geometry, 1, 1, 2, 2, 1, 1, 1, 0));
        ok(cudnnSetConvolutionMathType(geometry, FMA));
        CUdeviceptr dx = device.device(laidOut(format, x, C, H * W));
        CUdeviceptr dw = device.device(laidOut(format, w, C, R * R));
        CUdeviceptr ddy = device.device(laidOut(format, dy, K, P * Q));
        for (float beta : new float[] {0, 0.5f}) {
            CUdeviceptr y = output(format, dy, beta, K, P * Q);
            ok(cudnnConvolutionForward(handle, one(2), xs, dx, ws, dw, geometry, 0, null, 0, one(beta), ys, y));
            assertNear(
                    blended(convolution(wide(x), wide(w)), 2, beta, dy),
                    plain(format, device.host(y, dy.length), K, P * Q),
                    "forward");

            CUdeviceptr gx = output(format, x, beta, C, H * W);
            long[] bytes = new long[1];
            ok(cudnnGetConvolutionBackwardDataWorkspaceSize(handle, ws, ys, geometry, xs, 1, bytes));
            CUdeviceptr workspace = device.device(new float[(int) bytes[0] / 4]);
            ok(cudnnConvolutionBackwardData(
                    handle, one(2), ws, dw, ys, ddy, geometry, 1, workspace, bytes[0], one(beta), xs, gx));
            double[] toX = differences(wide(x), at -> dot(convolution(at, wide(w)), wide(dy)));
            assertNear(blended(toX, 2, beta, x), plain(format, device.host(gx, x.length), C, H * W), "to data");

            CUdeviceptr gw = output(format, w, beta, C, R * R);
            ok(cudnnConvolutionBackwardFilter(
                    handle, one(2), xs, dx, ys, ddy, geometry, 0, null, 0, one(beta), ws, gw));
            double[] toW = differences(wide(w), at -> dot(convolution(wide(x), at), wide(dy)));
            assertNear(blended(toW, 2, beta, w), plain(format, device.host(gw, w.length), C, R * R), "to filter");
        }
        assertEquals(0, DriverDouble.count("cudnn.tf32"));
        assertEquals(2, DriverDouble.count("cudnn.nondeterministic"), "backward filter by algorithm 0");
        assertEquals(4, DriverDouble.count("cudnn.deterministic"));
    }

    private static double[] normalised(double[] x, float[] scale, float[] shift) {
        double[] y = new double[x.length];
        for (int c = 0; c < C; c++) {
            double mean = mean(x, c);
            double deviation = Math.sqrt(variance(x, c) + 1e-5);
            for (int i = 0; i < x.length; i++) {
                if (i / (H * W) % C == c) {
                    y[i] = (x[i] - mean) / deviation * scale[c] + shift[c];
                }
            }
        }
        return y;
    }

    private static double mean(double[] x, int channel) {
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            sum += i / (H * W) % C == channel ? x[i] : 0;
        }
        return sum / (N * H * W);
    }

    private static double variance(double[] x, int channel) {
        double mean = mean(x, channel);
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            sum += i / (H * W) % C == channel ? (x[i] - mean) * (x[i] - mean) : 0;
        }
        return sum / (N * H * W);
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void batchNorm(int format) {
        float[] x = OnDouble.random(1, N * C * H * W);
        float[] dy = OnDouble.random(2, x.length);
        float[] scale = {1.5f, -0.5f, 2};
        float[] shift = {0.25f, 1, -1};
        float[] old = {1, 2, 3};
        cudnnTensorDescriptor xs = tensor(format, N, C, H, W);
        cudnnTensorDescriptor channels = tensor(0, 1, C, 1, 1);
        CUdeviceptr in = device.device(laidOut(format, x, C, H * W));
        CUdeviceptr g = device.device(scale);
        CUdeviceptr b = device.device(shift);
        CUdeviceptr y = output(format, x, 0, C, H * W);
        CUdeviceptr runningMean = device.device(old);
        CUdeviceptr runningVariance = device.device(old);
        CUdeviceptr savedMean = device.device(new float[C]);
        CUdeviceptr savedInverse = device.device(new float[C]);
        ok(cudnnBatchNormalizationForwardTraining(
                handle,
                1,
                one(1),
                one(0),
                xs,
                in,
                xs,
                y,
                channels,
                g,
                b,
                0.1,
                runningMean,
                runningVariance,
                1e-5,
                savedMean,
                savedInverse));
        assertNear(normalised(wide(x), scale, shift), plain(format, device.host(y, x.length), C, H * W), "training");
        double[] means = new double[C];
        double[] variances = new double[C];
        double count = N * H * W;
        for (int c = 0; c < C; c++) {
            means[c] = 0.9 * old[c] + 0.1 * mean(wide(x), c);
            variances[c] = 0.9 * old[c] + 0.1 * variance(wide(x), c) * count / (count - 1);
        }
        assertNear(means, device.host(runningMean, C), "running mean");
        assertNear(variances, device.host(runningVariance, C), "running variance");

        CUdeviceptr dx = output(format, x, 0, C, H * W);
        CUdeviceptr dg = device.device(Float.NaN, Float.NaN, Float.NaN);
        CUdeviceptr db = device.device(Float.NaN, Float.NaN, Float.NaN);
        CUdeviceptr above = device.device(laidOut(format, dy, C, H * W));
        ok(cudnnBatchNormalizationBackward(
                handle,
                1,
                one(1),
                one(0),
                one(1),
                one(0),
                xs,
                in,
                xs,
                above,
                xs,
                dx,
                channels,
                g,
                dg,
                db,
                1e-5,
                savedMean,
                savedInverse));
        double[] toX = differences(wide(x), at -> dot(normalised(at, scale, shift), wide(dy)));
        assertNear(toX, plain(format, device.host(dx, x.length), C, H * W), "to data");
        double[] toScale = new double[C];
        double[] toShift = new double[C];
        double[] unit = normalised(wide(x), new float[] {1, 1, 1}, new float[C]);
        for (int i = 0; i < x.length; i++) {
            toScale[i / (H * W) % C] += dy[i] * unit[i];
            toShift[i / (H * W) % C] += dy[i];
        }
        assertNear(toScale, device.host(dg, C), "to scale");
        assertNear(toShift, device.host(db, C), "to shift");

        ok(cudnnBatchNormalizationForwardInference(
                handle, 1, one(1), one(0), xs, in, xs, y, channels, g, b, runningMean, runningVariance, 1e-5));
        double[] expected = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            int c = i / (H * W) % C;
            expected[i] = (x[i] - means[c]) / Math.sqrt(variances[c] + 1e-5) * scale[c] + shift[c];
        }
        assertNear(expected, plain(format, device.host(y, x.length), C, H * W), "inference");
    }

    /** Average over all positions, as a network ends. */
    @ParameterizedTest
    @ValueSource(ints = {0, 1})
    void averagePooling(int format) {
        float[] x = OnDouble.random(1, N * C * H * W);
        float[] dy = OnDouble.random(2, N * C);
        cudnnTensorDescriptor xs = tensor(format, N, C, H, W);
        cudnnTensorDescriptor ys = tensor(format, N, C, 1, 1);
        cudnnPoolingDescriptor pooling = new cudnnPoolingDescriptor();
        ok(cudnnCreatePoolingDescriptor(pooling));
        ok(cudnnSetPooling2dDescriptor(pooling, 2, 0, H, W, 0, 0, 1, 1));
        CUdeviceptr in = device.device(laidOut(format, x, C, H * W));
        CUdeviceptr y = output(format, dy, 0, C, 1);
        ok(cudnnPoolingForward(handle, pooling, one(1), xs, in, one(0), ys, y));
        double[] means = new double[N * C];
        double[] toX = new double[x.length];
        for (int i = 0; i < x.length; i++) {
            means[i / (H * W)] += x[i] / (double) (H * W);
            toX[i] = dy[i / (H * W)] / (double) (H * W);
        }
        assertNear(means, device.host(y, N * C), "forward");
        CUdeviceptr dx = output(format, x, 0, C, H * W);
        ok(cudnnPoolingBackward(handle, pooling, one(1), ys, y, ys, device.device(dy), xs, in, one(0), xs, dx));
        assertNear(toX, plain(format, device.host(dx, x.length), C, H * W), "backward");
    }
}

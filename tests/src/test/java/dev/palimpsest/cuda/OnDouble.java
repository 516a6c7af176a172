package dev.palimpsest.cuda;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Random;
import jcuda.Pointer;
import jcuda.driver.CUcontext;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdeviceptr;
import jcuda.driver.JCudaDriver;

/** Device memory for tests of the library doubles, through JCuda alone. */
final class OnDouble implements AutoCloseable {
    private final CUcontext context = new CUcontext();

    OnDouble() {
        DriverDouble.reset();
        ok(JCudaDriver.cuInit(0));
        CUdevice device = new CUdevice();
        ok(JCudaDriver.cuDeviceGet(device, 0));
        ok(JCudaDriver.cuCtxCreate(context, 0, device));
    }

    static void ok(int status) {
        assertEquals(0, status, DriverDouble::report);
    }

    CUdeviceptr device(float... values) {
        CUdeviceptr address = new CUdeviceptr();
        ok(JCudaDriver.cuMemAlloc(address, 4L * values.length));
        ok(JCudaDriver.cuMemcpyHtoD(address, Pointer.to(values), 4L * values.length));
        return address;
    }

    CUdeviceptr device(double[] values) {
        CUdeviceptr address = new CUdeviceptr();
        ok(JCudaDriver.cuMemAlloc(address, 8L * values.length));
        ok(JCudaDriver.cuMemcpyHtoD(address, Pointer.to(values), 8L * values.length));
        return address;
    }

    double[] hostDoubles(CUdeviceptr address, int count) {
        double[] values = new double[count];
        ok(JCudaDriver.cuMemcpyDtoH(Pointer.to(values), address, 8L * count));
        return values;
    }

    float[] host(CUdeviceptr address, int count) {
        float[] values = new float[count];
        ok(JCudaDriver.cuMemcpyDtoH(Pointer.to(values), address, 4L * count));
        return values;
    }

    static float[] random(int seed, int count) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    /** Within 1e-5 of the largest expected magnitude; NaN and zeros fail. */
    static void assertNear(double[] expected, float[] actual, String what) {
        assertEquals(expected.length, actual.length, what);
        double largest = 0;
        for (double value : expected) {
            largest = Math.max(largest, Math.abs(value));
        }
        assertTrue(largest > 1e-3, what + ": the reference is nothing");
        for (int i = 0; i < expected.length; i++) {
            int at = i;
            assertTrue(
                    Math.abs(expected[i] - actual[i]) <= 1e-5 * largest,
                    () -> what + "[" + at + "]: " + actual[at] + ", expected " + expected[at]);
        }
    }

    static Pointer one(float value) {
        return Pointer.to(new float[] {value});
    }

    @Override
    public void close() {
        DriverDouble.reset();
    }
}

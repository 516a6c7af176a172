package dev.palimpsest.engine;

import dev.palimpsest.cuda.CudaOptions;
import dev.palimpsest.cuda.DriverDouble;
import dev.palimpsest.cuda.TestDevice;

/**
 * Engines for tests of group "device": on the doubles of NVIDIA's libraries, or, with {@code -Drequire.device=cuda},
 * on the machine's GPU.
 */
public final class DeviceEngine {
    static final DeviceOptions.Device CUDA = DeviceOptions.Device.parse("cuda");

    private DeviceEngine() {}

    /** A fresh machine, and an engine on it. */
    public static Engine open() {
        prepare();
        return new CudaEngine(new DeviceOptions(CUDA, false, true, 0), 1);
    }

    /** A fresh machine, whose libraries engines find from now on. */
    public static void prepare() {
        TestDevice.options().libraries().ifPresent(folder -> {
            DriverDouble.reset();
            System.setProperty(CudaOptions.LIBRARIES, folder.toString());
        });
    }
}

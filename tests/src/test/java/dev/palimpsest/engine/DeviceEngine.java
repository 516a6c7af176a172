package dev.palimpsest.engine;

import dev.palimpsest.cuda.CudaOptions;
import dev.palimpsest.cuda.DriverDouble;
import dev.palimpsest.cuda.TestDevice;

/**
 * Engines for tests of group "device": on the doubles of NVIDIA's libraries, or, with {@code -Drequire.device=cuda},
 * on the machine's GPU.
 */
public final class DeviceEngine {
    /** One thread, and only algorithms that repeat. */
    public static final DeviceOptions OPTIONS =
            new DeviceOptions(new DeviceOptions.Device("cuda", 0), 1, false, true, 0);

    private DeviceEngine() {}

    /** A fresh machine, and an engine on it. */
    public static Engine open() {
        prepare();
        return Engines.open(OPTIONS, remark -> {});
    }

    /** A fresh machine, whose libraries engines find from now on. */
    public static void prepare() {
        TestDevice.options().libraries().ifPresent(folder -> {
            DriverDouble.reset();
            System.setProperty(CudaOptions.LIBRARIES, folder.toString());
        });
    }
}

package dev.palimpsest.cli;

import dev.palimpsest.cli.Doctor.Finding;
import dev.palimpsest.cuda.Cuda;
import dev.palimpsest.cuda.CudaDevice;
import dev.palimpsest.cuda.CudaDeviceInfo;
import dev.palimpsest.cuda.CudaException;
import dev.palimpsest.cuda.CudaLibrary;
import dev.palimpsest.cuda.CudaOptions;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/** What the doctor looks at where a GPU may be. */
final class Gpu {
    private Gpu() {}

    /** Driver first; libraries, devices and kernels only where there is one, since they mean nothing without. */
    static List<Supplier<Finding>> examinations(CudaOptions options) {
        Cuda.Probe probe = Cuda.probe(options);
        if (!probe.hasDevice()) {
            return List.of(() -> new Finding("GPU", false, probe.trouble().orElseThrow() + "; the CPU is used"));
        }
        List<Supplier<Finding>> all = new ArrayList<>();
        all.add(() -> new Finding(
                "GPU",
                true,
                "driver for CUDA " + probe.driver().orElseThrow() + ", "
                        + count(probe.devices().size())));
        for (CudaLibrary library : List.of(CudaLibrary.CUBLAS, CudaLibrary.CUDNN, CudaLibrary.NVRTC)) {
            String missing = probe.missing().get(library);
            all.add(() -> new Finding("GPU " + library.title(), missing == null, missing == null ? "found" : missing));
        }
        for (CudaDeviceInfo device : probe.devices()) {
            all.add(() -> new Finding("GPU device", true, device.toString()));
            all.add(() -> kernels(device.index(), options));
        }
        return all;
    }

    private static String count(int devices) {
        return devices == 1 ? "one device" : devices + " devices";
    }

    private static Finding kernels(int index, CudaOptions options) {
        try (CudaDevice device = CudaDevice.open(index, options)) {
            List<String> origins = CudaDevice.sources().stream()
                    .map(device::imageOrigin)
                    .distinct()
                    .toList();
            return new Finding("GPU kernels", true, "cuda:" + index + ", " + String.join("; ", origins));
        } catch (CudaException e) {
            return new Finding("GPU kernels", false, "cuda:" + index + ": " + e.getMessage());
        }
    }
}

package dev.palimpsest.cuda.engine;

import dev.palimpsest.cuda.Cuda;
import dev.palimpsest.cuda.CudaDevice;
import dev.palimpsest.cuda.CudaException;
import dev.palimpsest.cuda.CudaLibrary;
import dev.palimpsest.cuda.CudaOptions;
import dev.palimpsest.engine.EngineProvider.Diagnosis;
import java.util.ArrayList;
import java.util.List;

/** What the doctor looks at where a GPU may be. */
final class CudaDiagnosis {
    private CudaDiagnosis() {}

    /** Driver first; libraries, devices and kernels only where there is one, since they mean nothing without. */
    static List<Diagnosis> of(CudaOptions options) {
        Cuda.Probe probe = Cuda.probe(options);
        if (!probe.hasDevice()) {
            return List.of(new Diagnosis("GPU", false, probe.trouble().orElseThrow() + "; the CPU is used"));
        }
        List<Diagnosis> all = new ArrayList<>();
        all.add(new Diagnosis(
                "GPU",
                true,
                "driver for CUDA " + probe.driver().orElseThrow() + ", "
                        + count(probe.devices().size())));
        for (CudaLibrary library : List.of(CudaLibrary.CUBLAS, CudaLibrary.CUDNN, CudaLibrary.NVRTC)) {
            String missing = probe.missing().get(library);
            all.add(new Diagnosis("GPU " + library.title(), missing == null, missing == null ? "found" : missing));
        }
        for (CudaDevice.Hardware device : probe.devices()) {
            all.add(new Diagnosis("GPU device", true, device.toString()));
            all.add(kernels(device.index(), options));
        }
        return all;
    }

    private static String count(int devices) {
        return devices == 1 ? "one device" : devices + " devices";
    }

    private static Diagnosis kernels(int index, CudaOptions options) {
        try (CudaDevice device = CudaDevice.open(index, options)) {
            List<String> origins = CudaDevice.sources().stream()
                    .map(device::imageOrigin)
                    .distinct()
                    .toList();
            return new Diagnosis("GPU kernels", true, "cuda:" + index + ", " + String.join("; ", origins));
        } catch (CudaException e) {
            return new Diagnosis("GPU kernels", false, "cuda:" + index + ": " + e.getMessage());
        }
    }
}

package dev.palimpsest.cuda;

import static jcuda.driver.CUresult.CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE;
import static jcuda.driver.CUresult.CUDA_ERROR_NO_DEVICE;
import static jcuda.driver.CUresult.CUDA_ERROR_STUB_LIBRARY;
import static jcuda.driver.CUresult.CUDA_ERROR_SYSTEM_DRIVER_MISMATCH;
import static jcuda.driver.CUresult.CUDA_SUCCESS;

import dev.palimpsest.cuda.CudaException.Kind;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import jcuda.driver.CUdevice;
import jcuda.driver.CUdevice_attribute;
import jcuda.driver.JCudaDriver;

/** Finds out what of CUDA is here. Nothing of JCuda is touched before the driver's library has been found. */
public final class Cuda {
    /** The least driver that cuBLAS 12, cuDNN 9 and JCuda 12 work with, as cuDriverGetVersion counts: CUDA 12.0. */
    private static final int LEAST_DRIVER = 12000;

    /**
     * What was found.
     *
     * @param trouble why no device can be used, in one sentence; empty if one can
     * @param driver the newest CUDA version that the driver supports, as in "12.6"; empty without a driver
     * @param devices those that the driver shows; at least one unless there is trouble
     * @param missing why each library that is not there is not; the driver's own absence is the trouble
     */
    public record Probe(
            Optional<String> trouble,
            Optional<String> driver,
            List<CudaDevice.Hardware> devices,
            Map<CudaLibrary, String> missing) {
        /** Copies the lists. */
        public Probe {
            devices = List.copyOf(devices);
            missing = Map.copyOf(missing);
        }

        /**
         * Whether {@link CudaDevice#open} has a device to open. Layers need cuBLAS and cuDNN besides.
         *
         * @return true if a device was found
         */
        public boolean hasDevice() {
            return trouble.isEmpty();
        }
    }

    private Cuda() {}

    /**
     * Looks at driver, devices and libraries; opens no device. Throws nothing: what is wrong is in the answer.
     *
     * @param options where libraries are looked for
     * @return what was found
     */
    public static Probe probe(CudaOptions options) {
        try {
            start(options);
        } catch (CudaException e) {
            return new Probe(Optional.of(e.getMessage()), Optional.empty(), List.of(), Map.of());
        }
        Map<CudaLibrary, String> missing = new TreeMap<>();
        for (CudaLibrary library : List.of(CudaLibrary.NVRTC, CudaLibrary.CUBLAS, CudaLibrary.CUDNN)) {
            library.missing(options).ifPresent(why -> missing.put(library, why));
        }
        Optional<String> driver = Optional.empty();
        try {
            driver = Optional.of(version(driverVersion()));
            return new Probe(Optional.empty(), driver, devices(), missing);
        } catch (CudaException e) {
            return new Probe(Optional.of(e.getMessage()), driver, List.of(), missing);
        }
    }

    /**
     * Loads and initialises the driver.
     *
     * @throws CudaException if there is none, or one that is too old or shows no device
     */
    static void start(CudaOptions options) {
        CudaLibrary.DRIVER.load(options);
        int version = driverVersion();
        if (version < LEAST_DRIVER) {
            throw new CudaException(
                    Kind.UNAVAILABLE,
                    "the NVIDIA driver supports CUDA " + version(version) + ", expected " + version(LEAST_DRIVER)
                            + " or newer: update it (to 525 or newer)");
        }
        int status = JCudaDriver.cuInit(0);
        switch (status) {
            case CUDA_SUCCESS -> {
                return;
            }
            case CUDA_ERROR_NO_DEVICE ->
                throw new CudaException(Kind.UNAVAILABLE, "the NVIDIA driver shows no device" + visible());
            case CUDA_ERROR_SYSTEM_DRIVER_MISMATCH, CUDA_ERROR_COMPAT_NOT_SUPPORTED_ON_DEVICE ->
                throw new CudaException(
                        Kind.UNAVAILABLE,
                        "libcuda.so.1 and the kernel's NVIDIA module do not fit together (" + Driver.name(status)
                                + "): reboot after an update of the driver");
            case CUDA_ERROR_STUB_LIBRARY ->
                throw new CudaException(
                        Kind.UNAVAILABLE,
                        "the libcuda.so.1 that was found is the toolkit's stub, not a driver: take its folder off the"
                                + " linker's path");
            default ->
                throw new CudaException(Kind.UNAVAILABLE, "the NVIDIA driver does not start: " + Driver.name(status));
        }
    }

    /** @throws CudaException if there is no device of that index */
    static CUdevice device(int index) {
        int count = count();
        if (index < 0 || index >= count) {
            throw new CudaException(
                    Kind.UNAVAILABLE,
                    "cuda:" + index + " is not there: the driver shows "
                            + (count == 1 ? "one device, cuda:0" : count + " devices, cuda:0 to cuda:" + (count - 1))
                            + visible());
        }
        CUdevice device = new CUdevice();
        Driver.check(JCudaDriver.cuDeviceGet(device, index), "looking for cuda:" + index);
        return device;
    }

    static List<CudaDevice.Hardware> devices() {
        List<CudaDevice.Hardware> found = new ArrayList<>();
        int count = count();
        if (count == 0) {
            throw new CudaException(Kind.UNAVAILABLE, "the NVIDIA driver shows no device" + visible());
        }
        for (int index = 0; index < count; index++) {
            found.add(info(index, device(index)));
        }
        return found;
    }

    static CudaDevice.Hardware info(int index, CUdevice device) {
        byte[] name = new byte[256];
        long[] memory = new long[1];
        Driver.check(JCudaDriver.cuDeviceGetName(name, name.length, device), "asking for the device's name");
        Driver.check(JCudaDriver.cuDeviceTotalMem(memory, device), "asking for the device's memory");
        int length = 0;
        while (length < name.length && name[length] != 0) {
            length++;
        }
        return new CudaDevice.Hardware(
                index,
                new String(name, 0, length, StandardCharsets.UTF_8),
                attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR),
                attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR),
                attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN),
                attribute(device, CUdevice_attribute.CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT),
                memory[0]);
    }

    private static int count() {
        int[] count = new int[1];
        Driver.check(JCudaDriver.cuDeviceGetCount(count), "counting devices");
        return count[0];
    }

    private static int attribute(CUdevice device, int attribute) {
        int[] value = new int[1];
        Driver.check(
                JCudaDriver.cuDeviceGetAttribute(value, attribute, device),
                "asking for the device's attribute " + attribute);
        return value[0];
    }

    private static int driverVersion() {
        int[] version = new int[1];
        Driver.check(JCudaDriver.cuDriverGetVersion(version), "asking for the driver's version");
        return version[0];
    }

    private static String version(int number) {
        return number / 1000 + "." + number % 1000 / 10;
    }

    private static String visible() {
        String value = System.getenv("CUDA_VISIBLE_DEVICES");
        return value == null ? "" : "; CUDA_VISIBLE_DEVICES is \"" + value + "\" and hides the others";
    }
}

package dev.palimpsest.cuda;

import jcuda.Pointer;
import jcuda.driver.CUdeviceptr;

/** JCuda's pointers from addresses and back. */
final class Address {
    /** A null pointer at an offset: the only way that JCuda leaves open to make a device pointer of a number. */
    private static final class Device extends CUdeviceptr {
        Device(long address) {
            super(new CUdeviceptr(), address);
        }
    }

    private static final class Host extends Pointer {
        Host(long address) {
            super(address);
        }
    }

    /** Reads what the driver wrote into it. */
    static final class DeviceResult extends CUdeviceptr {
        long value() {
            return getNativePointer();
        }
    }

    /** Reads what the driver wrote into it. */
    static final class HostResult extends Pointer {
        long value() {
            return getNativePointer();
        }
    }

    private Address() {}

    static CUdeviceptr device(long address) {
        return new Device(address);
    }

    static Pointer host(long address) {
        return new Host(address);
    }
}

package dev.palimpsest.cuda.engine;

import dev.palimpsest.cuda.CudaStream;
import dev.palimpsest.cuda.DeviceBuffer;
import dev.palimpsest.tensor.Mirror;
import java.lang.foreign.MemorySegment;
import java.util.IdentityHashMap;

/**
 * Copies on the device of what a model keeps on the host, each made when it is first used and kept until it is
 * forgotten or the engine closes.
 */
final class CudaMirrors {
    private final CudaQueue engine;
    private final IdentityHashMap<Mirror, Copy> copies = new IdentityHashMap<>();

    CudaMirrors(CudaQueue engine) {
        this.engine = engine;
    }

    private final class Copy extends Mirror.DeviceCopy {
        private final Mirror mirror;
        private final DeviceBuffer buffer;

        Copy(Mirror mirror) {
            super(mirror);
            this.mirror = mirror;
            buffer = engine.device().allocate(mirror.bytes());
        }

        @Override
        protected void renew(MemorySegment host) {
            stream().toDevice(host, buffer.address());
        }

        @Override
        protected void download(MemorySegment host) {
            engine.requireOpen();
            stream().toHost(buffer.address(), host);
        }

        @Override
        protected void clear() {
            engine.requireOpen();
            stream().zero(buffer.address(), buffer.bytes());
        }

        /** Work that is queued may still use it: its next holder waits for that. */
        @Override
        protected void free() {
            copies.remove(mirror, this);
            buffer.close();
        }

        private CudaStream stream() {
            buffer.usedBy(engine.streamContext().stream());
            return engine.streamContext().stream();
        }
    }

    /** The present values, to be read by work on the engine's stream context. */
    DeviceBuffer read(Mirror mirror) {
        Copy copy = copies.computeIfAbsent(mirror, Copy::new);
        copy.read();
        return copy.buffer.usedBy(engine.streamContext().stream());
    }

    /** The present values, which work on the engine's stream context changes. */
    DeviceBuffer write(Mirror mirror) {
        Copy copy = copies.computeIfAbsent(mirror, Copy::new);
        copy.update();
        return copy.buffer.usedBy(engine.streamContext().stream());
    }

    /** Brings home what only the device has, before the engine closes. */
    void bringHome() {
        copies.values().forEach(Copy::detach);
    }
}

package dev.palimpsest.method;

import dev.palimpsest.engine.DeviceEngine;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;

/** {@link MlpSnapshotsTest} on a GPU, or what stands in for one. */
@Tag("device")
class CudaMlpSnapshotsTest extends MlpSnapshotsTest {
    @BeforeEach
    void prepare() {
        DeviceEngine.prepare();
    }

    @Override
    String device() {
        return "device=cuda";
    }
}

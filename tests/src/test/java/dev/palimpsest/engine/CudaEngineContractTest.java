package dev.palimpsest.engine;

import dev.palimpsest.cuda.TestDevice;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Tag;

@Tag("device")
class CudaEngineContractTest extends EngineContractTest {
    @Override
    Engine open() {
        return DeviceEngine.open();
    }

    @AfterEach
    @Override
    void close() {
        super.close();
        TestDevice.assertNothingIsLeft();
    }
}

package dev.palimpsest.optim;

import dev.palimpsest.engine.DeviceEngine;
import dev.palimpsest.engine.Engine;
import org.junit.jupiter.api.Tag;

@Tag("device")
class CudaOptimiserGoldenTest extends OptimiserGoldenTest {
    @Override
    Engine open() {
        return DeviceEngine.open();
    }
}

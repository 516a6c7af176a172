package dev.palimpsest.method;

import dev.palimpsest.engine.DeviceEngine;
import dev.palimpsest.engine.Engine;
import org.junit.jupiter.api.Tag;

/** {@link RowLossesTest} on a GPU, or what stands in for one. */
@Tag("device")
class CudaRowLossesTest extends RowLossesTest {
    @Override
    Engine open() {
        return DeviceEngine.open();
    }
}

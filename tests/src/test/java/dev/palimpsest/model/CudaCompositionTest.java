package dev.palimpsest.model;

import dev.palimpsest.engine.DeviceEngine;
import dev.palimpsest.engine.Engine;
import org.junit.jupiter.api.Tag;

/** {@link CompositionTest} on a GPU, or what stands in for one. */
@Tag("device")
class CudaCompositionTest extends CompositionTest {
    @Override
    Engine open() {
        return DeviceEngine.open();
    }
}

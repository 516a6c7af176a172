package dev.palimpsest.autograd;

import dev.palimpsest.engine.DeviceEngine;
import dev.palimpsest.engine.Engine;
import org.junit.jupiter.api.Tag;

/** {@link TapeTest} on a GPU, or what stands in for one. */
@Tag("device")
class CudaTapeTest extends TapeTest {
    @Override
    Engine open() {
        return DeviceEngine.open();
    }
}

package dev.palimpsest.optim;

import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;

class CpuOptimiserGoldenTest extends OptimiserGoldenTest {
    @Override
    Engine open() {
        return Engines.cpu(1);
    }
}

package dev.palimpsest.optim;

import dev.palimpsest.engine.Engine;

class CpuOptimiserGoldenTest extends OptimiserGoldenTest {
    @Override
    Engine open() {
        return Engine.cpu(1);
    }
}

package dev.palimpsest.optim;

import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import org.junit.jupiter.api.Test;

class CpuOptimiserTest extends OptimiserTest {
    @Override
    Engine open() {
        return Engines.cpu(1);
    }

    @Test
    void rulesRefuseNumbersOutOfRange() {
        assertMessage("Nesterov needs a momentum", () -> new UpdateRule.Sgd(0, true, 0));
        assertMessage("momentum 1.0", () -> new UpdateRule.Sgd(1, false, 0));
        assertMessage("weight decay -1.0", () -> new UpdateRule.Sgd(0, false, -1));
        assertMessage("beta2 1.0", () -> new UpdateRule.Adam(0.9, 1, 1e-8, 0));
        assertMessage("epsilon NaN", () -> new UpdateRule.Adam(0.9, 0.9, Double.NaN, 0));
    }
}

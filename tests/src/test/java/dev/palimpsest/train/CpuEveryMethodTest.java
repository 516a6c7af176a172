package dev.palimpsest.train;

import java.util.List;

/** A run repeats to the bit. */
class CpuEveryMethodTest extends EveryMethodTest {
    @Override
    List<String> backend(String run) {
        return List.of("device=cpu");
    }

    @Override
    double tolerance() {
        return 0;
    }
}

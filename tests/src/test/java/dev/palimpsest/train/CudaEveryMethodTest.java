package dev.palimpsest.train;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.cuda.TestDevice;
import dev.palimpsest.engine.DeviceEngine;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Streams work in other orders than they were told, as far as their waits allow. */
@Tag("device")
class CudaEveryMethodTest extends EveryMethodTest {
    private static final List<String> DEVICE = List.of("device=cuda", "deterministic=true");

    @Override
    List<String> backend(String run) {
        DeviceEngine.prepare();
        TestDevice.order(run.length());
        return DEVICE;
    }

    @Override
    void over() {
        TestDevice.assertNothingIsLeft();
    }

    @Override
    double tolerance() {
        return 0.02;
    }

    /** Teachers that are rebuilt on the device for every batch, and ones that stay. */
    @Test
    void whatTeachersSayOnTheDeviceDoesNotDependOnTheirMemory() {
        List<String> options = new ArrayList<>(DEVICE);
        options.addAll(List.of(
                "method=m2kd split=3+3+4 batch=128 validation=0.8 lambda-feature=0.05 augment=shift:1".split(" ")));
        DeviceEngine.prepare();
        List<Map<String, Double>> kept = steps(options);
        options.add("teacher-memory=0");
        DeviceEngine.prepare();
        assertEquals(kept, steps(options));
        TestDevice.assertNothingIsLeft();
    }
}

package dev.palimpsest.kernel;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import java.io.IOException;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;

/**
 * The .cu files as host code, under AddressSanitizer and UBSan, with the threads' order drawn from
 * {@code -Dpalimpsest.simt.seed=N}. What this proves, and what only a GPU can show, is in
 * src/test/native/simt/README.md.
 */
class CudaHostBuildTest {
    private static final String SEED = System.getProperty("palimpsest.simt.seed", "1");

    @TestFactory
    Stream<DynamicTest> kernelsEqualTheirTwinsBitForBitAndTouchEachElementOnce() throws IOException {
        return tests("suite", SEED);
    }

    @TestFactory
    Stream<DynamicTest> theEnginesOtherKernelsEqualReferencesInDoubleAndTouchEachElementAsOftenAsTheySay()
            throws IOException {
        return tests("engine", SEED);
    }

    @TestFactory
    Stream<DynamicTest> aBarrierThatIsLeftOutIsMissed() throws IOException {
        return tests("barriers", SEED);
    }

    @TestFactory
    Stream<DynamicTest> everyShapeHasItsLaunch() throws IOException {
        return tests("shapes");
    }

    @TestFactory
    Stream<DynamicTest> theHarnessNoticesMistakes() throws IOException {
        return tests("harness");
    }

    @Test
    void deviceMemoryReadByAPlainPointerEndsTheRun() throws IOException {
        SimtRunner.Outcome outcome = SimtRunner.run("bypass");
        assertNotEquals(0, outcome.status());
        String all = String.join("\n", outcome.lines());
        assertTrue(all.contains("AddressSanitizer: use-after-poison"), all);
    }

    private static Stream<DynamicTest> tests(String command, String... arguments) throws IOException {
        return SimtRunner.checks(command, arguments).stream()
                .map(check -> DynamicTest.dynamicTest(check.name(), () -> {
                    if (check.problem() != null) {
                        fail(check.problem());
                    }
                }));
    }
}

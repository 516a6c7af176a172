package dev.palimpsest.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.cuda.DriverDouble;
import dev.palimpsest.cuda.TestDevice;
import dev.palimpsest.engine.DeviceEngine;
import dev.palimpsest.recipe.Runs;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code --device} of train and eval, with a GPU and on a machine that shows none. */
@Tag("double")
class DeviceChoiceTest {
    private static final String WHY = "The processor computes: the NVIDIA driver shows no device";

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @TempDir
    private Path temporary;

    @BeforeEach
    void prepare() {
        TestDevice.requireDouble();
        DeviceEngine.prepare();
    }

    private int palimpsest(String... words) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return Palimpsest.commandLine(
                        Runs::run,
                        (name, alone) -> new Lines(name, Duration.ofSeconds(5), new PrintWriter(out), System::nanoTime),
                        List.of())
                .setOut(new PrintWriter(out, true))
                .setErr(new PrintWriter(err, true))
                .execute(words);
    }

    private String run() {
        return temporary.resolve("run").toString();
    }

    private int train(String device) {
        return palimpsest(
                "train",
                "m2kd-digits",
                "--split",
                "2x5",
                "--widths",
                "4,8",
                "--epochs",
                "1",
                "--retrain-epochs",
                "1",
                "--validation",
                "0.9",
                "--exemplars",
                "2",
                "--device",
                device,
                "--out",
                run());
    }

    private JsonNode json() throws IOException {
        return new ObjectMapper().readTree(temporary.resolve("run/run.json").toFile());
    }

    @Test
    void trainingThatFindsNoGpuSaysWhyOnTheTerminalAndInTheRun() throws IOException {
        DriverDouble.set(DriverDouble.Setting.DEVICES, 0);
        assertEquals(0, train("auto"), err.toString());
        assertEquals(1, out.toString().lines().filter(WHY::equals).count(), out.toString());
        assertEquals(List.of(WHY), new ObjectMapper().convertValue(json().get("engine_remarks"), List.class));
        assertTrue(json().get("engine").asText().startsWith("oneDNN"), json().toString());
    }

    @Test
    void theBarOfATerminalSaysItToo() {
        new Bar("m2kd", new PrintWriter(out)).computes("oneDNN", List.of(WHY));
        assertEquals(WHY + System.lineSeparator(), out.toString());
    }

    @Test
    void trainingThatIsForcedOntoAGpuThatIsNotThereFailsInOneSentence() {
        DriverDouble.set(DriverDouble.Setting.DEVICES, 0);
        assertEquals(1, train("cuda"));
        assertEquals("the NVIDIA driver shows no device", err.toString().strip());
    }

    @Test
    void theSecondOfTwoGpusCanBeAskedFor() throws IOException {
        DriverDouble.set(DriverDouble.Setting.DEVICES, 2);
        assertEquals(0, train("cuda:1"), err.toString());
        assertTrue(json().get("engine").asText().matches("cuDNN \\d+ on cuda:1, Driver double 1.*"), json().toString());
        TestDevice.assertNothingIsLeft();
    }

    @Test
    void evaluationTakesTheGpuFallsBackOrFails() throws IOException {
        assertEquals(0, train("auto"), err.toString());
        assertTrue(json().get("engine").asText().matches("cuDNN \\d+ on cuda:0, .*"), json().toString());
        assertFalse(out.toString().contains("The processor computes"), out.toString());
        TestDevice.assertNothingIsLeft();

        assertEquals(0, palimpsest("eval", run()), err.toString());
        String processor = out.toString();
        for (String device : List.of("cuda", "auto", "cuda:0")) {
            long launches = DriverDouble.count("launches");
            assertEquals(0, palimpsest("eval", run(), "--device", device), err.toString());
            assertTrue(DriverDouble.count("launches") > launches, "something ran on the GPU");
            // Of so few images none lies so near a border that rounding would move it.
            assertEquals(processor, out.toString());
        }
        long launches = DriverDouble.count("launches");
        assertEquals(0, palimpsest("eval", run(), "--snapshot", "1", "--device", "cpu"), err.toString());
        assertEquals(launches, DriverDouble.count("launches"));
        String earlier = out.toString();
        assertEquals(0, palimpsest("eval", run(), "--snapshot", "1", "--device", "cuda"), err.toString());
        assertTrue(
                DriverDouble.count("palimpsest_cuda_snapshot_reconstruction") > 0,
                "the earlier model is rebuilt on the GPU");
        assertEquals(earlier, out.toString());
        TestDevice.assertNothingIsLeft();

        assertEquals(2, palimpsest("eval", run(), "--device", "gpu"));
        assertEquals(
                "--device = gpu: expected auto, cpu, cuda or cuda:N",
                err.toString().lines().findFirst().orElseThrow());
        assertEquals(1, palimpsest("eval", run(), "--device", "cuda:1"));
        assertEquals(
                "cuda:1 is not there: the driver shows one device, cuda:0",
                err.toString().strip());
        DeviceEngine.prepare();
        DriverDouble.set(DriverDouble.Setting.DEVICES, 0);
        assertEquals(0, palimpsest("eval", run(), "--device", "auto"), err.toString());
        assertEquals(WHY + System.lineSeparator() + processor, out.toString());
    }
}

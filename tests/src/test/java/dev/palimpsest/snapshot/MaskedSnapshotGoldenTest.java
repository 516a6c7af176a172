package dev.palimpsest.snapshot;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.palimpsest.Golden;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Three steps of pruning as PyTorch made them: owners, and snapshots rebuilt at the end, exactly. */
class MaskedSnapshotGoldenTest {
    static Stream<Path> cases() {
        return Golden.cases("masked_snapshot");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void ownersAndRebuiltSnapshotsAreThePublishedOnes(Path file) throws IOException {
        Safetensors golden = Safetensors.read(file);
        double fraction = Double.parseDouble(golden.metadata().get("fraction"));
        List<String> names = golden.names().stream()
                .filter(n -> n.startsWith("trained.1."))
                .map(n -> n.substring(10))
                .toList();
        int steps = (int) golden.names().stream()
                .filter(n -> n.startsWith("owner.") && n.endsWith("." + names.getFirst()))
                .count();
        try (Arena arena = Arena.ofConfined()) {
            List<Parameter> parameters = names.stream()
                    .map(n -> new Parameter(n, Parameter.Role.WEIGHT, golden.shape("trained.1." + n), arena))
                    .toList();
            Owners owners = new Owners(parameters);
            try (PackedSnapshots snapshots = new PackedSnapshots(owners)) {
                for (int step = 1; step <= steps; step++) {
                    train(golden, parameters, owners, step, fraction);
                    assertEquals(step, snapshots.add(parameters, List.of()));
                }
                for (Parameter parameter : parameters) {
                    requireRebuilt(golden, snapshots, parameter, steps);
                }
            }
        }
    }

    private static void train(
            Safetensors golden, List<Parameter> parameters, Owners owners, int step, double fraction) {
        owners.claim(step);
        for (Parameter parameter : parameters) {
            parameter.set(golden.floats("trained." + step + "." + parameter.name()));
        }
        owners.release(step, fraction);
        for (Parameter parameter : parameters) {
            String name = step + "." + parameter.name();
            assertArrayEquals(golden.bytes("owner." + name), owners.codes(parameter), "owner." + name);
            float[] survivors = golden.floats("survivors." + name);
            byte[] mask = owners.trainable(parameter);
            for (int i = 0; i < survivors.length; i++) {
                if (mask[i] != 0) {
                    parameter.update().setAtIndex(ValueLayout.JAVA_FLOAT, i, survivors[i]);
                }
            }
            assertSameBits(survivors, parameter.read(), "survivors." + name);
        }
    }

    private static void requireRebuilt(Safetensors golden, Snapshots snapshots, Parameter parameter, int steps) {
        MemorySegment out = MemorySegment.ofArray(new float[parameter.size()]);
        for (int step = 1; step <= steps; step++) {
            snapshots.weight(step, parameter, null, out);
            String name = step + "." + parameter.name();
            assertSameBits(golden.floats("snapshot." + name), out, "snapshot." + name);
            assertSameBits(golden.floats("survivors." + name), out, "survivors." + name);
        }
    }

    private static void assertSameBits(float[] expected, MemorySegment actual, String name) {
        assertArrayEquals(
                MemorySegment.ofArray(expected).toArray(ValueLayout.JAVA_INT),
                actual.toArray(ValueLayout.JAVA_INT),
                name);
    }
}

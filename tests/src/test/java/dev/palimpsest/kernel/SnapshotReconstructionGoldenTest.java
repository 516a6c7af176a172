package dev.palimpsest.kernel;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.Golden;
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

/** Every step's weights come back, bit for bit, from the last step's weights and owners. */
class SnapshotReconstructionGoldenTest {
    static Stream<Path> cases() {
        return Golden.cases("masked_snapshot");
    }

    @ParameterizedTest
    @MethodSource("cases")
    void everyStepComesBackBitForBit(Path file) throws IOException {
        Safetensors golden = Safetensors.read(file);
        int steps = (int) golden.names().stream()
                .flatMap(SnapshotReconstructionGoldenTest::ownerStep)
                .distinct()
                .count();
        List<String> tensors = golden.names().stream()
                .filter(name -> name.startsWith("owner." + steps + "."))
                .map(name -> name.substring(("owner." + steps + ".").length()))
                .toList();
        assertTrue(steps > 0 && !tensors.isEmpty(), "the case has owners");
        for (String tensor : tensors) {
            byte[] owners = golden.bytes("owner." + steps + "." + tensor);
            float[] weights = golden.floats("survivors." + steps + "." + tensor);
            for (int step = 1; step <= steps; step++) {
                int[] expected = bits(golden.floats("snapshot." + step + "." + tensor));
                assertArrayEquals(bits(golden.floats("survivors." + step + "." + tensor)), expected);
                for (Variant variant : Variant.all()) {
                    assertArrayEquals(
                            expected,
                            bits(rebuilt(weights, owners, steps, step, variant)),
                            tensor + " " + step + " " + variant);
                }
            }
        }
    }

    private static Stream<String> ownerStep(String name) {
        return name.startsWith("owner.") ? Stream.of(name.split("\\.", 3)[1]) : Stream.empty();
    }

    private static float[] rebuilt(float[] weights, byte[] owners, int steps, int step, Variant variant) {
        int planes = SnapshotReconstruction.planesFor(steps);
        try (Arena arena = Arena.ofConfined();
                SnapshotReconstruction kernel =
                        new SnapshotReconstruction(variant.threads(), variant.implementation())) {
            MemorySegment packed = arena.allocate(SnapshotReconstruction.planeBytes(owners.length, planes), 8);
            SnapshotReconstruction.pack(owners, planes, packed);
            MemorySegment in = arena.allocateFrom(ValueLayout.JAVA_FLOAT, weights);
            MemorySegment out = arena.allocate(in.byteSize(), 64);
            kernel.apply(weights.length, in, packed, planes, step, null, 0, out);
            return out.toArray(ValueLayout.JAVA_FLOAT);
        }
    }

    private static int[] bits(float[] values) {
        int[] bits = new int[values.length];
        for (int i = 0; i < bits.length; i++) {
            bits[i] = Float.floatToRawIntBits(values[i]);
        }
        return bits;
    }
}

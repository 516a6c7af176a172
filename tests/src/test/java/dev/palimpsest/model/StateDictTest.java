package dev.palimpsest.model;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;
import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.palimpsest.Golden;
import dev.palimpsest.checkpoint.StateDict;
import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.model.Networks.ResNetOptions;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.CountedCopy;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.Channels;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class StateDictTest {
    private static final List<Integer> NARROW = List.of(3, 5, 4, 6);

    private final Arena arena = Arena.ofShared();

    @AfterEach
    void close() {
        arena.close();
    }

    private Network resNet(int depth, long seed) {
        Network network = Networks.resNet(
                        Shape.of(3, 32, 32), ResNetOptions.imageNet(depth).withWidths(NARROW))
                .withAuxiliaryHeads(true)
                .create(arena, seed);
        network.grow(2);
        for (Buffer buffer : network.buffers()) {
            for (long i = 0; i < buffer.shape().elements(); i++) {
                buffer.update().setAtIndex(JAVA_FLOAT, i, 0.5f + seed * 0.1f + i);
            }
        }
        return network;
    }

    private static Safetensors file(SafetensorsWriter writer) throws IOException {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        writer.writeTo(Channels.newChannel(out));
        return Safetensors.of("weights.safetensors", out.toByteArray());
    }

    private static Safetensors file(Network network) throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter();
        StateDict.write(network, Weights.of(network), writer);
        return file(writer);
    }

    /**
     * The keys of torchvision.models.resnet18().state_dict() and resnet34's, but for num_batches_tracked; timm's are
     * the same.
     */
    private static Set<String> torchvision(int... blocks) {
        Set<String> names = new TreeSet<>(Set.of("conv1.weight", "fc.weight", "fc.bias"));
        norm(names, "bn1");
        for (int layer = 1; layer <= 4; layer++) {
            for (int block = 0; block < blocks[layer - 1]; block++) {
                String at = "layer" + layer + "." + block + ".";
                names.addAll(List.of(at + "conv1.weight", at + "conv2.weight"));
                norm(names, at + "bn1");
                norm(names, at + "bn2");
            }
            if (layer > 1) {
                names.add("layer" + layer + ".0.downsample.0.weight");
                norm(names, "layer" + layer + ".0.downsample.1");
            }
        }
        return names;
    }

    private static void norm(Set<String> names, String at) {
        names.addAll(List.of(at + ".weight", at + ".bias", at + ".running_mean", at + ".running_var"));
    }

    @Test
    void resNetsHaveTorchvisionsNames() throws IOException {
        assertEquals(torchvision(2, 2, 2, 2), file(resNet(18, 1)).names());
        assertEquals(torchvision(3, 4, 6, 3), file(resNet(34, 1)).names());
        assertEquals(102, torchvision(2, 2, 2, 2).size(), "torchvision has 122 with 20 num_batches_tracked");
    }

    @ParameterizedTest
    @MethodSource("dev.palimpsest.model.CifarResNetGoldenTest#cases")
    void cifarResNetsHaveTheGoldenNetworksNames(Path golden) throws IOException {
        Safetensors reference = Safetensors.read(golden);
        Set<String> names = reference.names().stream()
                .filter(name -> name.startsWith("param."))
                .map(name -> name.substring(6))
                .filter(name -> !name.endsWith("num_batches_tracked"))
                .collect(Collectors.toCollection(TreeSet::new));
        Safetensors written = file(GoldenNetwork.load(reference, arena));
        assertEquals(names, written.names());
        for (String name : names) {
            Golden.close(name, doubles(reference.floats("param." + name)), written.floats(name), 0);
        }
    }

    private static double[] doubles(float[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return wide;
    }

    /** Into a network with other values: all but the heads come over, bit for bit. */
    @ParameterizedTest
    @ValueSource(ints = {18, 34})
    void whatIsWrittenIsLoaded(int depth) throws IOException {
        Network from = resNet(depth, 1);
        Network to = resNet(depth, 2);
        float[] head = to.classifier().weight().toArray();
        CountedCopy packed = new CountedCopy(to.parameters().getFirst().valueMirror());
        assertEquals(1, packed.renewals());
        StateDict.load(to, file(from));
        for (int i = 0; i < from.body().size(); i++) {
            assertArrayEquals(
                    from.body().get(i).toArray(),
                    to.body().get(i).toArray(),
                    from.body().get(i).name());
        }
        for (int i = 0; i < from.buffers().size(); i++) {
            assertArrayEquals(
                    from.buffers().get(i).read().toArray(JAVA_FLOAT),
                    to.buffers().get(i).read().toArray(JAVA_FLOAT));
        }
        assertArrayEquals(head, to.classifier().weight().toArray(), "the head is the network's own");
        assertEquals(2, packed.renewals(), "engines must pack it anew");
    }

    /** A file as other libraries write it: half precision, counts of batches, a head of a thousand classes. */
    @Test
    void halfPrecisionAndForeignTensorsAreUnderstood() throws IOException {
        Network from = resNet(18, 1);
        SafetensorsWriter writer = new SafetensorsWriter();
        for (Parameter parameter : from.body()) {
            float[] values = parameter.toArray();
            short[] halves = new short[values.length];
            for (int i = 0; i < halves.length; i++) {
                halves[i] = Float.floatToFloat16(values[i]);
            }
            writer.add(parameter.name(), Safetensors.Type.F16, parameter.shape(), MemorySegment.ofArray(halves));
        }
        for (Buffer buffer : from.buffers()) {
            writer.add(buffer.name(), buffer.shape(), buffer.read().toArray(JAVA_FLOAT));
            if (buffer.name().endsWith("running_mean")) {
                writer.add(buffer.name().replace("running_mean", "num_batches_tracked"), Shape.of(), new long[] {7});
            }
        }
        writer.add("fc.weight", Shape.of(1000, 6), new float[6000]);
        writer.add("fc.bias", Shape.of(1000), new float[1000]);
        Network to = resNet(18, 2);
        StateDict.load(to, file(writer));
        float[] values = from.body().getFirst().toArray();
        float[] loaded = to.body().getFirst().toArray();
        for (int i = 0; i < values.length; i++) {
            assertEquals(Float.float16ToFloat(Float.floatToFloat16(values[i])), loaded[i]);
        }
    }

    @Test
    void whatDoesNotFitIsNamedAndNothingIsChanged() throws IOException {
        refused(
                "weights.safetensors does not fit the network: unexpected: layer1.2.bn1.bias,"
                    + " layer1.2.bn1.running_mean, layer1.2.bn1.running_var and 77 more. Choose the network that the"
                    + " weights are of, and images with as many channels.",
                name -> name,
                resNet(34, 3));
        refused(
                "weights.safetensors does not fit the network: missing: conv1.weight; unexpected: conv0.weight. Choose"
                        + " the network that the weights are of, and images with as many channels.",
                name -> name.equals("conv1.weight") ? "conv0.weight" : name,
                resNet(18, 3));
        Network grey = Networks.resNet(
                        Shape.of(1, 32, 32), ResNetOptions.imageNet(18).withWidths(NARROW))
                .create(arena, 3);
        grey.grow(2);
        refused(
                "weights.safetensors does not fit the network: of another shape: conv1.weight (3×1×7×7, expected"
                        + " 3×3×7×7). Choose the network that the weights are of, and images with as many channels.",
                name -> name,
                grey);
    }

    private void refused(String sentence, UnaryOperator<String> rename, Network from) throws IOException {
        Safetensors whole = file(from);
        SafetensorsWriter writer = new SafetensorsWriter();
        whole.names().forEach(name -> writer.add(rename.apply(name), whole.shape(name), whole.floats(name)));
        Safetensors file = file(writer);
        Network to = resNet(18, 4);
        float[] before = to.body().getLast().toArray();
        assertEquals(
                sentence,
                assertThrows(IllegalArgumentException.class, () -> StateDict.load(to, file))
                        .getMessage());
        assertArrayEquals(before, to.body().getLast().toArray());
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '"',
            value = {
                "module.,\", as torch.nn.DataParallel writes them\"",
                "_orig_mod.,\", as torch.compile writes them\"",
                "backbone.net.,\"\""
            })
    void namesWithAPrefixHaveTheRemedyThatHelps(String prefix, String origin) throws IOException {
        refused(
                "weights.safetensors has the tensors of the network under names that begin with '" + prefix + "'"
                        + origin + ": save them without it, in Python as {k.removeprefix('" + prefix
                        + "'): v for k, v in state_dict.items()}",
                name -> prefix + name,
                resNet(18, 3));
    }

    @ParameterizedTest
    @CsvSource({
        "layer2.1.conv1.weight, NaN, finite values",
        "bn1.bias, -Infinity, finite values",
        "layer4.0.downsample.1.running_mean, Infinity, finite values",
        "layer1.0.bn2.running_var, NaN, finite values",
        "layer1.0.bn2.running_var, -1.0E-6, variances of at least 0"
    })
    void whatNoTrainingLeavesNamesTheTensor(String tensor, float value, String expected) throws IOException {
        Network from = resNet(18, 3);
        MemorySegment values = from.body().stream()
                .filter(parameter -> parameter.name().equals(tensor))
                .map(Parameter::update)
                .findFirst()
                .orElseGet(() -> from.buffers().stream()
                        .filter(buffer -> buffer.name().equals(tensor))
                        .findFirst()
                        .orElseThrow()
                        .update());
        values.setAtIndex(JAVA_FLOAT, 2, value);
        refused(
                "weights.safetensors: tensor " + tensor + " holds " + value + " at place 2 of "
                        + values.byteSize() / Float.BYTES + ", expected " + expected
                        + ": take weights of a training that went well, or the file from a copy",
                name -> name,
                from);
    }
}

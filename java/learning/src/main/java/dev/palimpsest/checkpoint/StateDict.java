package dev.palimpsest.checkpoint;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.model.Network;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SequencedMap;
import java.util.Set;
import java.util.TreeSet;

/**
 * A network's weights in a safetensors file, as PyTorch's {@code state_dict} names them. ResNet-18 and -34 have the
 * names that torchvision and timm share: conv1, bn1, layerL.B.conv1, .bn1, .conv2, .bn2, layerL.B.downsample.0 and .1,
 * fc; L from 1, B from 0. CIFAR ResNets have conv1, bn1, stageL.B.conv1, .bn1, .conv2, .bn2, stageL.B.down.0 and .1,
 * fc; the digits net conv1, bn1, stageL.conv, stageL.bn, fc; an mlp hiddenL, fc. Auxiliary heads are none of a file's.
 */
public final class StateDict {
    /** Counts batches, for a mode of batch norm that is not used here. */
    private static final String BATCH_COUNT = ".num_batches_tracked";

    private StateDict() {}

    private static boolean isBody(Parameter parameter) {
        return parameter.role() != Parameter.Role.HEAD;
    }

    /**
     * Takes everything but the heads from a file of any floating-point type; a classifier in it is for other classes.
     *
     * @param network whose layers take the values
     * @param file with a tensor for every parameter and buffer of theirs
     * @throws IllegalArgumentException in one sentence, if tensors are missing, unexpected, have another shape or
     *     type, or hold a value that is not finite or a negative variance; the network is unchanged
     */
    public static void load(Network network, Safetensors file) {
        load(network, file, "");
    }

    /**
     * The same for one of several networks of a file.
     *
     * @param prefix of the names of its tensors; not empty: others are not looked at
     */
    static void load(Network network, Safetensors file, String prefix) {
        NetworkTensors tensors = new NetworkTensors(network, StateDict::isBody);
        requireFit(network, tensors.shapes(), file, prefix);
        tensors.load(file, prefix);
    }

    private static void requireFit(
            Network network, SequencedMap<String, Shape> expected, Safetensors file, String prefix) {
        List<String> missing = new ArrayList<>();
        List<String> misshapen = new ArrayList<>();
        expected.forEach((name, shape) -> {
            if (!file.contains(prefix + name)) {
                missing.add(prefix + name);
            } else if (!file.shape(prefix + name).equals(shape)) {
                misshapen.add(prefix + name + " (" + file.shape(prefix + name) + ", expected " + shape + ")");
            }
        });
        if (!missing.isEmpty() && prefix.isEmpty()) {
            requireNoPrefix(expected.keySet(), file);
        }
        String weight = network.classifier().weight().name();
        String head = weight.substring(0, weight.lastIndexOf('.') + 1);
        TreeSet<String> unexpected = new TreeSet<>(prefix.isEmpty() ? file.names() : List.of());
        unexpected.removeAll(expected.keySet());
        unexpected.removeAll(ExportedModel.besideTheNetwork(file));
        unexpected.removeIf(name -> name.endsWith(BATCH_COUNT) || name.startsWith(head));
        List<String> complaints = new ArrayList<>();
        complain(complaints, "missing", missing);
        complain(complaints, "unexpected", List.copyOf(unexpected));
        complain(complaints, "of another shape", misshapen);
        if (!complaints.isEmpty()) {
            throw new IllegalArgumentException(
                    file.source() + " does not fit the network: " + String.join("; ", complaints)
                            + ". Choose the network that the weights are of, and images with as many channels.");
        }
    }

    /** The right network, saved with whatever was wrapped around it. */
    private static void requireNoPrefix(Set<String> expected, Safetensors file) {
        String first = expected.iterator().next();
        for (String name : file.names()) {
            String prefix = name.endsWith("." + first) ? name.substring(0, name.length() - first.length()) : "";
            if (!prefix.isEmpty() && expected.stream().allMatch(each -> file.contains(prefix + each))) {
                throw new IllegalArgumentException(file.source() + " has the tensors of the network under names that"
                        + " begin with '" + prefix + "'" + origin(prefix) + ": save them without it, in Python as"
                        + " {k.removeprefix('" + prefix + "'): v for k, v in state_dict.items()}");
            }
        }
    }

    private static String origin(String prefix) {
        return switch (prefix) {
            case "module." -> ", as torch.nn.DataParallel writes them";
            case "_orig_mod." -> ", as torch.compile writes them";
            default -> "";
        };
    }

    private static void complain(List<String> complaints, String what, List<String> names) {
        if (!names.isEmpty()) {
            complaints.add(what + ": " + String.join(", ", names.subList(0, Math.min(3, names.size())))
                    + (names.size() > 3 ? " and " + (names.size() - 3) + " more" : ""));
        }
    }

    /**
     * Adds everything but the auxiliary heads, float32.
     *
     * @param network whose layers and classifier are written
     * @param weights of the network, or of a snapshot with fewer classes
     * @param file takes the tensors
     */
    public static void write(Network network, Weights weights, SafetensorsWriter file) {
        writeBody(network, weights, "", file);
        writeHead(network, HeadValues.of(network, weights), file);
    }

    /** A classifier's weights [classes, inputs] and biases. */
    record HeadValues(float[] weight, float[] bias) {
        static HeadValues of(Network network, Weights weights) {
            return new HeadValues(
                    weights.vector(network.classifier().weight().name()).toArray(JAVA_FLOAT),
                    weights.vector(network.classifier().bias().name()).toArray(JAVA_FLOAT));
        }

        /** @param matrix [inputs + 1][classes], the last row the biases */
        static HeadValues of(double[][] matrix) {
            int inputs = matrix.length - 1;
            float[] weight = new float[inputs * matrix[0].length];
            float[] bias = new float[matrix[0].length];
            for (int c = 0; c < bias.length; c++) {
                for (int d = 0; d < inputs; d++) {
                    weight[c * inputs + d] = (float) matrix[d][c];
                }
                bias[c] = (float) matrix[inputs][c];
            }
            return new HeadValues(weight, bias);
        }

        /** Without classes that were not seen yet, which a head that knows all of them from the start has. */
        HeadValues first(int classes) {
            int inputs = weight.length / bias.length;
            return new HeadValues(Arrays.copyOf(weight, classes * inputs), Arrays.copyOf(bias, classes));
        }
    }

    /** Everything but heads. */
    static void writeBody(Network network, Weights weights, String prefix, SafetensorsWriter file) {
        network.parameters().stream()
                .filter(StateDict::isBody)
                .forEach(parameter ->
                        file.add(prefix + parameter.name(), parameter.shape(), values(parameter, weights)));
        network.buffers()
                .forEach(buffer -> file.add(
                        prefix + buffer.name(),
                        buffer.shape(),
                        weights.vector(buffer.name()).toArray(JAVA_FLOAT)));
    }

    static void writeHead(Network network, HeadValues head, SafetensorsWriter file) {
        int inputs = network.classifier().weight().shape().extent(1);
        file.add(network.classifier().weight().name(), Shape.of(head.bias.length, inputs), head.weight);
        file.add(network.classifier().bias().name(), Shape.of(head.bias.length), head.bias);
    }

    /** Grows the network's classifier to that of a file. */
    static void loadHead(Network network, Safetensors file, int classes) {
        network.grow(classes);
        for (Parameter parameter :
                List.of(network.classifier().weight(), network.classifier().bias())) {
            if (!file.contains(parameter.name())
                    || !file.shape(parameter.name()).equals(parameter.shape())) {
                throw new IllegalArgumentException(file.source() + " has no tensor " + parameter.name() + " of "
                        + parameter.shape() + ", which its " + classes + " classes need: export the model again");
            }
            parameter.set(file.weights(parameter.name()));
        }
    }

    private static float[] values(Parameter parameter, Weights weights) {
        if (parameter.role() != Parameter.Role.WEIGHT) {
            return weights.vector(parameter.name()).toArray(JAVA_FLOAT);
        }
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment out = arena.allocate(parameter.shape().bytes(), 64);
            weights.weight(parameter, null, out);
            return out.toArray(JAVA_FLOAT);
        }
    }
}

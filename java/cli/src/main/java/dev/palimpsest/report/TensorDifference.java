package dev.palimpsest.report;

import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.Shape;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.Optional;
import java.util.TreeSet;

/**
 * Where two files of tensors differ first: in the network, else in what is kept beside it.
 *
 * @param tensor its name
 * @param place what of it differs, such as an element's index
 * @param x what the first file has there
 * @param y what the second has
 */
record TensorDifference(String tensor, String place, String x, String y) {
    private static final ValueLayout.OfFloat FLOAT =
            ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfDouble DOUBLE =
            ValueLayout.JAVA_DOUBLE_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final ValueLayout.OfLong LONG = ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
    private static final Comparator<String> NETWORK_FIRST = Comparator.comparing(
                    (String name) -> !name.startsWith("network."))
            .thenComparing(Comparator.naturalOrder());

    /** @return empty if all tensors are the same bit for bit */
    static Optional<TensorDifference> first(Safetensors x, Safetensors y) {
        TreeSet<String> names = new TreeSet<>(NETWORK_FIRST);
        names.addAll(x.names());
        names.addAll(y.names());
        for (String name : names) {
            if (!x.contains(name) || !y.contains(name)) {
                return Optional.of(new TensorDifference(name, "", there(x, name), there(y, name)));
            }
            Safetensors.Tensor a = x.tensor(name);
            Safetensors.Tensor b = y.tensor(name);
            if (a.type() != b.type() || !a.shape().equals(b.shape())) {
                return Optional.of(
                        new TensorDifference(name, "", a.type() + " " + a.shape(), b.type() + " " + b.shape()));
            }
            long at = a.data().mismatch(b.data());
            if (at >= 0) {
                long element = at / a.type().bytes();
                String first = value(a, element);
                String second = value(b, element);
                boolean alike = first.equals(second); // bits that a number does not show, as those of NaN
                return Optional.of(new TensorDifference(
                        name,
                        ", element " + index(a.shape(), element),
                        alike ? first + " (0x" + bits(a, element) + ")" : first,
                        alike ? second + " (0x" + bits(b, element) + ")" : second));
            }
        }
        return Optional.empty();
    }

    private static String there(Safetensors file, String name) {
        return file.contains(name) ? "there" : "missing";
    }

    private static String index(Shape shape, long element) {
        int[] index = new int[shape.rank()];
        long rest = element;
        for (int axis = index.length - 1; axis >= 0; axis--) {
            index[axis] = (int) (rest % shape.extent(axis));
            rest /= shape.extent(axis);
        }
        return Arrays.toString(index);
    }

    private static String value(Safetensors.Tensor tensor, long element) {
        MemorySegment data = tensor.data();
        long at = element * tensor.type().bytes();
        return switch (tensor.type()) {
            case F32 -> Float.toString(data.get(FLOAT, at));
            case F64 -> Double.toString(data.get(DOUBLE, at));
            case I32 -> Integer.toString(data.get(INT, at));
            case I64 -> Long.toString(data.get(LONG, at));
            case U8 -> Integer.toString(Byte.toUnsignedInt(data.get(ValueLayout.JAVA_BYTE, at)));
            case F16, BF16 -> "0x" + bits(tensor, element);
        };
    }

    /** The most significant byte first. */
    private static String bits(Safetensors.Tensor tensor, long element) {
        int bytes = tensor.type().bytes();
        byte[] little = tensor.data().asSlice(element * bytes, bytes).toArray(ValueLayout.JAVA_BYTE);
        byte[] big = new byte[bytes];
        for (int i = 0; i < bytes; i++) {
            big[i] = little[bytes - 1 - i];
        }
        return HexFormat.of().formatHex(big);
    }

    /** One sentence, with where each file lies. */
    String text(Path first, Path second) {
        return "tensor " + tensor + place + ": " + x + " in " + first + ", " + y + " in " + second + ".";
    }
}

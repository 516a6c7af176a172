package example.features;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Random;

/**
 * A small ONNX model, images [n, 1, h, w] to features [n, {@value #FEATURES}]: convolution 3×3, ReLU, mean over all
 * positions. Written field by field, by onnx.proto3.
 */
final class TinyBackbone {
    static final int FEATURES = 12;

    /** Kernels [FEATURES, 1, 3, 3], drawn from a fixed seed. */
    static final float[] KERNELS = kernels();

    private TinyBackbone() {}

    private static float[] kernels() {
        var random = new Random(1);
        float[] kernels = new float[FEATURES * 9];
        for (int i = 0; i < kernels.length; i++) {
            kernels[i] = (float) random.nextGaussian();
        }
        return kernels;
    }

    /** The file's bytes. */
    static byte[] onnx() {
        var raw = ByteBuffer.allocate(Float.BYTES * KERNELS.length).order(ByteOrder.LITTLE_ENDIAN);
        raw.asFloatBuffer().put(KERNELS);
        var kernels = new Message(); // TensorProto
        for (int dimension : new int[] {FEATURES, 1, 3, 3}) {
            kernels.number(1, dimension);
        }
        kernels.number(2, 1).text(8, "kernels").bytes(9, raw.array()); // of type FLOAT
        var graph = new Message()
                .message(1, node("Conv", "filtered", "images", "kernels"))
                .message(1, node("Relu", "positive", "filtered"))
                .message(1, node("GlobalAveragePool", "means", "positive"))
                .message(1, node("Flatten", "features", "means"))
                .text(2, "backbone")
                .message(5, kernels)
                .message(11, value("images", 4))
                .message(12, value("features", 2));
        return new Message()
                .number(1, 8) // the version of the format
                .message(7, graph)
                .message(8, new Message().text(1, "").number(2, 13)) // the version of the operators
                .toBytes();
    }

    private static Message node(String operator, String output, String... inputs) {
        var node = new Message();
        for (String input : inputs) {
            node.text(1, input);
        }
        return node.text(2, output).text(4, operator);
    }

    private static Message value(String name, int rank) {
        var shape = new Message();
        for (int i = 0; i < rank; i++) {
            shape.message(1, new Message().text(2, name + i)); // of any size
        }
        var tensor = new Message().number(1, 1).message(2, shape); // of type FLOAT
        return new Message().text(1, name).message(2, new Message().message(1, tensor));
    }

    /** Fields of a protocol buffer, one after another. */
    private static final class Message {
        private final ByteArrayOutputStream out = new ByteArrayOutputStream();

        Message number(int field, long value) {
            varint(field << 3);
            varint(value);
            return this;
        }

        Message text(int field, String value) {
            return bytes(field, value.getBytes(StandardCharsets.UTF_8));
        }

        Message message(int field, Message value) {
            return bytes(field, value.toBytes());
        }

        Message bytes(int field, byte[] value) {
            varint(field << 3 | 2);
            varint(value.length);
            out.writeBytes(value);
            return this;
        }

        private void varint(long value) {
            for (; value > 127; value >>>= 7) {
                out.write((int) (value & 127 | 128));
            }
            out.write((int) value);
        }

        byte[] toBytes() {
            return out.toByteArray();
        }
    }
}

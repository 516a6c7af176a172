package dev.palimpsest.tensor;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Files of tensors that differ in something from a whole one, and have checksums that are right. */
public final class Mutants {
    private static final List<String> TEXTS = List.of(
            "",
            "0",
            "-1",
            "1,2,3",
            "NaN",
            "2147483647",
            "99999999999999999999",
            "x",
            "\u0000",
            "true",
            "packed",
            "full");

    private Mutants() {}

    public static SafetensorsWriter copy(Safetensors file) {
        return copy(file, Map.of());
    }

    /** With tensors in the place of those of the same names. */
    public static SafetensorsWriter copy(Safetensors file, Map<String, Safetensors.Tensor> changed) {
        Map<String, Safetensors.Tensor> tensors = new LinkedHashMap<>();
        file.names().forEach(name -> tensors.put(name, file.tensor(name)));
        tensors.putAll(changed);
        return write(file.metadata(), tensors);
    }

    private static SafetensorsWriter write(Map<String, String> metadata, Map<String, Safetensors.Tensor> tensors) {
        SafetensorsWriter writer = new SafetensorsWriter();
        metadata.forEach(writer::metadata);
        tensors.forEach((name, tensor) -> writer.add(name, tensor.type(), tensor.shape(), tensor.data()));
        return writer;
    }

    /** One to three changes: of a text, a name, a shape, a type, of values, or a tensor less or more. */
    public static SafetensorsWriter of(Safetensors file, Random random) {
        Map<String, String> metadata = new LinkedHashMap<>(file.metadata());
        Map<String, Safetensors.Tensor> tensors = new LinkedHashMap<>();
        file.names().forEach(name -> tensors.put(name, file.tensor(name)));
        for (int change = random.nextInt(3); change >= 0; change--) {
            if (random.nextInt(4) == 0 && !metadata.isEmpty()) {
                String key = any(metadata.keySet(), random);
                if (random.nextInt(4) == 0) {
                    metadata.remove(key);
                } else {
                    metadata.put(key, TEXTS.get(random.nextInt(TEXTS.size())));
                }
            } else if (!tensors.isEmpty()) {
                String name = any(tensors.keySet(), random);
                Safetensors.Tensor tensor = tensors.get(name);
                switch (random.nextInt(6)) {
                    case 0 -> tensors.remove(name);
                    case 1 -> tensors.put(name + "x", tensors.remove(name));
                    case 2 -> tensors.put(any(tensors.keySet(), random), tensor);
                    case 3 -> tensors.put(name, shaped(tensor, random));
                    case 4 -> tensors.put(name, typed(tensor, random));
                    default -> tensors.put(name, filled(tensor, random));
                }
            }
        }
        return write(metadata, tensors);
    }

    private static String any(Iterable<String> names, Random random) {
        List<String> all = new ArrayList<>();
        names.forEach(all::add);
        return all.get(random.nextInt(all.size()));
    }

    private static Safetensors.Tensor shaped(Safetensors.Tensor tensor, Random random) {
        int elements = (int) tensor.shape().elements();
        Shape shape = switch (random.nextInt(4)) {
            case 0 -> Shape.of(elements);
            case 1 -> Shape.of(1, elements);
            case 2 -> Shape.of(0);
            default -> Shape.of(random.nextInt(elements + 1));
        };
        return new Safetensors.Tensor(
                tensor.type(),
                shape,
                tensor.data().asSlice(0, shape.elements() * tensor.type().bytes()));
    }

    private static Safetensors.Tensor typed(Safetensors.Tensor tensor, Random random) {
        Safetensors.Type type = Safetensors.Type.values()[random.nextInt(Safetensors.Type.values().length)];
        return new Safetensors.Tensor(
                type,
                tensor.shape(),
                MemorySegment.ofArray(new byte[(int) tensor.shape().elements() * type.bytes()]));
    }

    private static Safetensors.Tensor filled(Safetensors.Tensor tensor, Random random) {
        byte[] bytes = new byte[(int) tensor.data().byteSize()];
        if (random.nextBoolean()) {
            random.nextBytes(bytes);
        }
        return new Safetensors.Tensor(tensor.type(), tensor.shape(), MemorySegment.ofArray(bytes));
    }
}

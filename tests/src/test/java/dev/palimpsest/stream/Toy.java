package dev.palimpsest.stream;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import java.util.stream.IntStream;

/** Data sets small enough to check by eye. */
public final class Toy {
    private Toy() {}

    /** Images of 1×4×4 whose pixels are all different between neighbours; label i % classes. */
    public static Images images(int count, int classes) {
        byte[] pixels = new byte[count * 16];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) (1 + i * 37 % 251);
        }
        return Images.of(
                1, 4, 4, pixels, IntStream.range(0, count).map(i -> i % classes).toArray());
    }

    public static Dataset dataset(int classes, int trainPerClass, int testPerClass) {
        return Dataset.of(
                "toy",
                IntStream.range(0, classes).mapToObj(c -> "class " + c).toList(),
                images(classes * trainPerClass, classes),
                images(classes * testPerClass, classes));
    }
}

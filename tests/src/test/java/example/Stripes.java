package example;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.ImageOptions;
import dev.palimpsest.data.Images;
import dev.palimpsest.data.Source;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/** A data set as a stranger registers it: images made in memory, stripes of one of ten frequencies with some noise. */
public record Stripes() implements Source {
    private static final int SIDE = 8;
    private static final int CLASSES = 10;

    @Override
    public String name() {
        return "stripes";
    }

    @Override
    public String summary() {
        return "10 kinds of stripes, 8×8 grey, made in memory";
    }

    @Override
    public String licence() {
        return "none";
    }

    @Override
    public String howToGet() {
        return "They are made when they are asked for.";
    }

    @Override
    public Dataset load(Optional<Path> folder, ImageOptions options) {
        return make(60);
    }

    /** @param perClass training images of each class, and test images of all classes together */
    public static Dataset make(int perClass) {
        SplittableRandom random = new SplittableRandom(5);
        Images train = Images.of(1, SIDE, SIDE, images(perClass, random), labels(perClass));
        Images test = Images.of(1, SIDE, SIDE, images(perClass / 3, random), labels(perClass / 3));
        List<String> names = List.of("a", "b", "c", "d", "e", "f", "g", "h", "i", "j");
        return Dataset.of("stripes", names, train, test);
    }

    private static int[] labels(int perClass) {
        int[] labels = new int[CLASSES * perClass];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = i % CLASSES;
        }
        return labels;
    }

    private static float[] images(int perClass, SplittableRandom random) {
        float[] images = new float[CLASSES * perClass * SIDE * SIDE];
        for (int i = 0; i < images.length; i++) {
            int label = i / (SIDE * SIDE) % CLASSES;
            int pixel = i % (SIDE * SIDE);
            int along = label < 5 ? pixel % SIDE : pixel / SIDE;
            double wave = 0.5 + 0.4 * Math.cos((0.5 + label % 5) * Math.PI * along / (SIDE - 1));
            images[i] = (float) Math.clamp(wave + 0.1 * random.nextGaussian(), 0, 1);
        }
        return images;
    }
}

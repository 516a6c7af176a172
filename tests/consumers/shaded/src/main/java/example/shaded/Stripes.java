package example.shaded;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.ImageOptions;
import dev.palimpsest.data.Images;
import dev.palimpsest.data.Source;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/** A data set of one's own that {@code --data stripes} finds: each class is bright in other rows of 8×8 pixels. */
public final class Stripes implements Source {
    private static final int SIDE = 8;
    private static final List<String> CLASSES = List.of("top", "upper", "lower", "bottom");

    @Override
    public String name() {
        return "stripes";
    }

    @Override
    public String summary() {
        return "4 classes of 8×8 stripes, 80 training and 40 test images, made in memory";
    }

    @Override
    public String licence() {
        return "public domain";
    }

    @Override
    public String howToGet() {
        return "It is made in memory: nothing to get.";
    }

    @Override
    public Dataset load(Optional<Path> folder, ImageOptions options) {
        if (folder.isPresent()) {
            throw new IllegalArgumentException("stripes are made in memory: leave out the folder " + folder.get());
        }
        return Dataset.of(name(), CLASSES, images(20, 1), images(10, 2));
    }

    private static Images images(int perClass, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int[] labels = new int[CLASSES.size() * perClass];
        byte[] pixels = new byte[labels.length * SIDE * SIDE];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = i % CLASSES.size();
            for (int pixel = 0; pixel < SIDE * SIDE; pixel++) {
                boolean bright = pixel / SIDE / 2 == labels[i];
                pixels[i * SIDE * SIDE + pixel] = (byte) ((bright ? 100 : 0) + random.nextInt(100));
            }
        }
        return Images.of(1, SIDE, SIDE, pixels, labels);
    }
}

package dev.palimpsest;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.data.Preparation;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.kernel.FeatureMse;
import dev.palimpsest.kernel.MultiTeacherKl;
import dev.palimpsest.model.Networks;
import dev.palimpsest.stream.ClassIncrementalStream;
import dev.palimpsest.stream.RepetitionStream;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.train.Methods;
import java.awt.image.BufferedImage;
import java.nio.file.Path;
import java.util.AbstractMap.SimpleEntry;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

/** Whoever gives a null among other things reads which one it is, and what should stand there. */
class NullElementsTest {
    private static final Setup PICTURES = Setup.images(3, 8, 8);
    private static final Images IMAGE = Images.of(1, 2, 2, new byte[4], new int[1]);
    private static final BufferedImage PICTURE = new BufferedImage(9, 9, BufferedImage.TYPE_INT_RGB);

    @TempDir
    Path folder;

    @Test
    void ofClassNames() {
        List<String> names = Arrays.asList("cat", null);
        refused("class name 1 is null: expected a text", () -> Samples.of(IMAGE, names));
        refused("class name 1 is null: expected a text", () -> Dataset.of("pets", names, IMAGE, IMAGE));
        refused("class name 1 is null: expected a text", () -> Samples.of(List.of(PICTURE, PICTURE), names, PICTURES));
        refused("class name 1 is null: expected a text", () -> Samples.ofFeatures(new float[2][3], names));
    }

    @Test
    void ofSamples() {
        List<BufferedImage> pictures = Arrays.asList(PICTURE, null);
        refused("picture 1 is null: expected an image", () -> Samples.of(pictures, List.of("a", "b"), PICTURES));
        refused("picture 1 is null: expected an image", () -> Images.ofPictures(pictures, 8, new int[2]));
        refused(
                "vector 0 is null: expected numbers",
                () -> Samples.ofFeatures(new float[][] {null, {1}}, List.of("a", "b")));
        refused(
                "vector 1 is null: expected numbers",
                () -> Samples.ofFeatures(new float[][] {{1}, null}, List.of("a", "b")));
        refused("part 1 is null: expected images", () -> Images.joined(Arrays.asList(IMAGE, null)));
        refused(
                "file 0 is null: expected the bytes of one",
                () -> Images.ofEncoded(Collections.singletonList(null), 8, 64));
        List<Path> files = Arrays.asList(Path.of("a.png"), null);
        refused("file 1 is null: expected a path", () -> Images.ofFiles(files, 8));
        refused("file 1 is null: expected a path", () -> new Preparation(3, 8, 8, 0, false, 255).read(files));
    }

    @Test
    void ofIterators() {
        Map.Entry<String, BufferedImage> whole = Map.entry("a", PICTURE);
        refused(
                "picture 1 is null: expected an image with the name of its class",
                () -> Samples.of(Arrays.asList(whole, null).iterator(), PICTURES));
        refused(
                "class name 1 is null: expected a text",
                () -> Samples.of(
                        List.of(whole, new SimpleEntry<String, BufferedImage>(null, PICTURE))
                                .iterator(),
                        PICTURES));
        refused(
                "picture 1 is null: expected an image",
                () -> Samples.of(
                        List.of(whole, new SimpleEntry<>("a", (BufferedImage) null))
                                .iterator(),
                        PICTURES));
        refused(
                "vector 0 is null: expected numbers",
                () -> Samples.ofFeatures(
                        List.of(new SimpleEntry<>("a", (float[]) null)).iterator()));
    }

    @Test
    void ofModels() throws Exception {
        try (var model = ContinualClassifier.create(folder.resolve("model"), PICTURES.withEpochs(1))) {
            byte[] pixels = new byte[4 * 3 * 8 * 8];
            new Random(1).nextBytes(pixels);
            model.learn(Samples.of(Images.of(3, 8, 8, pixels, new int[] {0, 0, 1, 1}), List.of("a", "b")));
            refused("picture 0 is null: expected an image", () -> model.classify((BufferedImage) null));
            refused("file 0 is null: expected a path", () -> model.current().classify((Path) null));
        }
    }

    @Test
    void ofNumbers() {
        Shape image = Shape.of(1, 8, 8);
        List<Integer> numbers = Arrays.asList(8, null);
        refused("width 1 is null: expected a number of channels", () -> Networks.digitsNet(image, numbers));
        refused("width 1 is null: expected a number of features", () -> Networks.mlp(image, numbers));
        refused(
                "width 1 is null: expected a number of channels",
                () -> Networks.ResNetOptions.cifar(8).withWidths(numbers));
        refused("size 1 is null: expected a number of classes", () -> new ClassIncrementalStream.Split(numbers));
        refused("label 1 is null: expected a number", () -> new Stream.ClassOrder.Listed(numbers));
        refused(
                "list of labelled images 0 is null: expected indices",
                () -> new RepetitionStream(
                        Dataset.of("one", List.of("a"), IMAGE, IMAGE),
                        Collections.singletonList(null),
                        List.of(new int[0])));
        refused(
                "temperature is null: expected a text, or leave it out",
                () -> Methods.named("lwf").create(Collections.singletonMap("temperature", null)));
    }

    @Test
    void ofKernels() {
        List<ClassRange> ranges = Arrays.asList(new ClassRange(0, 2), null);
        refused("range 1 is null: expected a teacher's classes", () -> new MultiTeacherKl(1, 2, ranges, 1));
        try (var engine = Engines.cpu(1)) {
            refused("range 1 is null: expected a teacher's classes", () -> engine.multiTeacherKl(1, 2, ranges, 1));
        }
        try (var mse = new FeatureMse(1, 2, 1, 1)) {
            refused(
                    "teacher 0 is null: expected float32 memory",
                    () -> mse.lossAndGradient(1, new float[2], new float[1][], new float[1], new float[2]));
        }
    }

    private static void refused(String sentence, Executable call) {
        assertEquals(sentence, assertThrows(NullPointerException.class, call).getMessage());
    }
}

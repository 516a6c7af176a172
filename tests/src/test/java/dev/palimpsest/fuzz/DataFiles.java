package dev.palimpsest.fuzz;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.ImageOptions;
import dev.palimpsest.recipe.RecipeFile;
import dev.palimpsest.recipe.ScenarioFile;
import dev.palimpsest.recipe.SuiteFile;
import dev.palimpsest.tensor.Safetensors;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.zip.GZIPOutputStream;

/** Whole files of data sets, scenarios, recipes and suites, and what reads them. */
final class DataFiles {
    private DataFiles() {}

    static List<byte[]> tensors(Path folder, String file) {
        String header =
                "{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}  ";
        return List.of((((char) header.length()) + "\0\0\0\0\0\0\0" + header + "12345678")
                .getBytes(StandardCharsets.ISO_8859_1));
    }

    static void readTensors(Path folder, Path file) throws IOException {
        Safetensors read = Safetensors.read(file);
        read.names().forEach(read::shape);
    }

    static List<byte[]> idx(Path folder, String file) throws IOException {
        byte[] images = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
        Files.write(folder.resolve("train-labels-idx1-ubyte"), new byte[] {0, 0, 8, 1, 0, 0, 0, 2, 9, 4});
        Files.write(folder.resolve("t10k-images-idx3-ubyte"), images);
        Files.write(folder.resolve("t10k-labels-idx1-ubyte"), new byte[] {0, 0, 8, 1, 0, 0, 0, 2, 3, 4});
        return List.of(images);
    }

    static void load(Path folder, Path file) {
        Dataset.load("mnist", Optional.of(folder));
    }

    static List<byte[]> idxGzip(Path folder, String file) throws IOException {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try (GZIPOutputStream gzip = new GZIPOutputStream(bytes)) {
            gzip.write(idx(folder, file).getFirst());
        }
        return List.of(bytes.toByteArray());
    }

    static List<byte[]> cifarBinary(Path folder, String file) throws IOException {
        byte[] image = new byte[2 + 3 * 32 * 32];
        Files.write(folder.resolve("test.bin"), image);
        Files.writeString(
                folder.resolve("fine_label_names.txt"),
                IntStream.range(0, 100).mapToObj(i -> "class " + i + "\n").collect(Collectors.joining()));
        return List.of(image);
    }

    static void loadCifar(Path folder, Path file) {
        Dataset.load("cifar-100", Optional.of(folder));
    }

    static List<byte[]> cifarPickle(Path folder, String file) throws IOException {
        Path small = Reader.RESOURCES.resolve("data/cifar-100-python");
        for (String other : List.of("meta", "test")) {
            Files.write(folder.resolve(other), Files.readAllBytes(small.resolve(other)));
        }
        return List.of(Files.readAllBytes(small.resolve("train")));
    }

    static List<byte[]> pictures(Path folder, String file) throws IOException {
        Path pictures = Reader.RESOURCES.resolve("data/pictures");
        byte[] whole = Files.readAllBytes(pictures.resolve("grey.png"));
        for (String other : List.of("pictures/a/1.png", "pictures/a/2.png", "pictures/b/1.png", "pictures/b/2.png")) {
            Files.createDirectories(folder.resolve(other).getParent());
            Files.write(folder.resolve(other), whole);
        }
        List<byte[]> seeds = new ArrayList<>();
        for (String name : List.of(
                "alpha.bmp",
                "alpha.png",
                "alpha.webp",
                "bits.tiff",
                "cmyk.jpg",
                "grey16.png",
                "jpeg.tiff",
                "moving.gif",
                "no-jfif.jpg",
                "palette.gif",
                "profile.png")) {
            seeds.add(Files.readAllBytes(pictures.resolve(name)));
        }
        return seeds;
    }

    static void loadPictures(Path folder, Path file) {
        Dataset.load("image-folder", Optional.of(folder.resolve("pictures")), new ImageOptions(8, 0, false, 0.5));
    }

    static List<byte[]> list(Path folder, String file) throws IOException {
        byte[] grey = Files.readAllBytes(Reader.RESOURCES.resolve("data/pictures/grey.png"));
        Files.write(folder.resolve("a.png"), grey);
        Files.write(folder.resolve("b.png"), grey);
        Files.writeString(folder.resolve("test.txt"), "a.png 1\n");
        return List.of("\ufeffa.png 1\r\n\nb.png\t2\n".getBytes(StandardCharsets.UTF_8));
    }

    static void loadList(Path folder, Path file) {
        Dataset.load("image-list", Optional.of(folder), new ImageOptions(8, 0, false));
    }

    static List<byte[]> scenarios(Path folder, String file) throws IOException {
        List<byte[]> seeds = new ArrayList<>();
        for (String name : List.of("numpy1-protocol4", "numpy2-protocol5", "arrays-int64-big-endian")) {
            seeds.add(Files.readAllBytes(Reader.RESOURCES.resolve("recipe/scenario-" + name + ".pkl")));
        }
        return seeds;
    }

    static void readScenario(Path folder, Path file) {
        ScenarioFile.read(file);
    }

    static List<byte[]> recipe(Path folder, String file) {
        return List.of("# mine\ndata = digits\nsplit = 5x2\nmethod = m2kd\nepochs = 2\nwidths = 4,8,8\nclip = 1\n"
                .getBytes(StandardCharsets.UTF_8));
    }

    static void readRecipe(Path folder, Path file) throws IOException {
        RecipeFile.load(file.toString()).recipe();
    }

    static List<byte[]> suite(Path folder, String file) {
        return List.of("""
            # What.
            orders = 1, 2
            epochs = 4

            [one]
            recipe = m2kd-digits
            reference = a
            a: method=lwf
            b: epochs=9
            """.getBytes(StandardCharsets.UTF_8));
    }

    static void readSuite(Path folder, Path file) throws IOException {
        SuiteFile.load(file.toString());
    }
}

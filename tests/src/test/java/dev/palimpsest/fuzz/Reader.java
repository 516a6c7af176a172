package dev.palimpsest.fuzz;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.data.DataException;
import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.ImageOptions;
import dev.palimpsest.recipe.RecipeFile;
import dev.palimpsest.recipe.ScenarioFile;
import dev.palimpsest.recipe.SuiteFile;
import dev.palimpsest.report.Comparison;
import dev.palimpsest.report.MadeUpRun;
import dev.palimpsest.report.Origin;
import dev.palimpsest.report.Report;
import dev.palimpsest.report.RunFolder;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.train.SmallRun;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import java.util.zip.GZIPOutputStream;

/** A file that somebody may hand us, and what reads it: the entry point that users call. */
enum Reader {
    SAFETENSORS("a.safetensors") {
        @Override
        List<byte[]> seeds(Path folder) {
            String header =
                    "{\"__metadata__\":{\"k\":\"v\"},\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}  ";
            return List.of((((char) header.length()) + "\0\0\0\0\0\0\0" + header + "12345678")
                    .getBytes(StandardCharsets.ISO_8859_1));
        }

        @Override
        void use(Path folder, Path file) throws IOException {
            Safetensors read = Safetensors.read(file);
            read.names().forEach(read::shape);
        }
    },
    IDX("train-images-idx3-ubyte") {
        @Override
        List<byte[]> seeds(Path folder) throws IOException {
            byte[] images = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12};
            Files.write(folder.resolve("train-labels-idx1-ubyte"), new byte[] {0, 0, 8, 1, 0, 0, 0, 2, 9, 4});
            Files.write(folder.resolve("t10k-images-idx3-ubyte"), images);
            Files.write(folder.resolve("t10k-labels-idx1-ubyte"), new byte[] {0, 0, 8, 1, 0, 0, 0, 2, 3, 4});
            return List.of(images);
        }

        @Override
        void use(Path folder, Path file) {
            Dataset.load("mnist", Optional.of(folder));
        }
    },
    IDX_GZIP("train-images-idx3-ubyte.gz") {
        @Override
        List<byte[]> seeds(Path folder) throws IOException {
            ByteArrayOutputStream bytes = new ByteArrayOutputStream();
            try (GZIPOutputStream gzip = new GZIPOutputStream(bytes)) {
                gzip.write(IDX.seeds(folder).getFirst());
            }
            return List.of(bytes.toByteArray());
        }

        @Override
        void use(Path folder, Path file) {
            Dataset.load("mnist", Optional.of(folder));
        }
    },
    CIFAR_BINARY("train.bin") {
        @Override
        List<byte[]> seeds(Path folder) throws IOException {
            byte[] image = new byte[2 + 3 * 32 * 32];
            Files.write(folder.resolve("test.bin"), image);
            Files.writeString(
                    folder.resolve("fine_label_names.txt"),
                    IntStream.range(0, 100).mapToObj(i -> "class " + i + "\n").collect(Collectors.joining()));
            return List.of(image);
        }

        @Override
        void use(Path folder, Path file) {
            Dataset.load("cifar-100", Optional.of(folder));
        }
    },
    CIFAR_PICKLE("train") {
        @Override
        List<byte[]> seeds(Path folder) throws IOException {
            Path small = RESOURCES.resolve("data/cifar-100-python");
            for (String other : List.of("meta", "test")) {
                Files.write(folder.resolve(other), Files.readAllBytes(small.resolve(other)));
            }
            return List.of(Files.readAllBytes(small.resolve("train")));
        }

        @Override
        void use(Path folder, Path file) {
            Dataset.load("cifar-100", Optional.of(folder));
        }
    },
    IMAGE("pictures/a/mutant.png") {
        @Override
        List<byte[]> seeds(Path folder) throws IOException {
            Path pictures = RESOURCES.resolve("data/pictures");
            byte[] whole = Files.readAllBytes(pictures.resolve("grey.png"));
            for (String other :
                    List.of("pictures/a/1.png", "pictures/a/2.png", "pictures/b/1.png", "pictures/b/2.png")) {
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

        @Override
        void use(Path folder, Path file) {
            Dataset.load("image-folder", Optional.of(folder.resolve("pictures")), new ImageOptions(8, 0, false, 0.5));
        }
    },
    IMAGE_LIST("train.txt") {
        @Override
        List<byte[]> seeds(Path folder) throws IOException {
            byte[] grey = Files.readAllBytes(RESOURCES.resolve("data/pictures/grey.png"));
            Files.write(folder.resolve("a.png"), grey);
            Files.write(folder.resolve("b.png"), grey);
            Files.writeString(folder.resolve("test.txt"), "a.png 1\n");
            return List.of("\ufeffa.png 1\r\n\nb.png\t2\n".getBytes(StandardCharsets.UTF_8));
        }

        @Override
        void use(Path folder, Path file) {
            Dataset.load("image-list", Optional.of(folder), new ImageOptions(8, 0, false));
        }
    },
    SCENARIO("scenario.pkl") {
        @Override
        List<byte[]> seeds(Path folder) throws IOException {
            List<byte[]> seeds = new ArrayList<>();
            for (String name : List.of("numpy1-protocol4", "numpy2-protocol5", "arrays-int64-big-endian")) {
                seeds.add(Files.readAllBytes(RESOURCES.resolve("recipe/scenario-" + name + ".pkl")));
            }
            return seeds;
        }

        @Override
        void use(Path folder, Path file) {
            ScenarioFile.read(file);
        }
    },
    RECIPE("mine.properties") {
        @Override
        List<byte[]> seeds(Path folder) {
            return List.of("# mine\ndata = digits\nsplit = 5x2\nmethod = m2kd\nepochs = 2\nwidths = 4,8,8\nclip = 1\n"
                    .getBytes(StandardCharsets.UTF_8));
        }

        @Override
        void use(Path folder, Path file) throws IOException {
            RecipeFile.load(file.toString()).recipe();
        }
    },
    SUITE("mine.suite") {
        @Override
        List<byte[]> seeds(Path folder) {
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

        @Override
        void use(Path folder, Path file) throws IOException {
            SuiteFile.load(file.toString());
        }
    },
    RUN_JSON("run/run.json"),
    METRICS("run/metrics.json"),
    STEPS("run/steps.csv"),
    CONFUSION("run/confusion.json");

    private static final Path RESOURCES = Path.of("src/test/resources/dev/palimpsest");
    /** What a refusal is; a subclass, such as NumberFormatException, has nobody's sentence. */
    private static final Set<Class<?>> REFUSALS =
            Set.of(IOException.class, UncheckedIOException.class, DataException.class, IllegalArgumentException.class);

    private static final Pattern NAMES_OF_CODE = Pattern.compile("(?<!')\\b(null|[A-Za-z]+Exception)\\b");

    /** Of classes, parsers and the JDK's checks of arguments; no seed has any of them. */
    private static final Pattern LIBRARIES_WORDS = Pattern.compile(
            "\\b(java|javax|com|net|org|dev)\\.[a-z]+\\.[A-Za-z.]*[A-Z]|`[A-Za-z.]+`|\\[Source:|START_(OBJECT|ARRAY)"
                    + "|For input string|Input length =|out of bounds for|Cannot invoke");

    private final String file;

    Reader(String file) {
        this.file = file;
    }

    /** Whole files, and beside them in the folder whatever else is read; a run's, unless overridden. */
    List<byte[]> seeds(Path folder) throws IOException {
        var recipe = SmallRun.recipe();
        try (RunFolder run = RunFolder.create(folder.resolve("run"), recipe.toMap(), new Origin("r", "c"))) {
            MadeUpRun.run(recipe, run);
        }
        // Without the checksums, which would refuse nearly everything before it is read.
        Path record = folder.resolve("run/run.json");
        ObjectMapper json = new ObjectMapper();
        ObjectNode edited = (ObjectNode) json.readTree(record.toFile());
        edited.remove(List.of("palimpsest_crc32c", "format", "files_crc32c"));
        json.writeValue(record.toFile(), edited);
        return List.of(Files.readAllBytes(folder.resolve(file)));
    }

    /** @return the folder with what was not refused with a sentence once; it may not be there */
    Path findings() {
        return RESOURCES.resolve("fuzz").resolve(name().toLowerCase(Locale.ROOT));
    }

    /** Reads the file as users do; a run's, unless overridden. */
    void use(Path folder, Path read) throws IOException {
        Report.write(Comparison.of(List.of(folder.resolve("run"))), folder.resolve("report.html"));
    }

    /**
     * Reads bytes in the place of the file.
     *
     * @return how they were refused; empty if they were not
     * @throws AssertionError if they were refused with anything but a sentence
     */
    Optional<String> read(Path folder, byte[] bytes) throws IOException {
        Path mutant = folder.resolve(file);
        Files.write(mutant, bytes);
        try {
            use(folder, mutant);
            return Optional.empty();
        } catch (IOException | RuntimeException e) {
            String message = e.getMessage();
            boolean known =
                    REFUSALS.contains(e.getClass()) || e.getClass().getName().startsWith("dev.palimpsest.");
            if (!known || message == null || !isSentence(message, new String(bytes, StandardCharsets.ISO_8859_1))) {
                throw new AssertionError("no sentence: " + e, e);
            }
            return Optional.of(message);
        }
    }

    /** Words that stand in the input may be quoted: a fuzzer soon learns those that are looked for. */
    private static boolean isSentence(String message, String input) {
        return message.split("\\s+").length >= 4
                && message.length() < 4000
                && Stream.of(NAMES_OF_CODE, LIBRARIES_WORDS)
                        .flatMap(words -> words.matcher(message).results())
                        .allMatch(found -> input.contains(found.group()));
    }
}

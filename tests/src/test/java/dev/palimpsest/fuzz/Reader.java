package dev.palimpsest.fuzz;

import dev.palimpsest.data.DataException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** A file that somebody may hand us, and what reads it: the entry point that users call. */
enum Reader {
    SAFETENSORS("a.safetensors", DataFiles::tensors, DataFiles::readTensors),
    IDX("train-images-idx3-ubyte", DataFiles::idx, DataFiles::load),
    IDX_GZIP("train-images-idx3-ubyte.gz", DataFiles::idxGzip, DataFiles::load),
    CIFAR_BINARY("train.bin", DataFiles::cifarBinary, DataFiles::loadCifar),
    CIFAR_PICKLE("train", DataFiles::cifarPickle, DataFiles::loadCifar),
    IMAGE("pictures/a/mutant.png", DataFiles::pictures, DataFiles::loadPictures),
    IMAGE_LIST("train.txt", DataFiles::list, DataFiles::loadList),
    SCENARIO("scenario.pkl", DataFiles::scenarios, DataFiles::readScenario),
    RECIPE("mine.properties", DataFiles::recipe, DataFiles::readRecipe),
    SUITE("mine.suite", DataFiles::suite, DataFiles::readSuite),
    RUN_JSON("run/run.json", RunFiles::run, RunFiles::report),
    METRICS("run/metrics.json", RunFiles::run, RunFiles::report),
    STEPS("run/steps.csv", RunFiles::run, RunFiles::report),
    CONFUSION("run/confusion.json", RunFiles::run, RunFiles::report),
    CHECKPOINT("checkpoint.safetensors", RunFiles::checkpoints, RunFiles::score),
    RESUMED("resumed.safetensors", RunFiles::checkpoints, RunFiles::resume),
    POSITION("inside.safetensors", RunFiles::positions, RunFiles::goOn),
    EXPORTED_MODEL("exported.safetensors", RunFiles::exported, RunFiles::predict),
    MANIFEST("model/model.json", ModelFiles::model, ModelFiles::classify),
    CLASS("model/class-1-0.safetensors", ModelFiles::model, ModelFiles::classify),
    SNAPSHOT("model/snapshot-1.safetensors", ModelFiles::model, ModelFiles::classify),
    EXEMPLARS("model/exemplars-1-0.safetensors", ModelFiles::model, ModelFiles::learn),
    EXPORTED_VERSION("version.safetensors", ModelFiles::exported, ModelFiles::classifyExported);

    static final Path RESOURCES = Path.of("src/test/resources/dev/palimpsest");

    /** What a refusal is; a subclass, such as NumberFormatException, has nobody's sentence. */
    private static final Set<Class<?>> REFUSALS =
            Set.of(IOException.class, UncheckedIOException.class, DataException.class, IllegalArgumentException.class);

    private static final Pattern NAMES_OF_CODE = Pattern.compile("(?<!')\\b(null|[A-Za-z]+Exception)\\b");

    /** Of classes, parsers and the JDK's checks of arguments; no seed has any of them. */
    private static final Pattern LIBRARIES_WORDS = Pattern.compile(
            "\\b(java|javax|com|net|org|dev)\\.[a-z]+\\.[A-Za-z.]*[A-Z]|`[A-Za-z.]+`|\\[Source:|START_(OBJECT|ARRAY)"
                    + "|For input string|Input length =|out of bounds for|Cannot invoke");

    private final String file;
    private final Seeds seeds;
    private final Use use;

    Reader(String file, Seeds seeds, Use use) {
        this.file = file;
        this.seeds = seeds;
        this.use = use;
    }

    /** Makes whole files, and beside them in the folder whatever else is read. */
    private interface Seeds {
        List<byte[]> make(Path folder, String file) throws IOException;
    }

    /** Reads a file as users do. */
    private interface Use {
        void read(Path folder, Path file) throws IOException;
    }

    /** Whole files, and beside them in the folder whatever else is read. */
    List<byte[]> seeds(Path folder) throws IOException {
        return seeds.make(folder, file);
    }

    /** @return the folder with what was not refused with a sentence once; it may not be there */
    Path findings() {
        return RESOURCES.resolve("fuzz").resolve(name().toLowerCase(Locale.ROOT));
    }

    /**
     * Reads bytes in the place of the file, with the checksums that would be right for them.
     *
     * @return how they were refused; empty if they were not
     * @throws AssertionError if they were refused with anything but a sentence
     */
    Optional<String> read(Path folder, byte[] bytes) throws IOException {
        return read(folder, Sealed.of(bytes), true);
    }

    /** Reads bytes in the place of the file as they are. */
    Optional<String> readDamaged(Path folder, byte[] bytes) throws IOException {
        return read(folder, bytes, false);
    }

    /** Reads a pipe in the place of the file, into which nobody writes. */
    Optional<String> readPipe(Path folder) throws IOException, InterruptedException {
        Path pipe = folder.resolve(file);
        Files.deleteIfExists(pipe);
        if (new ProcessBuilder("mkfifo", pipe.toString()).inheritIO().start().waitFor() != 0) {
            throw new IOException(pipe + " could not be made");
        }
        return outcome(folder, pipe, new byte[0], false);
    }

    private Optional<String> read(Path folder, byte[] bytes, boolean known) throws IOException {
        Path mutant = folder.resolve(file);
        Files.write(mutant, bytes);
        return outcome(folder, mutant, bytes, known);
    }

    private Optional<String> outcome(Path folder, Path mutant, byte[] bytes, boolean known) {
        try {
            if (known) {
                ModelFiles.know(mutant);
            }
            use.read(folder, mutant);
            return Optional.empty();
        } catch (IOException | RuntimeException e) {
            String message = e.getMessage();
            boolean refusal =
                    REFUSALS.contains(e.getClass()) || e.getClass().getName().startsWith("dev.palimpsest.");
            if (!refusal || message == null || !isSentence(message, new String(bytes, StandardCharsets.ISO_8859_1))) {
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

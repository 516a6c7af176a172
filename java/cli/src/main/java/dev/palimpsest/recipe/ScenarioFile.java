package dev.palimpsest.recipe;

import dev.palimpsest.data.DataException;
import dev.palimpsest.data.Dataset;
import dev.palimpsest.internal.NumpyPickle;
import dev.palimpsest.stream.RepetitionStream.Scenario;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

/**
 * Reads scenarios of the CLVision 2024 challenge from their Python pickles (scenario_1.pkl to scenario_3.pkl): which
 * images of the challenge's train.txt, counted from 0, are labelled and unlabelled in which experience. The challenge
 * numbers classes in the order in which they are first labelled, and distractors after those. Nothing of the file is
 * executed.
 */
public final class ScenarioFile {
    /**
     * The challenge's files have 1.2 MB. A byte of a pickle can be an object, so that a large one would fill the
     * memory.
     */
    private static final long LARGEST = 16L << 20;

    /** More indices than so large a file can spell out, unless it repeats a list. */
    private static final long MOST_IMAGES = LARGEST;

    private ScenarioFile() {}

    /**
     * Reads a file.
     *
     * @param file the pickle
     * @return what comes when
     * @throws DataException if the file cannot be read or is anything else
     */
    public static Scenario read(Path file) {
        try {
            return of(NumpyPickle.read(bytes(file)));
        } catch (IOException e) {
            throw unreadable(file, e);
        }
    }

    /** The data set, among whose checksums the file's stands under its name. */
    static Dataset recorded(Dataset dataset, Path file) {
        SortedMap<String, String> sha256 = new TreeMap<>(dataset.sha256());
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(bytes(file));
            sha256.put(file.getFileName().toString(), HexFormat.of().formatHex(digest));
        } catch (IOException e) {
            throw unreadable(file, e);
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError("every Java platform has SHA-256", e);
        }
        return new Dataset(
                dataset.name(), dataset.classNames(), dataset.train(), dataset.test(), sha256, dataset.licence());
    }

    private static byte[] bytes(Path file) throws IOException {
        if (!Files.isRegularFile(file)) { // a pipe or a device may never end
            throw new IOException("it is no file");
        }
        if (Files.size(file) > LARGEST) {
            throw new DataException(file + " has " + Files.size(file) + " bytes, a scenario file at most " + LARGEST
                    + ": give one of the challenge's files");
        }
        return Files.readAllBytes(file);
    }

    private static DataException unreadable(Path file, IOException e) {
        return new DataException(
                file + " is not a scenario file that can be read (" + e.getMessage()
                        + "): give one of the challenge's files",
                e);
    }

    private static Scenario of(Object root) throws IOException {
        if (!(root instanceof Map<?, ?> map)) {
            throw new IOException("it does not hold a dictionary");
        }
        List<int[]> labelled = lists(map, "img_indices_per_exp");
        List<int[]> unlabelled = lists(map, "unlabelled_indices_per_exp");
        if (labelled.size() != unlabelled.size() || labelled.isEmpty()) {
            throw new IOException("it has " + labelled.size() + " lists of labelled and " + unlabelled.size()
                    + " of unlabelled images");
        }
        int classes = (int) number(entry(map, "num_classes"), "num_classes");
        return new Scenario(
                classes,
                labelled,
                unlabelled,
                table(map, "scenario_table", labelled.size(), classes),
                table(map, "unlabeled_scenario_table", labelled.size(), classes));
    }

    private static Object entry(Map<?, ?> map, String name) throws IOException {
        if (map.get(name) == null) {
            throw new IOException("it has no " + name);
        }
        return NumpyPickle.finished(map.get(name));
    }

    private static long number(Object value, String name) throws IOException {
        if (!(value instanceof Long || value instanceof Integer)
                || (int) ((Number) value).longValue() != ((Number) value).longValue()) {
            throw new IOException(name + " holds something that is not a whole number of 32 bits");
        }
        return ((Number) value).longValue();
    }

    private static List<int[]> lists(Map<?, ?> map, String name) throws IOException {
        if (!(entry(map, name) instanceof List<?> experiences)) {
            throw new IOException(name + " is not a list");
        }
        List<int[]> lists = new ArrayList<>();
        long images = 0;
        for (Object experience : experiences) {
            lists.add(indices(NumpyPickle.finished(experience), name));
            images += lists.getLast().length;
            if (images > MOST_IMAGES) { // one list may stand for many experiences
                throw new IOException(name + " has more than " + MOST_IMAGES + " images");
            }
        }
        return List.copyOf(lists);
    }

    private static int[] indices(Object experience, String name) throws IOException {
        switch (experience) {
            case NumpyPickle.Array array
            when array.shape().size() == 1 -> {
                int[] indices = new int[array.size()];
                for (int i = 0; i < indices.length; i++) {
                    indices[i] = (int) number(array.at(i), name);
                }
                return indices;
            }
            case List<?> list -> {
                int[] indices = new int[list.size()];
                for (int i = 0; i < indices.length; i++) {
                    indices[i] = (int) number(list.get(i), name);
                }
                return indices;
            }
            case null, default -> throw new IOException(name + " does not hold a list of images for every experience");
        }
    }

    /** Of a table [experiences, classes] of zeros and ones, the columns of each row's ones. */
    private static List<int[]> table(Map<?, ?> map, String name, int rows, int columns) throws IOException {
        if (!(entry(map, name) instanceof NumpyPickle.Array table)
                || !table.shape().equals(List.of(rows, columns))) {
            throw new IOException(name + " is not an array of " + rows + " experiences × " + columns + " classes");
        }
        return IntStream.range(0, rows)
                .mapToObj(row -> IntStream.range(0, columns)
                        .filter(column -> table.at(row * columns + column) != 0)
                        .toArray())
                .toList();
    }
}

package dev.palimpsest.data;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * A data set in MNIST's four IDX files.
 *
 * @param remedy what to do when the files are nowhere, besides putting them into a folder
 */
record IdxDataset(String name, List<String> classNames, String licence, String remedy) {
    static final IdxDataset FASHION_MNIST = new IdxDataset(
            "fashion-mnist",
            List.of("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
            "MIT: Zalando SE, Fashion-MNIST",
            "install them with apt-get install dataset-fashion-mnist, or ");
    static final IdxDataset MNIST = new IdxDataset(
            "mnist",
            List.of("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"),
            "CC BY-SA 3.0: Y. LeCun, C. Cortes, C. J. C. Burges, MNIST",
            "");

    private static final String TRAIN_IMAGES = "train-images-idx3-ubyte";
    private static final String TRAIN_LABELS = "train-labels-idx1-ubyte";
    private static final String TEST_IMAGES = "t10k-images-idx3-ubyte";
    private static final String TEST_LABELS = "t10k-labels-idx1-ubyte";
    private static final List<String> FILES = List.of(TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS);
    private static final Path SYSTEM_FOLDERS = Path.of("/usr/share/datasets");

    Dataset load(Optional<Path> folder) {
        return load(folder.map(List::of).orElseGet(() -> folders(System.getenv(), Path.of(System.getProperty("user.home")))));
    }

    /** Where files are looked for when the user names no folder. */
    List<Path> folders(Map<String, String> environment, Path home) {
        String cache = environment.getOrDefault("XDG_CACHE_HOME", "");
        // The XDG specification: a relative path there is to be ignored.
        Path caches = Path.of(cache).isAbsolute() ? Path.of(cache) : home.resolve(".cache");
        return List.of(caches.resolve("palimpsest").resolve(name), SYSTEM_FOLDERS.resolve(name));
    }

    /** Reads the first folder that holds any of the four files. */
    Dataset load(List<Path> folders) {
        Path folder = folders.stream()
                .filter(f -> FILES.stream().anyMatch(file -> find(f, file).isPresent()))
                .findFirst()
                .orElseThrow(() -> nowhere(folders));
        SortedMap<String, String> sha256 = new TreeMap<>();
        IdxFile images = read(folder, TRAIN_IMAGES, 3, sha256);
        Images train = Images.training(
                1, images.extents()[1], images.extents()[2], images.values(), labels(folder, images, TRAIN_LABELS, sha256));
        IdxFile others = read(folder, TEST_IMAGES, 3, sha256);
        if (others.extents()[1] != train.height() || others.extents()[2] != train.width()) {
            throw new DataException(folder + " holds training images of " + train.height() + "×" + train.width() + " and test images of "
                    + others.extents()[1] + "×" + others.extents()[2] + ": put files of one data set there");
        }
        Images test = new Images(1, train.height(), train.width(), others.values(), labels(folder, others, TEST_LABELS, sha256),
                train.normalisation());
        return new Dataset(name, classNames, train, test, sha256, licence);
    }

    private DataException nowhere(List<Path> folders) {
        String looked = folders.stream().map(Path::toString).collect(Collectors.joining(" and "));
        return new DataException("there are no files of " + name + " in " + looked + ": " + remedy + "put "
                + String.join(", ", FILES) + " (plain or .gz) into " + folders.getFirst());
    }

    private static Optional<Path> find(Path folder, String file) {
        return List.of(folder.resolve(file), folder.resolve(file + ".gz")).stream().filter(Files::exists).findFirst();
    }

    private static IdxFile read(Path folder, String file, int dimensions, SortedMap<String, String> sha256) {
        Path path = find(folder, file).orElseThrow(() -> new DataException(
                folder + " lacks " + file + " (plain or .gz): put all of " + String.join(", ", FILES) + " there"));
        IdxFile idx = IdxFile.read(path, dimensions);
        for (int extent : idx.extents()) {
            if (extent == 0) {
                throw new DataException(path + " holds nothing (" + Arrays.toString(idx.extents()) + "): put the right file there");
            }
        }
        sha256.put(path.getFileName().toString(), idx.sha256());
        return idx;
    }

    private int[] labels(Path folder, IdxFile images, String file, SortedMap<String, String> sha256) {
        IdxFile idx = read(folder, file, 1, sha256);
        if (idx.extents()[0] != images.extents()[0]) {
            throw new DataException(folder.resolve(file) + " has " + idx.extents()[0] + " labels for " + images.extents()[0]
                    + " images: put files of one data set there");
        }
        int[] labels = new int[idx.values().length];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = Byte.toUnsignedInt(idx.values()[i]);
            if (labels[i] >= classNames.size()) {
                throw new DataException(folder.resolve(file) + " has label " + labels[i] + " at position " + i + ", " + name + " has 0.."
                        + (classNames.size() - 1) + ": put the right file there");
            }
        }
        return labels;
    }
}

package dev.palimpsest.data;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * A data set in MNIST's four IDX files.
 *
 * @param name fashion-mnist, mnist or kmnist
 * @param torchvision the folder that torchvision keeps the files in, below "raw"
 * @param classNames names of the classes; label c stands for {@code classNames.get(c)}
 * @param licence one line on the terms of use
 * @param remedy what to do when the files are nowhere, besides putting them into a folder
 * @param summary one line on what is in the data set
 * @param md5 MD5 of the authors' compressed files, in hexadecimal, in the order of FILES
 */
record IdxDataset(
        String name,
        String torchvision,
        List<String> classNames,
        String licence,
        String remedy,
        String summary,
        List<String> md5)
        implements Source {
    static final IdxDataset FASHION_MNIST = new IdxDataset(
            "fashion-mnist",
            "FashionMNIST",
            List.of(
                    "T-shirt/top",
                    "Trouser",
                    "Pullover",
                    "Dress",
                    "Coat",
                    "Sandal",
                    "Shirt",
                    "Sneaker",
                    "Bag",
                    "Ankle boot"),
            "MIT: Zalando SE, Fashion-MNIST",
            "install them with apt-get install dataset-fashion-mnist, or ",
            "10 kinds of clothing, 28×28 grey, 60,000 training and 10,000 test images, 53 MB (30 MB as .gz)",
            List.of(
                    "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
                    "25c81989df183df01b3e8a0aad5dffbe",
                    "bef4ecab320f06d8554ea6380940ec79",
                    "bb300cfdad3c16e7a12a480ee83cd310"));
    static final IdxDataset MNIST = new IdxDataset(
            "mnist",
            "MNIST",
            List.of("0", "1", "2", "3", "4", "5", "6", "7", "8", "9"),
            "CC BY-SA 3.0: Y. LeCun, C. Cortes, C. J. C. Burges, MNIST",
            "",
            "10 handwritten digits, 28×28 grey, 60,000 training and 10,000 test images, 55 MB (12 MB as .gz)",
            List.of(
                    "f68b3c2dcbeaaa9fbdd348bbdeb94873",
                    "d53e105ee54ea40749a09fcbcd1e9432",
                    "9fb629c4189551a2d022fa330f9573f3",
                    "ec29112dd5afa0611ce80d1b7f02629c"));

    static final IdxDataset KMNIST = new IdxDataset(
            "kmnist",
            "KMNIST",
            List.of("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
            "CC BY-SA 4.0: CODH, KMNIST Dataset, adapted from Kuzushiji Dataset, doi:10.20676/00000341",
            "",
            "10 cursive Japanese characters, 28×28 grey, 60,000 training and 10,000 test images, 55 MB (21 MB as .gz)",
            List.of(
                    "bdb82020997e1d708af4cf47b453dcf7",
                    "e144d726b3acfaa3e44228e80efcd344",
                    "5c965bf0a639b31b8f53240b1b52f4d7",
                    "7320c461ea6c1c855c0b718fb2a4b134"));

    private static final String TRAIN_IMAGES = "train-images-idx3-ubyte";
    private static final String TRAIN_LABELS = "train-labels-idx1-ubyte";
    private static final String TEST_IMAGES = "t10k-images-idx3-ubyte";
    private static final String TEST_LABELS = "t10k-labels-idx1-ubyte";
    private static final List<String> FILES = List.of(TRAIN_IMAGES, TRAIN_LABELS, TEST_IMAGES, TEST_LABELS);

    @Override
    public List<Path> folders() {
        return Folders.usual(name);
    }

    @Override
    public String howToGet() {
        String packaged =
                remedy.isEmpty() ? "Put " : "Install them with apt-get install dataset-fashion-mnist, or put ";
        return packaged + String.join(", ", FILES) + " (plain or .gz) into "
                + folders().getFirst() + "; MD5 of the authors' .gz files: " + String.join(", ", md5) + ".";
    }

    @Override
    public Dataset load(Optional<Path> folder, ImageOptions options) {
        return load(folder.map(List::of).orElseGet(this::folders));
    }

    /** Reads the first folder that holds any of the four files. */
    Dataset load(List<Path> folders) {
        Path folder = folders.stream()
                .flatMap(f ->
                        Stream.of(f, f.resolve("raw"), f.resolve(torchvision).resolve("raw")))
                .filter(f -> FILES.stream().anyMatch(file -> find(f, file).isPresent()))
                .findFirst()
                .orElseThrow(() -> nowhere(folders));
        SortedMap<String, String> sha256 = new TreeMap<>();
        IdxFile images = read(folder, TRAIN_IMAGES, 3, sha256);
        Images train = Images.of(
                1,
                images.extents()[1],
                images.extents()[2],
                images.values(),
                labels(folder, images, TRAIN_LABELS, sha256));
        IdxFile others = read(folder, TEST_IMAGES, 3, sha256);
        if (others.extents()[1] != train.height() || others.extents()[2] != train.width()) {
            throw new DataException(folder + " holds training images of " + train.height() + "×" + train.width()
                    + " and test images of " + others.extents()[1] + "×" + others.extents()[2]
                    + ": put files of one data set there");
        }
        Images test = Images.of(
                1, train.height(), train.width(), others.values(), labels(folder, others, TEST_LABELS, sha256));
        return new Dataset(name, classNames, train, test, sha256, licence);
    }

    private DataException nowhere(List<Path> folders) {
        return new DataException("there are no files of " + name + " in " + Folders.joined(folders) + ": " + remedy
                + "put " + String.join(", ", FILES) + " (plain or .gz) into " + folders.getFirst());
    }

    private static Optional<Path> find(Path folder, String file) {
        String dotted = file.replace("-idx", ".idx"); // as archives of others have it, also in folders of that name
        return Stream.of(file, file + ".gz", dotted, dotted + ".gz", file + "/" + file, dotted + "/" + dotted)
                .map(folder::resolve)
                .filter(Files::isRegularFile)
                .findFirst();
    }

    private static IdxFile read(Path folder, String file, int dimensions, SortedMap<String, String> sha256) {
        Path path = find(folder, file)
                .orElseThrow(() -> new DataException(folder + " lacks " + file + " (plain or .gz): put all of "
                        + String.join(", ", FILES) + " there"));
        IdxFile idx = IdxFile.read(path, dimensions);
        for (int extent : idx.extents()) {
            if (extent == 0) {
                throw new DataException(
                        path + " holds nothing (" + Arrays.toString(idx.extents()) + "): put the right file there");
            }
        }
        sha256.put(path.getFileName().toString(), idx.sha256());
        return idx;
    }

    private int[] labels(Path folder, IdxFile images, String file, SortedMap<String, String> sha256) {
        IdxFile idx = read(folder, file, 1, sha256);
        if (idx.extents()[0] != images.extents()[0]) {
            throw new DataException(folder.resolve(file) + " has " + idx.extents()[0] + " labels for "
                    + images.extents()[0] + " images: put files of one data set there");
        }
        int[] labels = new int[idx.values().length];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = Byte.toUnsignedInt(idx.values()[i]);
            if (labels[i] >= classNames.size()) {
                throw new DataException(folder.resolve(file) + " has label " + labels[i] + " at position " + i + ", "
                        + name + " has 0.." + (classNames.size() - 1) + ": put the right file there");
            }
        }
        return labels;
    }
}

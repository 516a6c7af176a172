package dev.palimpsest.data;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * CIFAR in its authors' binary version, records of label bytes and 3×32×32 pixels in CHW order, or in their Python
 * version.
 *
 * @param name cifar-10 or cifar-100
 * @param classes how many classes the labels stand for
 * @param archive folder that the authors' archive unpacks to
 * @param nameFile file with the names of the classes, one per line
 * @param trainFiles files of training images, in their order
 * @param testFile file of test images
 * @param labelBytes label bytes of a record; the last one is the class (CIFAR-100's first one is the coarse class)
 * @param md5 MD5 of the authors' archive, in hexadecimal
 * @param pickles the Python version
 */
record Cifar(
        String name,
        int classes,
        String archive,
        String nameFile,
        List<String> trainFiles,
        String testFile,
        int labelBytes,
        String md5,
        CifarPickles pickles)
        implements Source {
    static final Cifar CIFAR_10 = new Cifar(
            "cifar-10",
            10,
            "cifar-10-batches-bin",
            "batches.meta.txt",
            List.of("data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"),
            "test_batch.bin",
            1,
            "c32a1d4ab5d03f1284b67883e8d87530",
            new CifarPickles(
                    "cifar-10-batches-py",
                    "batches.meta",
                    "label_names",
                    List.of("data_batch_1", "data_batch_2", "data_batch_3", "data_batch_4", "data_batch_5"),
                    "test_batch",
                    "labels",
                    "c58f30108f718f92721af3b95e74349a"));
    static final Cifar CIFAR_100 = new Cifar(
            "cifar-100",
            100,
            "cifar-100-binary",
            "fine_label_names.txt",
            List.of("train.bin"),
            "test.bin",
            2,
            "03b5dce01913d631647c71ecec9e9cb8",
            new CifarPickles(
                    "cifar-100-python",
                    "meta",
                    "fine_label_names",
                    List.of("train"),
                    "test",
                    "fine_labels",
                    "eb9058c3a382ffc7106e4002c42a8d85"));

    private static final int CHANNELS = 3;
    private static final int SIDE = 32;
    private static final int PIXELS = CHANNELS * SIDE * SIDE;

    @Override
    public String summary() {
        return classes + " classes of photographs, 32×32 RGB, 50,000 training and 10,000 test images, 180 MB";
    }

    @Override
    public String licence() {
        return "none stated; cite A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009";
    }

    @Override
    public List<Path> folders() {
        return Folders.usual(name);
    }

    @Override
    public String howToGet() {
        return "Download " + name + "-binary.tar.gz (MD5 " + md5 + ") or " + name + "-python.tar.gz (MD5 "
                + pickles.md5() + ") from https://www.cs.toronto.edu/~kriz/cifar.html and unpack it in "
                + folders().getFirst() + ".";
    }

    @Override
    public Dataset load(Optional<Path> folder, ImageOptions options) {
        return load(folder.map(List::of).orElseGet(this::folders));
    }

    /** Reads the first folder that holds any of the files of either version, itself or in the archive's folder. */
    Dataset load(List<Path> folders) {
        List<String> binary = files(trainFiles, testFile, nameFile);
        List<String> python = files(pickles.trainFiles(), pickles.testFile(), pickles.nameFile());
        for (Path folder : folders) {
            for (Path place : List.of(folder, folder.resolve(archive))) {
                if (holdsAny(place, binary)) {
                    requireAll(place, binary);
                    SortedMap<String, String> sha256 = new TreeMap<>();
                    return dataset(
                            place,
                            names(place, sha256),
                            part(place, trainFiles, sha256),
                            part(place, List.of(testFile), sha256),
                            sha256);
                }
            }
            for (Path place : List.of(folder, folder.resolve(pickles.archive()))) {
                if (holdsAny(place, python)) {
                    requireAll(place, python);
                    SortedMap<String, String> sha256 = new TreeMap<>();
                    return dataset(
                            place,
                            pickles.names(place, sha256),
                            pickled(place, pickles.trainFiles(), sha256),
                            pickled(place, List.of(pickles.testFile()), sha256),
                            sha256);
                }
            }
        }
        throw new DataException("there are no files of " + name + " in " + Folders.joined(folders) + ": put "
                + String.join(", ", binary) + " of the authors' binary version, or " + String.join(", ", python)
                + " of their Python version, into " + folders.getFirst() + " (palimpsest data get " + name
                + " says where they come from)");
    }

    private static List<String> files(List<String> train, String test, String names) {
        return Stream.of(train, List.of(test, names)).flatMap(List::stream).toList();
    }

    private static boolean holdsAny(Path folder, List<String> files) {
        return files.stream().anyMatch(file -> Files.isRegularFile(folder.resolve(file)));
    }

    private static void requireAll(Path folder, List<String> files) {
        for (String file : files) {
            if (!Files.exists(folder.resolve(file))) {
                throw new DataException(
                        folder + " lacks " + file + ": put all of " + String.join(", ", files) + " there");
            }
        }
    }

    private Dataset dataset(Path folder, List<String> names, Part train, Part test, SortedMap<String, String> sha256) {
        if (names.size() != classes) {
            throw new DataException(folder + " has the names of " + names.size() + " classes, " + name + " has "
                    + classes + ": put the right files there");
        }
        return new Dataset(name, names, train.images(), test.images(), sha256, licence());
    }

    private Part pickled(Path folder, List<String> files, SortedMap<String, String> sha256) {
        List<Part> parts = new ArrayList<>();
        for (String file : files) {
            Part part = pickles.part(folder.resolve(file), PIXELS, sha256);
            for (int i = 0; i < part.labels.length; i++) {
                requireLabel(part.labels[i], folder.resolve(file), i);
            }
            parts.add(part);
        }
        byte[] pixels = pixels(
                folder, parts.stream().mapToLong(part -> part.pixels.length).sum());
        int at = 0;
        for (Part part : parts) {
            System.arraycopy(part.pixels, 0, pixels, at, part.pixels.length);
            at += part.pixels.length;
        }
        return new Part(
                pixels,
                parts.stream().flatMapToInt(part -> Arrays.stream(part.labels)).toArray());
    }

    private static byte[] pixels(Path folder, long bytes) {
        if (bytes > HashedFile.LARGEST) {
            throw new DataException(folder + " holds images of " + bytes + " bytes, at most " + HashedFile.LARGEST
                    + " are read in this heap: put the right files there, or give more memory (JAVA_OPTS=-Xmx…)");
        }
        return new byte[(int) bytes];
    }

    private void requireLabel(int label, Path file, int position) {
        if (label < 0 || label >= classes) {
            throw new DataException(file + " has label " + label + " at position " + position + ", " + name + " has 0.."
                    + (classes - 1) + ": put the right file there");
        }
    }

    private List<String> names(Path folder, SortedMap<String, String> sha256) {
        HashedFile file = HashedFile.read(folder.resolve(nameFile));
        List<String> names = HashedFile.text(folder.resolve(nameFile), file.contents())
                .lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .toList();
        sha256.put(nameFile, file.sha256());
        return names;
    }

    /** Pixels of images, one after the other, and their labels. */
    record Part(byte[] pixels, int[] labels) {
        Images images() {
            return Images.of(CHANNELS, SIDE, SIDE, pixels, labels);
        }
    }

    private Part part(Path folder, List<String> files, SortedMap<String, String> sha256) {
        int record = labelBytes + PIXELS;
        List<byte[]> contents = new ArrayList<>();
        int images = 0;
        for (String name : files) {
            HashedFile file = HashedFile.read(folder.resolve(name));
            int bytes = file.contents().length;
            if (bytes == 0 || bytes % record != 0) {
                throw new DataException(folder.resolve(name) + " is truncated: expected a multiple of " + record
                        + " bytes (" + labelBytes + " of label and " + PIXELS + " of pixels per image), it has " + bytes
                        + "; copy it again");
            }
            sha256.put(name, file.sha256());
            contents.add(file.contents());
            images += bytes / record;
        }
        byte[] pixels = pixels(folder, (long) images * PIXELS);
        int[] labels = new int[images];
        int image = 0;
        for (int f = 0; f < contents.size(); f++) {
            byte[] bytes = contents.get(f);
            for (int at = 0; at < bytes.length; at += record, image++) {
                labels[image] = Byte.toUnsignedInt(bytes[at + labelBytes - 1]);
                requireLabel(labels[image], folder.resolve(files.get(f)), at / record);
                System.arraycopy(bytes, at + labelBytes, pixels, image * PIXELS, PIXELS);
            }
        }
        return new Part(pixels, labels);
    }
}

package dev.palimpsest.data;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * CIFAR in its authors' binary version: records of label bytes and 3×32×32 pixels in CHW order.
 *
 * @param name cifar-10 or cifar-100
 * @param classes how many classes the labels stand for
 * @param archive folder that the authors' archive unpacks to
 * @param nameFile file with the names of the classes, one per line
 * @param trainFiles files of training images, in their order
 * @param testFile file of test images
 * @param labelBytes label bytes of a record; the last one is the class (CIFAR-100's first one is the coarse class)
 * @param md5 MD5 of the authors' archive, in hexadecimal
 */
record Cifar(
        String name,
        int classes,
        String archive,
        String nameFile,
        List<String> trainFiles,
        String testFile,
        int labelBytes,
        String md5)
        implements Source {
    static final Cifar CIFAR_10 = new Cifar(
            "cifar-10",
            10,
            "cifar-10-batches-bin",
            "batches.meta.txt",
            List.of("data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin"),
            "test_batch.bin",
            1,
            "c32a1d4ab5d03f1284b67883e8d87530");
    static final Cifar CIFAR_100 = new Cifar(
            "cifar-100",
            100,
            "cifar-100-binary",
            "fine_label_names.txt",
            List.of("train.bin"),
            "test.bin",
            2,
            "03b5dce01913d631647c71ecec9e9cb8");

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
        return "Download " + name + "-binary.tar.gz (MD5 " + md5
                + ") from https://www.cs.toronto.edu/~kriz/cifar.html and unpack it in "
                + folders().getFirst() + ".";
    }

    @Override
    public Dataset load(Optional<Path> folder, ImageOptions options) {
        return load(folder.map(List::of).orElseGet(this::folders));
    }

    /** Reads the first folder that holds any of the files, itself or in the archive's folder. */
    Dataset load(List<Path> folders) {
        List<String> files = Stream.of(trainFiles, List.of(testFile, nameFile))
                .flatMap(List::stream)
                .toList();
        Path folder = folders.stream()
                .flatMap(f -> Stream.of(f, f.resolve(archive)))
                .filter(f -> files.stream().anyMatch(file -> Files.exists(f.resolve(file))))
                .findFirst()
                .orElseThrow(() -> new DataException("there are no files of " + name + " in " + Folders.joined(folders)
                        + ": put "
                        + String.join(", ", files) + " of the authors' binary version into " + folders.getFirst()
                        + " (palimpsest data get " + name + " says where they come from)"));
        for (String file : files) {
            if (!Files.exists(folder.resolve(file))) {
                throw new DataException(
                        folder + " lacks " + file + ": put all of " + String.join(", ", files) + " there");
            }
        }
        SortedMap<String, String> sha256 = new TreeMap<>();
        List<String> names = names(folder, sha256);
        Part train = part(folder, trainFiles, sha256);
        Part test = part(folder, List.of(testFile), sha256);
        return new Dataset(name, names, train.images(), test.images(), sha256, licence());
    }

    private List<String> names(Path folder, SortedMap<String, String> sha256) {
        HashedFile file = HashedFile.read(folder.resolve(nameFile));
        List<String> names = new String(file.contents(), StandardCharsets.UTF_8)
                .lines()
                .map(String::strip)
                .filter(line -> !line.isEmpty())
                .toList();
        if (names.size() != classes) {
            throw new DataException(folder.resolve(nameFile) + " names " + names.size() + " classes, " + name + " has "
                    + classes + ": put the right file there");
        }
        sha256.put(nameFile, file.sha256());
        return names;
    }

    private record Part(byte[] pixels, int[] labels) {
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
        byte[] pixels = new byte[images * PIXELS];
        int[] labels = new int[images];
        int image = 0;
        for (int f = 0; f < contents.size(); f++) {
            byte[] bytes = contents.get(f);
            for (int at = 0; at < bytes.length; at += record, image++) {
                labels[image] = Byte.toUnsignedInt(bytes[at + labelBytes - 1]);
                if (labels[image] >= classes) {
                    throw new DataException(
                            folder.resolve(files.get(f)) + " has label " + labels[image] + " at position " + at / record
                                    + ", " + name + " has 0.." + (classes - 1) + ": put the right file there");
                }
                System.arraycopy(bytes, at + labelBytes, pixels, image * PIXELS, PIXELS);
            }
        }
        return new Part(pixels, labels);
    }
}

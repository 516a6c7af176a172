package dev.palimpsest.data;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.IntStream;

/** Image files with labels, read into arrays of bytes. */
final class ImageFiles {
    private static final System.Logger LOG = System.getLogger(ImageFiles.class.getName());
    private static final double GIB = 1 << 30;

    /** A file and its class. */
    record Labelled(Path file, int label) {}

    private final Path folder;
    private final ImageOptions options;
    private final SortedMap<String, String> sha256 = new TreeMap<>();

    private ImageFiles(Path folder, ImageOptions options) {
        this.folder = folder;
        this.options = options;
    }

    /** @throws DataException for a file that cannot be read or does not fit, and where there is too little memory */
    static Dataset load(String name, Path folder, List<String> classNames, List<Labelled> train, List<Labelled> test, String testName,
            ImageOptions options) {
        ImageFiles files = new ImageFiles(folder, options);
        int[] size = files.size(train);
        files.checkFits(train.size(), test.size(), size);
        Part training = files.read("train", train, size);
        Part others = files.read(testName, test, size);
        Images images = Images.training(Picture.CHANNELS, size[0], size[1], training.pixels, training.labels);
        return new Dataset(name, classNames, images,
                new Images(Picture.CHANNELS, size[0], size[1], others.pixels, others.labels, images.normalisation()), files.sha256,
                "that of the files in " + folder);
    }

    /** Height and width of all images: the option's, or those of the first file that can be read. */
    private int[] size(List<Labelled> files) {
        for (Labelled file : options.size() == 0 ? files : List.<Labelled>of()) {
            try {
                Picture picture = Picture.decode(Files.readAllBytes(file.file));
                return new int[] {picture.height(), picture.width()};
            } catch (IOException e) {
                refuse(file, e);
            }
        }
        return new int[] {options.size(), options.size()};
    }

    private void checkFits(int train, int test, int[] size) {
        long image = (long) Picture.CHANNELS * size[0] * size[1];
        Runtime runtime = Runtime.getRuntime();
        long free = runtime.maxMemory() - runtime.totalMemory() + runtime.freeMemory();
        if (image * (train + test) > free) {
            throw new DataException(String.format(Locale.ROOT, "%,d training and %,d test images of 3×%d×%d take %.2f GiB and the heap "
                    + "has %.2f left: use a smaller --image-size, fewer images, or more memory (JAVA_OPTS=-Xmx…)",
                    train, test, size[0], size[1], image * (train + test) / GIB, free / GIB));
        }
    }

    private record Part(byte[][] pixels, int[] labels) {}

    private Part read(String part, List<Labelled> files, int[] size) {
        byte[][] pixels = new byte[files.size()][];
        String[] hashes = new String[files.size()];
        // Every file has its place, so the order in which threads come does not matter.
        IntStream.range(0, files.size()).parallel().forEach(i -> pixels[i] = read(files.get(i), size, hashes, i));
        int kept = 0;
        int[] labels = new int[files.size()];
        for (int i = 0; i < pixels.length; i++) {
            if (pixels[i] != null) {
                pixels[kept] = pixels[i];
                labels[kept++] = files.get(i).label;
            }
        }
        if (kept == 0) {
            throw new DataException(folder + " has no " + part + " image that can be read: put PNG or JPEG files there");
        }
        sha256.put(part, listHash(files, hashes));
        return new Part(Arrays.copyOf(pixels, kept), Arrays.copyOf(labels, kept));
    }

    /** The file's pixels; null if it is damaged and such files are left out. */
    private byte[] read(Labelled file, int[] size, String[] hashes, int index) {
        byte[] bytes = HashedFile.bytes(file.file);
        hashes[index] = HashedFile.sha256(bytes);
        Picture picture;
        try {
            picture = Picture.decode(bytes);
        } catch (IOException e) {
            refuse(file, e);
            return null;
        }
        if (options.size() > 0) {
            picture = picture.square(options.size());
        } else if (picture.height() != size[0] || picture.width() != size[1]) {
            throw new DataException(file.file + " has " + picture.height() + "×" + picture.width() + " pixels, the first image "
                    + size[0] + "×" + size[1] + ": give --image-size to bring all to one size");
        }
        return picture.pixels();
    }

    private void refuse(Labelled file, IOException e) {
        if (!options.skipDamaged()) {
            throw new DataException(file.file + " cannot be decoded (" + e.getMessage() + "): replace it, or leave such files out with "
                    + "--skip-damaged true", e);
        }
        LOG.log(System.Logger.Level.WARNING, "left out {0}: {1}", file.file, e.getMessage());
    }

    /** Hash of the lines that sha256sum prints for the files, in their order, with paths from the folder on. */
    private String listHash(List<Labelled> files, String[] hashes) {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < hashes.length; i++) {
            lines.add(hashes[i] + "  " + folder.relativize(files.get(i).file) + "\n");
        }
        return HashedFile.sha256(String.join("", lines).getBytes(StandardCharsets.UTF_8));
    }
}

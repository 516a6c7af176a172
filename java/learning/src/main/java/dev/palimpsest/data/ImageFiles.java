package dev.palimpsest.data;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.IntFunction;
import java.util.stream.IntStream;

/** Image files with labels, read into bytes: on the heap, or in a file of the cache where they are too many for it. */
final class ImageFiles {
    private static final System.Logger LOG = System.getLogger(ImageFiles.class.getName());
    private static final double GIB = 1 << 30;
    /** Training needs the rest. */
    private static final double SHARE_OF_HEAP = 0.75;

    /** How many damaged files a sentence names. */
    private static final int LISTED = 100;

    /** A file and its class. */
    record Labelled(Path file, int label) {}

    private final Path folder;
    private final ImageOptions options;
    private final SortedMap<String, String> sha256 = new TreeMap<>();

    /** What to do about files that cannot be read. */
    private final String remedy;

    private ImageFiles(Path folder, ImageOptions options, String remedy) {
        this.folder = folder;
        this.options = options;
        this.remedy = remedy;
    }

    /**
     * Reads image files into a data set.
     *
     * @throws DataException for a file that cannot be read or does not fit, and where there is too little memory
     */
    static Dataset load(
            String name,
            Path folder,
            List<String> classNames,
            List<Labelled> train,
            List<Labelled> test,
            String testName,
            ImageOptions options) {
        Runtime runtime = Runtime.getRuntime();
        return load(
                name,
                folder,
                classNames,
                train,
                test,
                testName,
                options,
                runtime.maxMemory() - runtime.totalMemory() + runtime.freeMemory(),
                Folders.cache());
    }

    /**
     * The same, where memory and cache are known.
     *
     * @param heap bytes of memory that are left
     * @param cache where images go that are too many for it
     */
    static Dataset load(
            String name,
            Path folder,
            List<String> classNames,
            List<Labelled> train,
            List<Labelled> test,
            String testName,
            ImageOptions options,
            long heap,
            Path cache) {
        ImageFiles files =
                new ImageFiles(folder, options, "replace them, or leave such files out with --skip-damaged true");
        int[] size = files.size(train);
        IntFunction<PixelStore> stores = stores(train.size(), test.size(), size, heap, cache);
        Part training = files.read(train, size, stores);
        Part others = files.read(test, size, stores);
        files.report(List.of(training, others));
        files.sha256.put("train", files.listHash(train, training.hashes));
        files.sha256.put(testName, files.listHash(test, others.hashes));
        Images images = Images.of(Picture.CHANNELS, size[0], size[1], training.pixels, training.labels);
        Images evaluated =
                new Images(Picture.CHANNELS, size[0], size[1], others.pixels, others.labels, images.normalisation());
        return new Dataset(
                name,
                classNames,
                files.shown(images),
                files.shown(evaluated),
                files.sha256,
                "that of the files in " + folder);
    }

    /** Files, brought to one size. */
    static Images load(List<Labelled> files, int side) {
        ImageOptions.requireSide(side);
        ImageFiles reader = new ImageFiles(Path.of(""), new ImageOptions(side, 0, false), "replace or remove them");
        Part part = reader.read(files, new int[] {side, side}, PixelStore.Heap::new);
        reader.report(List.of(part));
        return Images.of(Picture.CHANNELS, side, side, part.pixels, part.labels);
    }

    private Images shown(Images images) {
        if (options.crop() == 0) {
            return images;
        }
        if (!ImageOptions.fits(options.crop(), images.height()) || !ImageOptions.fits(options.crop(), images.width())) {
            throw new DataException("image-crop = " + options.crop() + " is no part in the middle of the "
                    + images.height() + "×" + images.width() + " pixels in " + folder
                    + ": take a smaller one, even or odd as they are, or give --image-size");
        }
        return images.cropped(options.crop());
    }

    /** Height and width of all images: the option's, or those of the first file that can be read. */
    private int[] size(List<Labelled> files) {
        for (Labelled file : options.size() == 0 ? files : List.<Labelled>of()) {
            try {
                Picture picture = Picture.decode(HashedFile.image(file.file));
                return new int[] {picture.height(), picture.width()};
            } catch (IOException e) {
                // Listed together with all others when they are read.
            }
        }
        return new int[] {options.size(), options.size()};
    }

    /** What makes room for so many images. */
    private static IntFunction<PixelStore> stores(int train, int test, int[] size, long heap, Path cache) {
        long image = (long) Picture.CHANNELS * size[0] * size[1];
        long bytes = image * (train + test);
        if (bytes <= SHARE_OF_HEAP * heap) {
            return PixelStore.Heap::new;
        }
        String found = String.format(
                Locale.ROOT,
                "%,d training and %,d test images of 3×%d×%d take %.2f GiB, the heap has %.2f left",
                train,
                test,
                size[0],
                size[1],
                bytes / GIB,
                heap / GIB);
        long disk;
        try {
            disk = Files.getFileStore(Files.createDirectories(cache)).getUsableSpace();
        } catch (IOException e) {
            throw new DataException(
                    found + " and " + cache + " cannot be used (" + e
                            + "): give more memory (JAVA_OPTS=-Xmx…), or name " + "another place with XDG_CACHE_HOME",
                    e);
        }
        if (bytes > disk) {
            throw new DataException(String.format(
                    Locale.ROOT,
                    "%s and the disk of %s %.2f: use a smaller --image-size, fewer images, more "
                            + "memory (JAVA_OPTS=-Xmx…), or a larger disk (XDG_CACHE_HOME)",
                    found,
                    cache,
                    disk / GIB));
        }
        LOG.log(System.Logger.Level.INFO, "{0}: they go into a file of {1} that ends with the process", found, cache);
        return slots -> new PixelStore.Disk(cache, Math.toIntExact(image));
    }

    /** What was read of a list of files, the hashes of all of them, and those that could not be read. */
    private record Part(Pixels pixels, int[] labels, String[] hashes, List<String> damaged) {}

    private Part read(List<Labelled> files, int[] size, IntFunction<PixelStore> stores) {
        PixelStore store = stores.apply(files.size());
        String[] damage = new String[files.size()];
        String[] hashes = new String[files.size()];
        // Every file has its place, so the order in which threads come does not matter.
        IntStream.range(0, files.size()).parallel().forEach(i -> {
            try {
                store.put(i, read(files.get(i), size, hashes, i));
            } catch (IOException e) {
                damage[i] = files.get(i).file + " (" + e.getMessage() + ")";
            }
        });
        int[] kept =
                IntStream.range(0, files.size()).filter(i -> damage[i] == null).toArray();
        return new Part(
                store.pixels(kept),
                Arrays.stream(kept).map(i -> files.get(i).label).toArray(),
                hashes,
                Arrays.stream(damage).filter(Objects::nonNull).toList());
    }

    /**
     * The file's pixels.
     *
     * @throws IOException with the reason, if it cannot be read or decoded
     */
    private byte[] read(Labelled file, int[] size, String[] hashes, int index) throws IOException {
        byte[] bytes = HashedFile.image(file.file);
        hashes[index] = HashedFile.sha256(bytes);
        Picture picture = Picture.decode(bytes);
        if (options.size() > 0) {
            picture = picture.square(options.size());
        } else if (picture.height() != size[0] || picture.width() != size[1]) {
            throw new DataException(
                    file.file + " has " + picture.height() + "×" + picture.width() + " pixels, the first image "
                            + size[0] + "×" + size[1] + ": give --image-size to bring all to one size");
        }
        return picture.pixels();
    }

    private void report(List<Part> parts) {
        List<String> damaged =
                parts.stream().flatMap(part -> part.damaged.stream()).toList();
        int files = parts.stream().mapToInt(part -> part.hashes.length).sum();
        if (damaged.isEmpty()) {
            return;
        }
        String list = String.join(", ", damaged.subList(0, Math.min(LISTED, damaged.size())))
                + (damaged.size() > LISTED ? " and " + (damaged.size() - LISTED) + " more" : "");
        if (!options.skipDamaged()) {
            throw new DataException(String.format(
                    Locale.ROOT, "%,d of %,d files cannot be read: %s: %s", damaged.size(), files, list, remedy));
        }
        if (parts.stream().anyMatch(part -> part.labels.length == 0)) {
            throw new DataException(folder + " has a part of which no image can be read: " + list + ": put "
                    + Picture.KINDS + " files there");
        }
        LOG.log(System.Logger.Level.WARNING, "left out {0} of {1} files: {2}", damaged.size(), files, list);
    }

    /** Hash of the lines that sha256sum prints for the files, in their order, with paths from the folder on. */
    private String listHash(List<Labelled> files, String[] hashes) {
        List<String> lines = new ArrayList<>();
        for (int i = 0; i < hashes.length; i++) {
            if (hashes[i] == null) {
                continue; // a link to nothing
            }
            Path file = files.get(i).file;
            boolean below = file.isAbsolute() == folder.isAbsolute(); // a list may name files anywhere
            lines.add(hashes[i] + "  " + (below ? folder.relativize(file) : file) + "\n");
        }
        return HashedFile.sha256(String.join("", lines).getBytes(StandardCharsets.UTF_8));
    }
}

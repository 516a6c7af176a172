package dev.palimpsest.data;

import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.Collectors;

/**
 * Image files in train/CLASS/… and test/CLASS/… (or val/CLASS/…), or in CLASS/… alone and then divided here, at any
 * depth; classes are numbered in the order of their names.
 */
record ImageFolder() implements OwnImages {
    private static final System.Logger LOG = System.getLogger(ImageFolder.class.getName());
    /** What data sets call their parts, in whatever case, those to learn from first. */
    private static final List<String> PARTS =
            List.of("train", "training", "test", "testing", "val", "valid", "validation");

    @Override
    public String name() {
        return "image-folder";
    }

    @Override
    public String summary() {
        return "your " + Picture.KINDS + " files in train/CLASS/ and test/CLASS/ (or val/CLASS/) of --data-folder, or"
                + " in CLASS/ alone, as RGB of --image-size";
    }

    @Override
    public String howToGet() {
        return "Name a folder with --data-folder; it holds train and test (or val), each with a folder of "
                + Picture.KINDS
                + " files for every class, or just such folders: --test-share of each is then for test.";
    }

    @Override
    public Dataset load(Optional<Path> folder, ImageOptions options) {
        Path root = folder.orElseThrow();
        Path train = train(root);
        List<String> names = classes(train);
        if (train.equals(root)) {
            List<ImageFiles.Labelled> training = new ArrayList<>();
            List<ImageFiles.Labelled> test = new ArrayList<>();
            divide(root, files(root, names), options.testShare(), training, test);
            return ImageFiles.load(name(), root, names, training, test, "test", options);
        }
        String testName = test(root);
        options.requireNoTestShare(root, "train and " + testName);
        warnOfRest(root, testName);
        return ImageFiles.load(
                name(), root, names, files(train, names), files(root.resolve(testName), names), testName, options);
    }

    /**
     * Where the training images are: the folder itself, if it is not divided.
     *
     * @throws DataException if it has a part for training or for test alone, or parts of other names
     */
    static Path train(Path root) {
        boolean train = Files.isDirectory(root.resolve("train"));
        boolean test = Files.isDirectory(root.resolve(test(root)));
        if (train != test) {
            String others = parts(root).stream()
                    .map(part -> part.getFileName().toString())
                    .filter(name -> !List.of("train", "test", "val").contains(name))
                    .collect(Collectors.joining(" and "));
            throw new DataException(root + " lacks " + (train ? "test (or val)" : "train")
                    + ": it must hold train and test (or val), each with a folder for every class, or neither"
                    + (others.isEmpty() ? "" : "; rename " + others + " if that is what is missing"));
        }
        if (!train) {
            requireUndivided(root, _ -> "name them train and test (or val), or put all classes side by side");
        }
        return train ? root.resolve("train") : root;
    }

    /** Images that somebody put there to be used, and that no split takes. */
    private static void warnOfRest(Path root, String testName) {
        String rest = ImageSearch.list(root).stream()
                .filter(Files::isDirectory)
                .map(path -> path.getFileName().toString())
                .filter(name -> !name.equals("train") && !name.equals(testName))
                .collect(Collectors.joining(", "));
        if (!rest.isEmpty()) {
            LOG.log(
                    System.Logger.Level.WARNING,
                    "not taken from {0}: {1}, as train and {2} are there; move images that are to be used into those"
                            + " two (--validation holds out a share of train)",
                    root,
                    rest,
                    testName);
        }
    }

    /** Folders with names of parts, and with nothing but folders in them: those to learn from first. */
    private static List<Path> parts(Path root) {
        return ImageSearch.list(root).stream()
                .filter(path -> PARTS.contains(lower(path)) && Files.isDirectory(path))
                .filter(path -> ImageSearch.list(path).stream().allMatch(Files::isDirectory))
                .sorted(Comparator.comparingInt(path -> PARTS.indexOf(lower(path))))
                .toList();
    }

    private static String lower(Path path) {
        return path.getFileName().toString().toLowerCase(Locale.ROOT);
    }

    private static String test(Path root) {
        return Files.isDirectory(root.resolve("test")) ? "test" : "val";
    }

    /**
     * Divides every class. What a file's path is decides, not which others there are, so that most images stay where
     * they are when others come.
     */
    private static void divide(
            Path root,
            List<ImageFiles.Labelled> files,
            double testShare,
            List<ImageFiles.Labelled> training,
            List<ImageFiles.Labelled> test) {
        Map<Integer, List<ImageFiles.Labelled>> byClass = files.stream()
                .collect(Collectors.groupingBy(ImageFiles.Labelled::label, TreeMap::new, Collectors.toList()));
        for (List<ImageFiles.Labelled> own : byClass.values()) {
            Set<ImageFiles.Labelled> drawn = own.stream()
                    .sorted(Comparator.comparing(image -> HashedFile.sha256(
                            root.relativize(image.file()).toString().getBytes(StandardCharsets.UTF_8))))
                    .limit(Math.min(own.size() - 1, Math.max(1, Math.round(testShare * own.size()))))
                    .collect(Collectors.toSet());
            own.forEach(image -> (drawn.contains(image) ? test : training).add(image));
        }
        if (test.isEmpty()) {
            throw new DataException(root + " has one image per class, which leaves none for test: put more there");
        }
    }

    /**
     * Where every folder is a class, those of a divided data set would become classes of these names.
     *
     * @throws DataException if folders have names of parts and hold no image of their own, and there are several, or
     *     nothing else, or what such a folder holds has the names of the classes beside it
     */
    static void requireUndivided(Path folder) {
        requireUndivided(folder, parts -> "give " + parts.getFirst());
    }

    private static void requireUndivided(Path folder, Function<List<Path>, String> remedy) {
        List<Path> parts = parts(folder);
        List<String> beside = ImageSearch.list(folder).stream()
                .filter(path -> Files.isDirectory(path) && !parts.contains(path))
                .map(path -> path.getFileName().toString())
                .toList();
        if (parts.isEmpty()
                || (parts.size() == 1 && !beside.isEmpty() && !beside.containsAll(classes(parts.getFirst())))) {
            return;
        }
        throw new DataException(folder + " is divided into "
                + parts.stream().map(part -> part.getFileName().toString()).collect(Collectors.joining(" and "))
                + ", which would become classes: " + remedy.apply(parts) + ", or rename what is a class");
    }

    /** Names of the folders of a folder that has one for every class, sorted. */
    static List<String> classes(Path part) {
        List<String> names = ImageSearch.list(part).stream()
                .filter(Files::isDirectory)
                .map(path -> path.getFileName().toString())
                .toList();
        if (names.isEmpty()) {
            throw new DataException(part + " holds no folders: put the images of every class into one of its own");
        }
        return names;
    }

    /** The image files of each class. */
    static List<ImageFiles.Labelled> files(Path part, List<String> names) {
        List<ImageFiles.Labelled> files = new ArrayList<>();
        ImageSearch all = new ImageSearch();
        for (Path path : ImageSearch.list(part)) {
            if (!Files.isDirectory(path)) {
                all.outside(path);
                continue;
            }
            int label = names.indexOf(path.getFileName().toString());
            if (label < 0) {
                throw new DataException(path + " is a class that train does not have: expected one of "
                        + String.join(", ", names) + "; put images of it into train too, or leave it out");
            }
            List<Path> images = all.below(path);
            if (images.isEmpty()) {
                ImageSearch own = new ImageSearch();
                own.below(path);
                throw new DataException(path + " holds no file that ends in " + ImageSearch.ENDINGS
                        + (own.others().isEmpty() ? "" : ", but " + own.others())
                        + ": put images there or remove it");
            }
            images.forEach(image -> files.add(new ImageFiles.Labelled(image, label)));
        }
        all.report(part);
        return files;
    }
}

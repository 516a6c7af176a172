package dev.palimpsest.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.function.Predicate;
import java.util.stream.Stream;

/**
 * Image files in train/CLASS/… and test/CLASS/… (or val/CLASS/…); classes are numbered in the order of their names.
 */
record ImageFolder() implements OwnImages {
    @Override
    public String name() {
        return "image-folder";
    }

    @Override
    public String summary() {
        return "your PNG and JPEG files in train/CLASS/ and test/CLASS/ (or val/CLASS/) of --data-folder, as RGB of"
                + " --image-size";
    }

    @Override
    public String howToGet() {
        return "Name a folder with --data-folder; it holds train and test (or val), each with a folder of PNG or JPEG"
                + " files for every class.";
    }

    @Override
    public Dataset load(Optional<Path> folder, ImageOptions options) {
        Path root = folder.orElseThrow();
        Path train = root.resolve("train");
        String testName = Files.isDirectory(root.resolve("test")) ? "test" : "val";
        for (Path part : List.of(train, root.resolve(testName))) {
            if (!Files.isDirectory(part)) {
                throw new DataException(root + " lacks " + (part.equals(train) ? "train" : "test (or val)")
                        + ": it must hold train and test (or val), each with a folder for every class");
            }
        }
        List<String> names = classes(train);
        return ImageFiles.load(
                name(), root, names, files(train, names), files(root.resolve(testName), names), testName, options);
    }

    /** Names of the folders of a folder that has one for every class, sorted. */
    static List<String> classes(Path part) {
        List<String> names = list(part, ImageFolder::isClass).stream()
                .map(path -> path.getFileName().toString())
                .toList();
        if (names.isEmpty()) {
            throw new DataException(part + " holds no folders: it needs one for every class");
        }
        return names;
    }

    /** The image files of each class. */
    static List<ImageFiles.Labelled> files(Path part, List<String> names) {
        List<ImageFiles.Labelled> files = new ArrayList<>();
        for (Path folder : list(part, ImageFolder::isClass)) {
            int label = names.indexOf(folder.getFileName().toString());
            if (label < 0) {
                throw new DataException(
                        folder + " is a class that train does not have: expected one of " + String.join(", ", names));
            }
            List<Path> images = list(folder, ImageFolder::isImage);
            if (images.isEmpty()) {
                throw new DataException(folder + " holds no .png, .jpg or .jpeg file: put images there or remove it");
            }
            images.forEach(image -> files.add(new ImageFiles.Labelled(image, label)));
        }
        return files;
    }

    /** Not what editors, notebooks and archives leave between the classes. */
    private static boolean isClass(Path folder) {
        String name = folder.getFileName().toString();
        return Files.isDirectory(folder) && !name.startsWith(".") && !name.equals("__MACOSX");
    }

    private static boolean isImage(Path file) {
        String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
        // macOS leaves ._NAME files that are no images.
        return !name.startsWith(".") && (name.endsWith(".png") || name.endsWith(".jpg") || name.endsWith(".jpeg"));
    }

    private static List<Path> list(Path folder, Predicate<Path> wanted) {
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(wanted).sorted().toList();
        } catch (IOException e) {
            throw new DataException(folder + " cannot be listed (" + e + "): check that you may read it", e);
        }
    }
}

package dev.palimpsest.data;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Image files in train/CLASS/… and test/CLASS/… (or val/CLASS/…), at any depth; classes are numbered in the order of
 * their names.
 */
record ImageFolder() implements OwnImages {
    @Override
    public String name() {
        return "image-folder";
    }

    @Override
    public String summary() {
        return "your " + Picture.KINDS + " files in train/CLASS/ and test/CLASS/ (or val/CLASS/) of --data-folder, as"
                + " RGB of --image-size";
    }

    @Override
    public String howToGet() {
        return "Name a folder with --data-folder; it holds train and test (or val), each with a folder of "
                + Picture.KINDS + " files for every class.";
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
        List<String> names = ImageSearch.list(part).stream()
                .filter(Files::isDirectory)
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
        ImageSearch all = new ImageSearch();
        for (Path path : ImageSearch.list(part)) {
            if (!Files.isDirectory(path)) {
                all.outside(path);
                continue;
            }
            int label = names.indexOf(path.getFileName().toString());
            if (label < 0) {
                throw new DataException(
                        path + " is a class that train does not have: expected one of " + String.join(", ", names));
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

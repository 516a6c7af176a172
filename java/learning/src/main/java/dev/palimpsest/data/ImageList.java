package dev.palimpsest.data;

import dev.palimpsest.internal.TextFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Image files that train.txt and test.txt list, one path and label per line; labels are numbers or names, and numbered
 * in their order; 1 and 01 are one class. The CLVision 2024 challenge's folder has its lists and its images in folders
 * of their own, and the labels of its test images in a list that came later.
 */
record ImageList() implements OwnImages {
    private static final System.Logger LOG = System.getLogger(ImageList.class.getName());
    private static final String LISTS = "clvision2024-splits";
    private static final String IMAGES = "clvision2024-imgs";
    private static final String NUMBER = "\\d{1,9}";
    private static final String LATER = "test_label.txt";

    @Override
    public String name() {
        return "image-list";
    }

    @Override
    public String summary() {
        return "your " + Picture.KINDS
                + " files as train.txt and test.txt of --data-folder list them, as RGB of --image-size";
    }

    @Override
    public String howToGet() {
        return "Name a folder with --data-folder; it holds train.txt and test.txt, each line the path of an image"
                + " file (from that folder on) and its label. The CLVision 2024 challenge's clvision2024-data is such a"
                + " folder as it is unpacked, with "
                + LISTS + "/" + LATER + " for the labels of the test images.";
    }

    @Override
    public Dataset load(Optional<Path> folder, ImageOptions options) {
        Path root = folder.orElseThrow();
        options.requireNoTestShare(root, "lists");
        if (!Files.isDirectory(root)) {
            throw new DataException(root + " is no folder: check its name");
        }
        Path lists = existing(root.resolve(LISTS), root);
        Path images = existing(root.resolve(IMAGES), root);
        List<Line> train = lines(lists.resolve("train.txt"), images);
        for (String left : List.of("val.txt", "valid.txt", "validation.txt")) {
            if (Files.exists(lists.resolve(left))) {
                LOG.log(
                        System.Logger.Level.WARNING,
                        "not taken: {0}, as train.txt and test.txt are read; put lines that are to be used into those"
                                + " two (--validation holds out a share of train.txt)",
                        lists.resolve(left));
            }
        }
        List<Line> test = lines(existing(lists.resolve(LATER), lists.resolve("test.txt")), images);
        boolean numbers = train.stream().allMatch(line -> line.label.matches(NUMBER));
        if (numbers) { // 1 and 01 are one class
            train = train.stream().map(Line::plain).toList();
            test = test.stream().map(Line::plain).toList();
        }
        Comparator<String> order = numbers ? Comparator.comparingInt(Integer::parseInt) : Comparator.naturalOrder();
        List<String> names =
                train.stream().map(Line::label).distinct().sorted(order).toList();
        requireDistinct(names, lists.resolve("train.txt"));
        return ImageFiles.load(name(), root, names, labelled(train, names), labelled(test, names), "test", options);
    }

    private record Line(Path list, int number, Path file, String label) {
        /** A number without zeros before it. */
        Line plain() {
            boolean isNumber = label.matches(NUMBER);
            return isNumber ? new Line(list, number, file, Integer.toString(Integer.parseInt(label))) : this;
        }
    }

    /** Labels that a reader would take for one class are probably one. */
    private static void requireDistinct(List<String> names, Path list) {
        Map<String, String> seen = new HashMap<>();
        for (String name : names) {
            String written = Normalizer.normalize(name, Normalizer.Form.NFKC).toLowerCase(Locale.ROOT);
            String other = seen.put(written.matches(NUMBER) ? written.replaceFirst("^0+(?=.)", "") : written, name);
            if (other != null) {
                throw new DataException(list + " has the labels " + other + " and " + name
                        + ", which differ only in how they are written: write every class in one way");
            }
        }
    }

    private static Path existing(Path first, Path otherwise) {
        return Files.exists(first) ? first : otherwise;
    }

    private static List<Line> lines(Path list, Path images) {
        if (!Files.exists(list)) {
            throw new DataException(list.getParent() + " lacks " + list.getFileName()
                    + ": it must hold train.txt and test.txt, one path and label per line");
        }
        String text;
        try {
            text = TextFile.read(list);
        } catch (IOException e) {
            throw new DataException(String.valueOf(e.getMessage()), e);
        }
        List<Line> lines = new ArrayList<>();
        int number = 0;
        for (String raw : text.lines().toList()) {
            number++;
            String line = raw.strip();
            int blank = Math.max(line.lastIndexOf(' '), line.lastIndexOf('\t'));
            if (line.isEmpty()) {
                continue;
            }
            if (blank < 0) {
                throw new DataException(
                        list + ", line " + number + " is \"" + line + "\": expected a path, a blank and a label");
            }
            Path file;
            try {
                file = images.resolve(line.substring(0, blank).strip());
            } catch (InvalidPathException e) {
                throw new DataException(list + ", line " + number + " has a path that no file can have here ("
                        + e.getReason() + "): start with LC_ALL=C.UTF-8, or name another file");
            }
            lines.add(new Line(list, number, file, line.substring(blank + 1)));
        }
        if (lines.isEmpty()) {
            throw new DataException(list + " is empty: expected one path and label per line");
        }
        return lines;
    }

    private static List<ImageFiles.Labelled> labelled(List<Line> lines, List<String> names) {
        List<ImageFiles.Labelled> files = new ArrayList<>();
        for (Line line : lines) {
            int label = names.indexOf(line.label);
            if (label < 0) {
                throw new DataException(line.list + ", line " + line.number + " has label " + line.label
                        + " that train.txt does not have: list images of it there too, or leave the line out");
            }
            files.add(new ImageFiles.Labelled(line.file, label));
        }
        return files;
    }
}

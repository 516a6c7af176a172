package dev.palimpsest.data;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/**
 * Image files that train.txt and test.txt list, one path and label per line; labels are numbers or names, and numbered
 * in their order. The CLVision 2024 challenge's folder has its lists and its images in folders of their own, and the
 * labels of its test images in a list that came later.
 */
record ImageList() implements OwnImages {
    private static final String LISTS = "clvision2024-splits";
    private static final String IMAGES = "clvision2024-imgs";
    private static final String LATER = "test_label.txt";

    @Override
    public String name() {
        return "image-list";
    }

    @Override
    public String summary() {
        return "your PNG and JPEG files as train.txt and test.txt of --data-folder list them, as RGB of --image-size";
    }

    @Override
    public String howToGet() {
        return "Name a folder with --data-folder; it holds train.txt and test.txt, each line the path of a PNG or JPEG"
                + " file (from that folder on) and its label. The CLVision 2024 challenge's clvision2024-data is such a"
                + " folder as it is unpacked, with "
                + LISTS + "/" + LATER + " for the labels of the test images.";
    }

    @Override
    public Dataset load(Optional<Path> folder, ImageOptions options) {
        Path root = folder.orElseThrow();
        Path lists = existing(root.resolve(LISTS), root);
        Path images = existing(root.resolve(IMAGES), root);
        List<Line> train = lines(lists.resolve("train.txt"), images);
        List<Line> test = lines(existing(lists.resolve(LATER), lists.resolve("test.txt")), images);
        boolean numbers = train.stream().allMatch(line -> line.label.matches("\\d{1,9}"));
        Comparator<String> order = numbers ? Comparator.comparingInt(Integer::parseInt) : Comparator.naturalOrder();
        List<String> names =
                train.stream().map(Line::label).distinct().sorted(order).toList();
        return ImageFiles.load(name(), root, names, labelled(train, names), labelled(test, names), "test", options);
    }

    private record Line(Path list, int number, Path file, String label) {}

    private static Path existing(Path first, Path otherwise) {
        return Files.exists(first) ? first : otherwise;
    }

    private static List<Line> lines(Path list, Path images) {
        if (!Files.exists(list)) {
            throw new DataException(list.getParent() + " lacks " + list.getFileName()
                    + ": it must hold train.txt and test.txt, one path and label per line");
        }
        List<Line> lines = new ArrayList<>();
        int number = 0;
        try {
            for (String raw : Files.readAllLines(list)) {
                number++;
                String text = raw.strip();
                int blank = Math.max(text.lastIndexOf(' '), text.lastIndexOf('\t'));
                if (text.isEmpty()) {
                    continue;
                }
                if (blank < 0) {
                    throw new DataException(
                            list + ", line " + number + " is \"" + text + "\": expected a path, a blank and a label");
                }
                lines.add(new Line(
                        list, number, images.resolve(text.substring(0, blank).strip()), text.substring(blank + 1)));
            }
        } catch (IOException e) {
            throw new DataException(list + " cannot be read (" + e + "): expected UTF-8 text", e);
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
                        + " that train.txt does not have");
            }
            files.add(new ImageFiles.Labelled(line.file, label));
        }
        return files;
    }
}

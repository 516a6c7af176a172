package dev.palimpsest.data;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.palimpsest.internal.Reason;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * Rendered type, as {@link GlyphRendering} leaves it in a folder: train, test and distractors, each a pair of IDX
 * files; classes.txt and distractor-classes.txt with the character of each label, one per line; faces.json with size,
 * channels, seed, the SHA-256 of those files, and for every face its name, family, part, file and that file's SHA-256.
 * IDX files hold one plane; three channels are equal.
 *
 * @param withDistractors whether the distractors are training images too, of classes after the others that have no
 *     test images
 */
record Glyphs(boolean withDistractors) implements Source {
    static final String NAME = "glyphs";
    static final String FACES = "faces.json";
    static final String CLASSES = "classes.txt";
    static final String DISTRACTOR_CLASSES = "distractor-classes.txt";
    static final String TRAIN = "train";
    static final String TEST = "test";
    static final String DISTRACTORS = "distractors";
    static final String IMAGES = "-images-idx3-ubyte";
    static final String LABELS = "-labels-idx1-ubyte";
    static final String PACKAGES =
            "on Debian: apt-get install fonts-noto-core fonts-urw-base35 fonts-lato fonts-texgyre fonts-lmodern "
                    + "fonts-cmu fonts-junicode fonts-freefont-ttf fonts-liberation2 fonts-dejavu-extra";

    private static final String RENDER = "render them with palimpsest data glyphs";

    @Override
    public String name() {
        return withDistractors ? NAME + "-distractors" : NAME;
    }

    @Override
    public String summary() {
        return withDistractors
                ? "glyphs, and 32 Greek and Cyrillic letters without test images, for pools of unlabelled images"
                : "100 characters rendered from this machine's fonts, 28×28 grey, or 32×32 RGB; training and test by"
                        + " font family; 33 MB";
    }

    @Override
    public String licence() {
        return "rendered type: that of the fonts, which faces.json names";
    }

    @Override
    public List<Path> folders() {
        return Folders.usual(NAME);
    }

    @Override
    public String howToGet() {
        return "palimpsest data get glyphs renders them into " + folders().getFirst()
                + "; palimpsest data glyphs has options. More faces, " + PACKAGES + ".";
    }

    @Override
    public Dataset load(Optional<Path> given, ImageOptions options) {
        List<Path> folders = given.map(List::of).orElseGet(this::folders);
        Path folder = folders.stream()
                .filter(f -> Files.exists(f.resolve(FACES)))
                .findFirst()
                .orElseThrow(() -> new DataException("there are no glyphs in " + Folders.joined(folders) + ": " + RENDER
                        + (given.isPresent() ? " --out " + folders.getFirst() : "")));
        JsonNode faces = json(folder.resolve(FACES));
        int channels = faces.path("channels").asInt();
        if (channels != 1 && channels != 3) {
            throw new DataException(folder.resolve(FACES) + " gives channels = " + channels + ", expected 1 or 3: "
                    + RENDER + " again");
        }
        SortedMap<String, String> sha256 = new TreeMap<>();
        List<String> names = names(folder, CLASSES, faces, sha256);
        Images train = part(folder, TRAIN, faces, channels, sha256);
        Images test = part(folder, TEST, faces, channels, sha256);
        if (!withDistractors) {
            return new Dataset(name(), names, train, test, sha256, licence());
        }
        Images distractors = part(folder, DISTRACTORS, faces, channels, sha256);
        List<String> all = Stream.concat(names.stream(), names(folder, DISTRACTOR_CLASSES, faces, sha256).stream())
                .toList();
        return new Dataset(name(), all, train.and(distractors, names.size()), test, sha256, licence());
    }

    private static List<String> names(Path folder, String file, JsonNode faces, SortedMap<String, String> sha256) {
        return new String(HashedFile.bytes(check(folder, file, faces, sha256)), StandardCharsets.UTF_8)
                .lines()
                .toList();
    }

    private static JsonNode json(Path file) {
        try {
            return new ObjectMapper().readTree(HashedFile.bytes(file));
        } catch (IOException e) {
            throw new DataException(file + " is damaged: " + Reason.of(e) + "; " + RENDER + " again", e);
        }
    }

    /** The file, if it is the one that was rendered. */
    private static Path check(Path folder, String name, JsonNode faces, SortedMap<String, String> sha256) {
        Path file = folder.resolve(name);
        String found = HashedFile.sha256(HashedFile.bytes(file));
        if (!found.equals(faces.path("sha256").path(name).asText())) {
            throw new DataException(
                    file + " is not the file that was rendered (SHA-256 " + found + "): " + RENDER + " again");
        }
        sha256.put(name, found);
        return file;
    }

    private static Images part(
            Path folder, String part, JsonNode faces, int channels, SortedMap<String, String> sha256) {
        IdxFile images = IdxFile.read(check(folder, part + IMAGES, faces, sha256), 3);
        IdxFile values = IdxFile.read(check(folder, part + LABELS, faces, sha256), 1);
        int[] labels = new int[values.values().length];
        for (int i = 0; i < labels.length; i++) {
            labels[i] = Byte.toUnsignedInt(values.values()[i]);
        }
        int height = images.extents()[1];
        int width = images.extents()[2];
        byte[] pixels = channels == 1 ? images.values() : repeated(images.values(), channels, height * width);
        return Images.of(channels, height, width, pixels, labels);
    }

    private static byte[] repeated(byte[] planes, int channels, int area) {
        byte[] out = new byte[planes.length * channels];
        for (int plane = 0; plane < out.length / area; plane++) {
            System.arraycopy(planes, plane / channels * area, out, plane * area, area);
        }
        return out;
    }
}

package dev.palimpsest.data;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.palimpsest.internal.Given;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;

/**
 * Renders the data set {@code glyphs}: rendered type and nothing else, one class per character and one image per
 * typeface.
 *
 * <p>Left out are faces with fewer than 90 of the 100 characters, characters of a face that look the same, and images
 * that nearly equal an earlier one of their class. Families, not faces, are dealt out to training and test; a family's
 * part depends on its name and the seed alone, so machines agree.
 *
 * @param fonts folders to search for font files, with all below them; those that do not exist hold nothing
 * @param size height and width of every image, 28 or 32 pixels
 * @param rgb whether images have three equal channels instead of one, for networks that expect colour
 * @param seed any number; together with its name it decides whether a family is for training or for test
 * @param testShare about which share of the families is for test, above 0 and below 1
 */
public record GlyphRendering(List<Path> fonts, int size, boolean rgb, long seed, double testShare) {
    /**
     * What was rendered.
     *
     * @param folder where the files are
     * @param files how many font files were found, unreadable ones among them
     * @param unreadable how many font files Java cannot read
     * @param faces how many typefaces have at least one image
     * @param families how many font families those faces belong to
     * @param testFamilies how many of these families are for test
     * @param train how many training images there are, without distractors
     * @param test how many test images there are
     * @param duplicates how many images were left out for nearly equalling one of another face
     * @param alike how many images were left out for nearly equalling another character of their face
     * @param least how many images the class with the fewest has, in training and test together
     * @param most how many images the class with the most has, in training and test together
     * @param distractors how many images of distractors there are
     */
    public record Summary(
            Path folder,
            int files,
            int unreadable,
            int faces,
            int families,
            int testFamilies,
            int train,
            int test,
            int duplicates,
            int alike,
            int least,
            int most,
            int distractors) {}

    /**
     * Checks size and share; nothing is read yet.
     *
     * @throws IllegalArgumentException if the size is neither 28 nor 32, or the share is not between 0 and 1
     */
    public GlyphRendering {
        fonts = Given.all(fonts, "folder of fonts", "a path");
        if (size != 28 && size != 32) {
            throw new IllegalArgumentException("size = " + size + ": expected 28 or 32 pixels");
        }
        if (!(testShare > 0 && testShare < 1)) {
            throw new IllegalArgumentException("test-share = " + testShare + ": expected a share above 0 and below 1");
        }
    }

    /**
     * Where Linux keeps fonts.
     *
     * @return /usr/share/fonts, /usr/local/share/fonts, and .fonts and .local/share/fonts of the user's home
     */
    public static List<Path> usualFonts() {
        Path home = Path.of(System.getProperty("user.home"));
        return List.of(
                Path.of("/usr/share/fonts"),
                Path.of("/usr/local/share/fonts"),
                home.resolve(".fonts"),
                home.resolve(".local/share/fonts"));
    }

    /**
     * A face with fewer of the 100 characters draws symbols in the places of letters, as dingbats do, or is for
     * another script.
     */
    private static final int FEWEST = 90;

    /** A face with an image in the part. */
    private record Used(Face face, String part) {}

    /** Images of a part, in the order of their faces. */
    private static final class Part {
        final List<byte[]> images = new ArrayList<>();
        final List<Integer> labels = new ArrayList<>();
    }

    /**
     * Renders into a folder, replacing what an earlier rendering left there: pairs of IDX files of images and labels
     * (train, test, distractors), the characters of the labels (classes.txt, distractor-classes.txt), and faces.json,
     * which names all typefaces and the checksums of the other files. It is written last, so that the rest of an
     * interrupted rendering is not taken for a data set.
     *
     * @param folder is created if it does not exist
     * @return how many files, faces and images there are
     * @throws DataException if the fonts do not give every class images in both parts, or the folder cannot be written
     */
    public Summary write(Path folder) {
        System.setProperty("java.awt.headless", "true");
        try {
            return render(folder);
        } catch (InternalError | LinkageError e) {
            throw new DataException(
                    "Java cannot use fonts here (" + e + "): install a full JDK and fontconfig", new IOException(e));
        } catch (IOException e) {
            throw new DataException(folder + " cannot be written (" + e + "): choose another folder", e);
        }
    }

    private Summary render(Path folder) throws IOException {
        Face.Found found = Face.under(fonts);
        List<List<Glyph>> kept = new ArrayList<>();
        List<List<Glyph>> keptDistractors = new ArrayList<>();
        GlyphClasses.LATIN.forEach(c -> kept.add(new ArrayList<>()));
        GlyphClasses.DISTRACTORS.forEach(c -> keptDistractors.add(new ArrayList<>()));
        Part train = new Part();
        Part test = new Part();
        Part distractors = new Part();
        List<Used> used = new ArrayList<>();
        int duplicates = 0;
        int alike = 0;
        for (Face face : found.faces()) {
            String part = isTest(face.family()) ? Glyphs.TEST : Glyphs.TRAIN;
            List<Optional<Glyph>> glyphs = render(face, GlyphClasses.LATIN);
            if (count(glyphs) < FEWEST) {
                continue;
            }
            alike += removeAlike(glyphs);
            int before = duplicates;
            duplicates += add(glyphs, kept, part.equals(Glyphs.TEST) ? test : train);
            if (count(glyphs) > duplicates - before) {
                used.add(new Used(face, part));
            }
            add(render(face, GlyphClasses.DISTRACTORS), keptDistractors, distractors);
        }
        int[] trainCounts = counts(train, found);
        int[] testCounts = counts(test, found);
        Files.createDirectories(folder);
        // The last file to come is the one that the others are read by: half a rendering is none.
        Files.deleteIfExists(folder.resolve(Glyphs.FACES));
        SortedMap<String, String> sha256 = new TreeMap<>();
        write(folder, Glyphs.TRAIN, train, sha256);
        write(folder, Glyphs.TEST, test, sha256);
        write(folder, Glyphs.DISTRACTORS, distractors, sha256);
        writeText(folder, Glyphs.CLASSES, GlyphClasses.LATIN, sha256);
        writeText(folder, Glyphs.DISTRACTOR_CLASSES, GlyphClasses.DISTRACTORS, sha256);
        Files.write(folder.resolve(Glyphs.FACES), json(used, sha256));
        Set<String> families =
                new TreeSet<>(used.stream().map(one -> one.face.family()).toList());
        int[] both = new int[trainCounts.length];
        Arrays.setAll(both, c -> trainCounts[c] + testCounts[c]);
        return new Summary(
                folder,
                found.unreadable().size()
                        + (int) found.faces().stream()
                                .map(Face::file)
                                .distinct()
                                .count(),
                found.unreadable().size(),
                used.size(),
                families.size(),
                (int) families.stream().filter(this::isTest).count(),
                train.labels.size(),
                test.labels.size(),
                duplicates,
                alike,
                Arrays.stream(both).min().getAsInt(),
                Arrays.stream(both).max().getAsInt(),
                distractors.labels.size());
    }

    /** The first 32 bits of SHA-256 of seed and name, as a share of 2^32, lie below the test share. */
    private boolean isTest(String family) {
        String hash = HashedFile.sha256((seed + " " + family).getBytes(StandardCharsets.UTF_8));
        return Long.parseLong(hash.substring(0, 8), 16) < testShare * (1L << 32);
    }

    private List<Optional<Glyph>> render(Face face, List<String> characters) {
        List<Optional<Glyph>> glyphs = new ArrayList<>();
        for (String character : characters) {
            glyphs.add(Glyph.render(face.font(), character, size));
        }
        return glyphs;
    }

    private static long count(List<Optional<Glyph>> glyphs) {
        return glyphs.stream().filter(Optional::isPresent).count();
    }

    /** A face of capitals alone, or one that draws a box for whatever it lacks, has images that no label fits. */
    private static int removeAlike(List<Optional<Glyph>> glyphs) {
        Set<Integer> alike = new HashSet<>();
        for (int a = 0; a < glyphs.size(); a++) {
            for (int b = 0; b < a; b++) {
                if (glyphs.get(a).isPresent()
                        && glyphs.get(b).isPresent()
                        && glyphs.get(a).get().isNear(glyphs.get(b).get())) {
                    alike.add(a);
                    alike.add(b);
                }
            }
        }
        alike.forEach(c -> glyphs.set(c, Optional.empty()));
        return alike.size();
    }

    /**
     * Keeps what no earlier face has, of either part: nothing in test was nearly seen in training. Returns how many
     * were left out.
     */
    private static int add(List<Optional<Glyph>> glyphs, List<List<Glyph>> kept, Part part) {
        int duplicates = 0;
        for (int c = 0; c < glyphs.size(); c++) {
            if (glyphs.get(c).isEmpty()) {
                continue;
            }
            Glyph glyph = glyphs.get(c).get();
            if (kept.get(c).stream().anyMatch(glyph::isNear)) {
                duplicates++;
                continue;
            }
            kept.get(c).add(glyph);
            part.images.add(glyph.pixels());
            part.labels.add(c);
        }
        return duplicates;
    }

    private int[] counts(Part part, Face.Found found) {
        int[] counts = new int[GlyphClasses.LATIN.size()];
        part.labels.forEach(label -> counts[label]++);
        for (int c = 0; c < counts.length; c++) {
            if (counts[c] == 0) {
                String folders = Folders.joined(fonts);
                throw new DataException("the " + found.faces().size() + " font faces under " + folders
                        + " give no training or no test "
                        + "image of " + GlyphClasses.LATIN.get(c) + ": install more font families (" + Glyphs.PACKAGES
                        + "), or name folders with --fonts");
            }
        }
        return counts;
    }

    private void write(Path folder, String part, Part images, SortedMap<String, String> sha256) throws IOException {
        byte[] pixels = new byte[images.images.size() * size * size];
        byte[] labels = new byte[images.labels.size()];
        for (int i = 0; i < labels.length; i++) {
            System.arraycopy(images.images.get(i), 0, pixels, i * size * size, size * size);
            labels[i] = images.labels.get(i).byteValue();
        }
        write(folder, part + Glyphs.IMAGES, IdxFile.encode(new int[] {labels.length, size, size}, pixels), sha256);
        write(folder, part + Glyphs.LABELS, IdxFile.encode(new int[] {labels.length}, labels), sha256);
    }

    private static void writeText(Path folder, String name, List<String> lines, SortedMap<String, String> sha256)
            throws IOException {
        write(folder, name, (String.join("\n", lines) + "\n").getBytes(StandardCharsets.UTF_8), sha256);
    }

    private static void write(Path folder, String name, byte[] bytes, SortedMap<String, String> sha256)
            throws IOException {
        Files.write(folder.resolve(name), bytes);
        sha256.put(name, HashedFile.sha256(bytes));
    }

    private byte[] json(List<Used> faces, SortedMap<String, String> sha256) throws IOException {
        ObjectMapper mapper = new ObjectMapper();
        ObjectNode root = mapper.createObjectNode()
                .put("size", size)
                .put("channels", rgb ? 3 : 1)
                .put("seed", seed)
                .put("test_share", testShare)
                .put("java", System.getProperty("java.runtime.version"));
        root.set("sha256", mapper.valueToTree(sha256));
        var list = root.putArray("faces");
        for (Used used : faces) {
            Face face = used.face;
            list.addObject()
                    .put("name", face.name())
                    .put("family", face.family())
                    .put("part", used.part)
                    .put("file", face.file().getFileName().toString())
                    .put("sha256", face.sha256());
        }
        return mapper.writerWithDefaultPrettyPrinter().writeValueAsBytes(root);
    }
}

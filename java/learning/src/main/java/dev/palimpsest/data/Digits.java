package dev.palimpsest.data;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.IntStream;

/** UCI's handwritten digits, a resource of this package; digits.txt there says where they come from. */
record Digits() implements Source {
    static final String NAME = "digits";

    private static final String FILE = "digits.csv.gz";
    private static final int SIDE = 8;
    private static final int AREA = SIDE * SIDE;
    private static final int WHITE = 16;
    private static final int CLASSES = 10;
    private static final int TEST_EVERY = 5;
    private static final String LICENCE =
            "CC BY 4.0: E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI ML Repository";

    @Override
    public String name() {
        return NAME;
    }

    @Override
    public String summary() {
        return "10 handwritten digits, 8×8 grey, 1,442 training and 355 test images, in the library itself";
    }

    @Override
    public String licence() {
        return LICENCE;
    }

    @Override
    public int white() {
        return WHITE;
    }

    @Override
    public String howToGet() {
        return "They are part of the library: nothing to get.";
    }

    @Override
    public Dataset load(Optional<Path> folder, ImageOptions options) {
        if (folder.isPresent()) {
            throw new IllegalArgumentException("digits are part of the library: leave out the folder " + folder.get());
        }
        return load();
    }

    private static Dataset load() {
        HashedFile file = readResource();
        List<int[]> train = new ArrayList<>();
        List<int[]> test = new ArrayList<>();
        int[] seen = new int[CLASSES];
        for (String line :
                new String(file.contents(), StandardCharsets.US_ASCII).lines().toList()) {
            int[] row = parse(line);
            (++seen[row[AREA]] % TEST_EVERY == 0 ? test : train).add(row);
        }
        return new Dataset(
                NAME,
                IntStream.range(0, CLASSES).mapToObj(Integer::toString).toList(),
                Images.of(1, SIDE, SIDE, pixels(train), labels(train)),
                Images.of(1, SIDE, SIDE, pixels(test), labels(test)),
                new TreeMap<>(Map.of(FILE, file.sha256())),
                LICENCE);
    }

    private static HashedFile readResource() {
        try (InputStream in = Digits.class.getResourceAsStream(FILE)) {
            if (in == null) {
                throw new FileNotFoundException(FILE);
            }
            return HashedFile.read(in);
        } catch (IOException e) {
            throw new DataException("the library's own digits cannot be read: build or download its jar again", e);
        }
    }

    /** 64 pixels and the label. */
    private static int[] parse(String line) {
        String[] fields = line.split(",", -1);
        int[] row = new int[AREA + 1];
        for (int i = 0; i < row.length; i++) {
            row[i] = Integer.parseInt(fields[i]);
        }
        return row;
    }

    private static byte[] pixels(List<int[]> rows) {
        byte[] pixels = new byte[rows.size() * AREA];
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = (byte) rows.get(i / AREA)[i % AREA];
        }
        return pixels;
    }

    private static int[] labels(List<int[]> rows) {
        return rows.stream().mapToInt(row -> row[AREA]).toArray();
    }
}

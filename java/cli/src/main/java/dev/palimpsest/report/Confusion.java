package dev.palimpsest.report;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The content of confusion.json: answers after the last experience.
 *
 * @param classes names, in the order of arrival
 * @param counts [classes][classes], how many test images of a class (row) got which answer (column)
 */
record Confusion(List<String> classes, int[][] counts) {
    private static final ObjectMapper JSON = new ObjectMapper();

    /** Answers that were wrong most often. */
    record Mistake(String of, String as, int images, double share) {}

    /**
     * Reads a run's confusions.
     *
     * @return empty where the run has none yet, or was made before runs kept them
     * @throws IOException with a sentence, if the file is damaged
     */
    static Optional<Confusion> read(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            return Optional.empty();
        }
        Confusion read;
        try {
            read = JSON.readValue(Files.readAllBytes(file), Confusion.class);
        } catch (IOException e) {
            throw DamagedRunException.of(file, e);
        }
        if (read == null || !read.isWhole()) {
            throw DamagedRunException.of(file, "it does not hold names of classes and counts of their answers", null);
        }
        return Optional.of(read);
    }

    private boolean isWhole() {
        return classes != null
                && classes.stream().noneMatch(name -> name == null)
                && counts != null
                && counts.length == classes.size()
                && Arrays.stream(counts)
                        .allMatch(row -> row != null
                                && row.length == counts.length
                                && Arrays.stream(row).allMatch(count -> count >= 0));
    }

    long images(int label) {
        return Arrays.stream(counts[label]).asLongStream().sum();
    }

    /** Share of a class's images that were classified correctly; null without images. */
    @Nullable
    Double accuracy(int label) {
        return images(label) == 0 ? null : (double) counts[label][label] / images(label);
    }

    /** [classes][classes], shares of the row's images; null where a class has none. */
    @Nullable
    Double[][] shares() {
        Double[][] shares = new Double[counts.length][counts.length];
        for (int i = 0; i < counts.length; i++) {
            for (int j = 0; j < counts.length; j++) {
                shares[i][j] = images(i) == 0 ? null : (Double) ((double) counts[i][j] / images(i));
            }
        }
        return shares;
    }

    /** Wrong answers, the most frequent first by the share of their class. */
    List<Mistake> mistakes(int most) {
        List<Mistake> all = new ArrayList<>();
        for (int i = 0; i < counts.length; i++) {
            for (int j = 0; j < counts.length; j++) {
                if (i != j && counts[i][j] > 0) {
                    all.add(new Mistake(
                            classes.get(i), classes.get(j), counts[i][j], (double) counts[i][j] / images(i)));
                }
            }
        }
        all.sort(Comparator.comparingDouble(Mistake::share).reversed());
        return all.subList(0, Math.min(most, all.size()));
    }
}

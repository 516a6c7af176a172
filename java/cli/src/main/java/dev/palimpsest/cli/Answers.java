package dev.palimpsest.cli;

import dev.palimpsest.Prediction;
import dev.palimpsest.data.Images;
import dev.palimpsest.data.Preparation;
import dev.palimpsest.report.Csv;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** What a model says of image files, as CSV (RFC 4180): path, class, probability, and perhaps more. */
final class Answers {
    /** Files in memory at a time. */
    private static final int CHUNK = 256;

    private final PrintWriter out;

    /** @param more names of further columns */
    Answers(PrintWriter out, String... more) {
        this.out = out;
        StringBuilder header = new StringBuilder("path,class,probability");
        for (String name : more) {
            header.append(',').append(name);
        }
        out.println(header);
    }

    /**
     * The image files that a command line names.
     *
     * @param given files, and folders that are searched for them
     * @throws IOException with a sentence, if there is none
     */
    static List<Path> files(List<Path> given) throws IOException {
        List<Path> files = given.stream()
                .flatMap(path -> Files.isDirectory(path) ? Images.filesIn(path).stream() : Stream.of(path))
                .toList();
        if (files.isEmpty()) {
            throw new IOException(given + " hold no image file: give image files, or folders of them");
        }
        return files;
    }

    /** What is done with the files of a chunk, and with what was read of them. */
    @FunctionalInterface
    interface Chunk {
        void answer(List<Path> files, Images pictures);
    }

    /**
     * Reads files, some at a time, and has those answered that can be read.
     *
     * @return a sentence for every file that cannot be read
     */
    static List<String> ask(Preparation preparation, List<Path> files, Chunk chunk) {
        List<String> refused = new ArrayList<>();
        for (int begin = 0; begin < files.size(); begin += CHUNK) {
            Preparation.Read read = preparation.read(files.subList(begin, Math.min(files.size(), begin + CHUNK)));
            refused.addAll(read.refused());
            if (!read.files().isEmpty()) {
                chunk.answer(read.files(), read.images());
            }
        }
        return refused;
    }

    /** Names the files that were left out, if there are any. */
    static void report(List<String> refused, List<Path> files, PrintWriter err) {
        if (!refused.isEmpty()) {
            err.println(refused.size() + " of " + files.size() + " files are left out:");
            refused.forEach(err::println);
        }
        err.flush();
    }

    /** @param more values of the further columns */
    void add(Path file, String className, double probability, String... more) {
        List<String> fields =
                new ArrayList<>(List.of(file.toString(), className, String.format(Locale.ROOT, "%.4f", probability)));
        fields.addAll(List.of(more));
        out.println(Csv.row(fields));
    }

    /** Columns of what a model that keeps learning says. */
    static Answers ofPredictions(PrintWriter out) {
        return new Answers(out, "nearest", "score");
    }

    void add(List<Path> files, List<Prediction> predictions) {
        for (int i = 0; i < predictions.size(); i++) {
            Prediction prediction = predictions.get(i);
            add(
                    files.get(i),
                    prediction.unknown() ? "unknown" : prediction.className(),
                    prediction.probability(),
                    prediction.className(),
                    String.format(Locale.ROOT, "%.3f", prediction.score()));
        }
    }
}

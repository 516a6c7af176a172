package dev.palimpsest.cli;

import dev.palimpsest.data.Images;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;

/** What a model says of image files, as CSV (RFC 4180): path, class, probability. */
record Answers(PrintWriter out) {
    Answers {
        out.println("path,class,probability");
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

    void add(Path file, String className, double probability) {
        out.println(field(file.toString()) + "," + field(className) + ","
                + String.format(Locale.ROOT, "%.4f", probability));
    }

    private static String field(String text) {
        return text.matches("[^\",\\n\\r]*") ? text : '"' + text.replace("\"", "\"\"") + '"';
    }
}

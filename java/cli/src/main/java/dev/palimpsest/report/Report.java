package dev.palimpsest.report;

import dev.palimpsest.checkpoint.AtomicFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** Makes one page of runs, from their folders alone. */
public final class Report {
    /** The name of the page in a run folder. */
    public static final String FILE = "report.html";

    private Report() {}

    /**
     * Where a page of these folders goes when nothing else is asked for: into the folder, if there is one; beside the
     * first, if there are several, under a name that no other page has.
     *
     * @param folders at least one
     */
    public static Path place(List<Path> folders) {
        Path first = folders.getFirst();
        if (folders.size() == 1) {
            return first.resolve(FILE);
        }
        Path beside = first.toAbsolutePath().normalize().getParent();
        Path relative = first.getParent();
        Path folder = beside == null ? first : relative == null || first.isAbsolute() ? beside : relative;
        Path page = folder.resolve("comparison.html");
        for (int i = 2; Files.exists(page); i++) {
            page = folder.resolve("comparison-" + i + ".html");
        }
        return page;
    }

    /**
     * Writes a page that needs nothing but itself to be read.
     *
     * @return sentences about what could not be shown: runs that are damaged or did not finish, plots without fonts
     * @throws IOException with a sentence, if the page cannot be written
     */
    public static List<String> write(Comparison comparison, Path file) throws IOException {
        // Set before AWT starts: drawing into a file needs no screen.
        System.setProperty("java.awt.headless", "true");
        ReportPage page = new ReportPage(comparison);
        AtomicFile.write(file, page.html());
        return page.warnings();
    }
}

package dev.palimpsest.report;

import dev.palimpsest.checkpoint.AtomicFile;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;

/** Makes one page of runs, from their folders alone. */
public final class Report {
    /** The name of the page in a run folder. */
    public static final String FILE = "report.html";

    private Report() {}

    /**
     * Writes a page that needs nothing but itself to be read.
     *
     * @return sentences about what could not be shown: runs that did not finish, plots without fonts
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

package dev.palimpsest.report;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Makes one page of runs, from their folders alone. */
public final class Report {
    /** The name of the page in a run folder. */
    public static final String FILE = "report.html";

    private Report() {}

    /**
     * Writes a page that compares the runs in the folders and below them. It needs nothing but itself to be read.
     *
     * @return sentences about what could not be shown: runs that did not finish, plots without fonts
     * @throws IOException with a sentence, if a folder holds no run or the page cannot be written
     */
    public static List<String> write(List<Path> folders, Path file) throws IOException {
        // Set before AWT starts: drawing into a file needs no screen.
        System.setProperty("java.awt.headless", "true");
        List<SavedRun> runs = new ArrayList<>();
        for (Path folder : folders) {
            runs.addAll(SavedRun.find(folder));
        }
        ReportPage page = new ReportPage(runs);
        AtomicFile.write(file, page.html());
        return page.warnings();
    }
}

package dev.palimpsest.cli;

import dev.palimpsest.Lesson;
import dev.palimpsest.Version;
import java.io.PrintWriter;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalDouble;

/** What a lesson came to, for a terminal. */
final class LessonText {
    /** Most classes that are named in one line. */
    private static final int NAMED = 10;

    private LessonText() {}

    static void print(PrintWriter out, Lesson lesson) {
        out.printf(
                Locale.ROOT,
                "Version %d, %s (%s), %.1f s: %d samples learnt from, %d held out.%n",
                lesson.version(),
                lesson.kind().name().toLowerCase(Locale.ROOT),
                lesson.reason(),
                lesson.seconds(),
                lesson.samples(),
                lesson.heldOut());
        names(out, "New classes: ", lesson.newClasses());
        names(out, "More of: ", lesson.repeatedClasses());
        if (lesson.newClassesAfter().isPresent()) {
            out.println("Right on held-out samples of new classes: " + percent(lesson.newClassesAfter()) + " %.");
        }
        if (lesson.oldClassesAfter().isPresent()) {
            out.println("Right on held-out samples of classes known before: " + percent(lesson.oldClassesBefore())
                    + " % before, " + percent(lesson.oldClassesAfter()) + " % after.");
        }
        lesson.trial().ifPresent(trial -> {
            List<String> shares = new ArrayList<>();
            trial.newClassesAfter()
                    .ifPresent(share -> shares.add(percent(trial.newClassesAfter()) + " % of new classes"));
            trial.oldClassesAfter()
                    .ifPresent(share -> shares.add(percent(trial.oldClassesAfter()) + " % of classes known before"));
            out.printf(
                    Locale.ROOT,
                    "Had it trained, right on held-out samples: %s (found out in %.1f s).%n",
                    String.join(", ", shares),
                    trial.seconds());
        });
        lesson.warnings().forEach(warning -> out.println("Warning: " + warning + "."));
        out.flush();
    }

    /** Folders that were meant for something else show by their names. */
    private static void names(PrintWriter out, String what, List<String> names) {
        if (!names.isEmpty()) {
            out.println(what
                    + String.join(", ", names.subList(0, Math.min(NAMED, names.size())))
                    + (names.size() > NAMED ? " and " + (names.size() - NAMED) + " more." : "."));
        }
    }

    static void printCalibration(PrintWriter out, Version version) {
        version.calibrationError()
                .ifPresentOrElse(
                        error -> out.printf(
                                Locale.ROOT,
                                "Expected calibration error on held-out samples: %.1f points.%n",
                                100 * error),
                        () -> out.println("Probabilities are not calibrated, as no sample is held out."));
        out.flush();
    }

    static String percent(OptionalDouble share) {
        return share.isPresent() ? String.format(Locale.ROOT, "%.1f", 100 * share.getAsDouble()) : "-";
    }
}

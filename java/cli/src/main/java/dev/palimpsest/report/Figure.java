package dev.palimpsest.report;

import java.util.List;
import java.util.function.Function;

/**
 * A number that runs are compared by.
 *
 * @param key in metrics.json and summary.json
 * @param title of its column
 * @param meaning one clause; empty where the title is enough
 * @param value in a run; null where it is not defined
 * @param scale multiplies it for people: 100 for percent
 * @param paired whether differences on the same class orders are worth reporting
 */
record Figure(
        String key,
        String title,
        String meaning,
        Function<Metrics, Number> value,
        double scale,
        int decimals,
        boolean paired) {
    static final List<Figure> ALL = List.of(
            percent(
                    "average_incremental_accuracy",
                    "average incremental",
                    "mean over experiences, the first included, of the accuracy on all classes seen",
                    Metrics::averageIncremental),
            percent(
                    "average_incremental_accuracy_without_first",
                    "without first",
                    "the same without the first experience",
                    Metrics::averageIncrementalWithoutFirst),
            percent(
                    "final_accuracy",
                    "final",
                    "accuracy on all classes after the last experience",
                    Metrics::finalAccuracy),
            percent(
                    "final_within_experience_accuracy",
                    "within experience",
                    "final accuracy if the image's experience were known",
                    Metrics::finalWithinExperience),
            percent(
                    "forgetting",
                    "forgetting",
                    "mean of best accuracy on the classes of an experience before the last one, minus last; negative"
                            + " where it rose",
                    Metrics::forgetting),
            new Figure(
                    "snapshot_bytes",
                    "snapshot bytes",
                    "all earlier models together; – where none is kept",
                    Metrics::snapshotBytes,
                    1,
                    0,
                    false),
            new Figure(
                    "total_bytes",
                    "total bytes",
                    "model, snapshots, exemplars, the classifier's statistics, and what the method keeps besides",
                    Metrics::totalBytes,
                    1,
                    0,
                    false),
            new Figure(
                    "expected_calibration_error",
                    "calibration error",
                    "expected, of the probabilities after temperature scaling; – where validation holds no images out",
                    Metrics::calibrationError,
                    100,
                    1,
                    false),
            new Figure(
                    "passes_per_image",
                    "passes",
                    "networks that an image goes through to be classified",
                    Metrics::passesPerImage,
                    1,
                    0,
                    false),
            new Figure(
                    "milliseconds_per_image",
                    "ms per image",
                    "to classify it, in batches",
                    Metrics::millisecondsPerImage,
                    1,
                    3,
                    false),
            new Figure("seconds", "seconds", "training and evaluation", Metrics::seconds, 1, 1, false));

    /** Keys of what is the same in all runs of a row, mostly. */
    private static final List<String> COUNTS = List.of("snapshot_bytes", "total_bytes", "passes_per_image");

    private static final List<String> JUDGED = List.of("average_incremental_accuracy", "final_accuracy", "forgetting");

    private static Figure percent(String key, String title, String meaning, Function<Metrics, Number> value) {
        return new Figure(key, title, meaning, value, 100, 1, true);
    }

    Spread of(Group group) {
        return group.spread(value);
    }

    /** 1 where more is better, −1 where less is. */
    int direction() {
        return key.equals("forgetting") ? -1 : 1;
    }

    /** Those that rows are judged by. */
    static List<Figure> judged() {
        return ALL.stream().filter(figure -> JUDGED.contains(figure.key())).toList();
    }

    /** In a cell of a table. */
    String text(Group group) {
        Spread spread = of(group);
        if (COUNTS.contains(key)) {
            // Equal for every class order unless the pruning was cut short.
            return spread.mean() == 0 ? "–" : (spread.deviation() == 0 ? Spread.of(spread.mean()) : spread).text(1, 0);
        }
        return spread.text(scale, decimals);
    }
}

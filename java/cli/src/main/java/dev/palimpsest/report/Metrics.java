package dev.palimpsest.report;

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import dev.palimpsest.metrics.AccuracyMatrix;
import dev.palimpsest.snapshot.Snapshots;
import dev.palimpsest.train.Result;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The content of metrics.json; shares are of 1, and null stands where a number is not defined (nothing to forget after
 * one experience).
 *
 * @param accuracy a[i][j]: after experience i on experience j's classes, argmax over all classes seen; null where j
 *     brought no new class
 * @param withinExperience the same with argmax among the classes of the image's own experience
 * @param accuracyOnAllSeen after each experience, every test image weighing alike
 * @param snapshotBytesAfter after each experience; empty where a method keeps no snapshots
 * @param totalBytes model, snapshots, exemplars, statistics and method memory; run.json has the parts
 * @param calibrationError null: no held-out images calibrate the probabilities
 */
@JsonIgnoreProperties(ignoreUnknown = true) // of a later version
@JsonPropertyOrder({"accuracy", "within_experience"})
record Metrics(
        Double[][] accuracy,
        @JsonProperty("within_experience") Double[][] withinExperience,
        @JsonProperty("accuracy_on_all_seen") List<Double> accuracyOnAllSeen,
        @JsonProperty("within_experience_on_all_seen") List<Double> withinExperienceOnAllSeen,

        @JsonProperty("average_incremental_accuracy") @Nullable
        Double averageIncremental,

        @JsonProperty("average_incremental_accuracy_without_first") @Nullable
        Double averageIncrementalWithoutFirst,

        @JsonProperty("final_accuracy") @Nullable Double finalAccuracy,

        @JsonProperty("final_within_experience_accuracy") @Nullable
        Double finalWithinExperience,

        @JsonProperty("forgetting") @Nullable Double forgetting,
        @JsonProperty("backward_transfer") @Nullable Double backwardTransfer,
        @JsonProperty("snapshot_bytes") long snapshotBytes,
        @JsonProperty("full_copies_bytes") long fullCopiesBytes,
        @JsonProperty("bits_per_weight") double bitsPerWeight,
        @JsonProperty("snapshot_bytes_after") List<Long> snapshotBytesAfter,
        @JsonProperty("full_copies_bytes_after") List<Long> fullCopiesBytesAfter,
        @JsonProperty("statistics_bytes") long statisticsBytes,
        @JsonProperty("total_bytes") long totalBytes,

        @JsonProperty("expected_calibration_error") @Nullable
        Double calibrationError,

        @JsonProperty("passes_per_image") double passesPerImage,
        @JsonProperty("milliseconds_per_image") double millisecondsPerImage,
        @JsonProperty("seconds") double seconds) {

    static Metrics of(Result result) {
        AccuracyMatrix a = result.accuracy();
        Snapshots.Memory memory = result.finalMemory();
        return new Metrics(
                defined(a.toArray()),
                defined(result.withinExperience().toArray()),
                onAllSeen(a),
                onAllSeen(result.withinExperience()),
                defined(a.averageIncremental()),
                defined(a.averageIncrementalWithoutFirst()),
                defined(a.finalAccuracy()),
                defined(result.withinExperience().finalAccuracy()),
                defined(a.forgetting()),
                defined(a.backwardTransfer()),
                memory.snapshotBytes(),
                memory.fullCopiesBytes(),
                memory.bitsPerWeight(),
                result.memory().stream().map(Snapshots.Memory::snapshotBytes).toList(),
                result.memory().stream().map(Snapshots.Memory::fullCopiesBytes).toList(),
                result.kept().statistics(),
                result.kept().total(),
                defined(result.classification().calibrationError().orElse(Double.NaN)),
                result.classification().passesPerImage(),
                result.classification().millisecondsPerImage(),
                result.seconds());
    }

    /** Whether all parts fit together, as the metrics of every run do; a file that was edited or cut may not. */
    boolean isWhole() {
        return accuracy != null
                && withinExperience != null
                && isTriangle(accuracy)
                && isTriangle(withinExperience)
                && withinExperience.length == accuracy.length
                && areShares(accuracyOnAllSeen, accuracy.length)
                && areShares(withinExperienceOnAllSeen, accuracy.length)
                && Stream.of(averageIncremental, averageIncrementalWithoutFirst, finalAccuracy, finalWithinExperience)
                        .allMatch(share -> share == null || isShare(share))
                && Stream.of(forgetting, backwardTransfer)
                        .allMatch(difference -> difference == null || isShare(Math.abs(difference)))
                && snapshotBytesAfter != null
                && fullCopiesBytesAfter != null
                && snapshotBytesAfter.size() == fullCopiesBytesAfter.size()
                && Stream.concat(snapshotBytesAfter.stream(), fullCopiesBytesAfter.stream())
                        .allMatch(bytes -> bytes != null && bytes >= 0)
                && Double.isFinite(bitsPerWeight)
                && Double.isFinite(seconds);
    }

    private static boolean isTriangle(@Nullable Double[][] rows) {
        return IntStream.range(0, rows.length)
                .allMatch(i -> rows[i] != null
                        && rows[i].length == i + 1
                        && Arrays.stream(rows[i]).allMatch(share -> share == null || isShare(share)));
    }

    private static boolean areShares(List<Double> shares, int count) {
        return shares != null
                && shares.size() == count
                && shares.stream().allMatch(share -> share != null && isShare(share));
    }

    private static boolean isShare(double value) {
        return value >= 0 && value <= 1;
    }

    private static List<Double> onAllSeen(AccuracyMatrix matrix) {
        return IntStream.range(0, matrix.experiences())
                .mapToObj(matrix::allSeen)
                .toList();
    }

    private static Double[][] defined(double[][] rows) {
        return Arrays.stream(rows)
                .map(row -> Arrays.stream(row).mapToObj(Metrics::defined).toArray(Double[]::new))
                .toArray(Double[][]::new);
    }

    private static @Nullable Double defined(double value) {
        return Double.isNaN(value) ? null : value;
    }
}

package dev.palimpsest.report;

import com.fasterxml.jackson.annotation.JsonProperty;
import com.fasterxml.jackson.annotation.JsonPropertyOrder;
import dev.palimpsest.metrics.AccuracyMatrix;
import dev.palimpsest.snapshot.Snapshots;
import dev.palimpsest.train.Result;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
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

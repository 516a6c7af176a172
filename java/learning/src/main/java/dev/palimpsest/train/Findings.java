package dev.palimpsest.train;

import dev.palimpsest.metrics.AccuracyMatrix;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What a run has found so far, and how the models after each experience classify. */
final class Findings {
    private static final String RIGHT = "right.single_head";
    private static final String WITHIN = "right.within_experience";
    private static final String BYTES = "memory.bytes";
    private static final String BITS = "memory.bits_per_weight";

    private AccuracyMatrix accuracy;
    private AccuracyMatrix within;
    private final List<Result.Memory> memory = new ArrayList<>();
    /** Null where the head classifies. */
    private final List<Scorer> scorers = new ArrayList<>();

    /** @param images judged images of each experience */
    Findings(int[] images) {
        accuracy = AccuracyMatrix.of(images);
        within = AccuracyMatrix.of(images);
    }

    /** Experiences that are done. */
    int experiences() {
        return accuracy.experiences();
    }

    void add(Classifier.Right[] right, Scorer scorer) {
        accuracy = accuracy.plus(
                Arrays.stream(right).mapToInt(Classifier.Right::single).toArray());
        within = within.plus(
                Arrays.stream(right).mapToInt(Classifier.Right::within).toArray());
        scorers.add(scorer);
    }

    void add(Result.Memory taken) {
        memory.add(taken);
    }

    /** Of the latest experience. */
    Progress.Evaluation evaluation() {
        int experience = experiences() - 1;
        List<Double> shares = new ArrayList<>();
        for (int j = 0; j <= experience; j++) {
            shares.add(accuracy.at(experience, j));
        }
        return new Progress.Evaluation(experience, shares, accuracy.allSeen(experience), within.allSeen(experience));
    }

    Result result(
            String weightsSha256, double seconds, Map<StepTimes.Part, Double> secondsByPart, Optional<String> stopped) {
        return new Result(accuracy, within, memory, weightsSha256, seconds, secondsByPart, stopped);
    }

    static String classifierPrefix(int experience) {
        return "classifier." + experience + ".";
    }

    void write(SafetensorsWriter file) {
        Shape square = Shape.of(experiences(), experiences());
        file.add(RIGHT, square, square(accuracy));
        file.add(WITHIN, square, square(within));
        file.add(
                BYTES,
                Shape.of(memory.size(), 2),
                memory.stream()
                        .flatMapToLong(m -> Arrays.stream(new long[] {m.snapshotBytes(), m.fullCopiesBytes()}))
                        .toArray());
        file.add(
                BITS,
                Shape.of(memory.size()),
                memory.stream().mapToDouble(Result.Memory::bitsPerWeight).toArray());
        for (int e = 0; e < scorers.size(); e++) {
            Classifier.write(file, classifierPrefix(e), scorers.get(e));
        }
    }

    /** Experiences that are done. */
    static int count(Safetensors file) {
        return file.shape(RIGHT).extent(0);
    }

    /** @param images judged images of each experience */
    static Findings read(Safetensors file, int[] images) {
        Findings read = new Findings(images);
        int[] right = file.ints(RIGHT);
        int[] within = file.ints(WITHIN);
        int count = count(file);
        for (int i = 0; i < count; i++) {
            read.accuracy = read.accuracy.plus(Arrays.copyOfRange(right, i * count, i * count + i + 1));
            read.within = read.within.plus(Arrays.copyOfRange(within, i * count, i * count + i + 1));
            read.scorers.add(Classifier.read(file, classifierPrefix(i)));
        }
        long[] bytes = file.longs(BYTES);
        double[] bits = file.doubles(BITS);
        for (int i = 0; i < bits.length; i++) {
            read.memory.add(new Result.Memory(bytes[2 * i], bytes[2 * i + 1], bits[i]));
        }
        return read;
    }

    /** Counts, 0 above the diagonal. */
    private static int[] square(AccuracyMatrix matrix) {
        int n = matrix.experiences();
        int[] square = new int[n * n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j <= i; j++) {
                square[i * n + j] = matrix.right(i, j);
            }
        }
        return square;
    }
}

package dev.palimpsest.checkpoint;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.data.Normalisation;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.stream.Stream;
import java.util.Arrays;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.IntUnaryOperator;
import java.util.stream.IntStream;

/**
 * Images of a data set, by the experiences of a run that their classes came with.
 *
 * @param images normalised as in training
 * @param byExperience indices of the images of each experience's classes, ascending
 * @param unknown indices of those of classes that no experience has
 * @param relabel from a label of the data set to the class's place in the order of arrival
 */
record ScoredImages(Dataset dataset, Images images, List<int[]> byExperience, int[] unknown, IntUnaryOperator relabel) {
    /** Those of the run's own stream. */
    static ScoredImages of(Stream stream, ImagePart part, Normalisation normalisation) {
        return new ScoredImages(
                stream.dataset(),
                part.of(stream.dataset(), normalisation),
                stream.experiences().stream().map(part::of).toList(),
                part == ImagePart.TEST ? outside(stream) : new int[0],
                stream::relabel);
    }

    /** Test images of classes that no experience has. */
    private static int[] outside(Stream stream) {
        Images test = stream.dataset().test();
        return IntStream.range(0, test.size())
                .filter(i -> {
                    int number = stream.relabel(test.label(i));
                    return number < 0 || number >= stream.classes();
                })
                .toArray();
    }

    /**
     * Those of any data set, whose classes are matched by their names.
     *
     * @param classes of the run, in the order of arrival
     * @param ranges the classes that came new with each experience
     * @throws IllegalArgumentException with a sentence, if no class has the name of one of the run's
     */
    static ScoredImages byName(
            Dataset dataset,
            ImagePart part,
            Normalisation normalisation,
            List<String> classes,
            List<ClassRange> ranges) {
        if (part == ImagePart.VALIDATION) {
            throw new IllegalArgumentException("Validation images are those of the run's own data that were held out of"
                    + " training: choose test or training images of " + dataset.name() + ".");
        }
        Images images = part.of(dataset, normalisation);
        int[] position =
                dataset.classNames().stream().mapToInt(classes::indexOf).toArray();
        if (IntStream.of(position).allMatch(p -> p < 0)) {
            throw new IllegalArgumentException("No class of " + dataset.name() + " has the name of a class of the run: "
                    + some(dataset.classNames()) + " against " + some(classes) + ".");
        }
        return new ScoredImages(
                dataset,
                images,
                ranges.stream()
                        .map(range -> IntStream.range(0, images.size())
                                .filter(i ->
                                        position[images.label(i)] >= 0 && range.contains(position[images.label(i)]))
                                .toArray())
                        .toList(),
                IntStream.range(0, images.size())
                        .filter(i -> position[images.label(i)] < 0)
                        .toArray(),
                label -> position[label]);
    }

    private static String some(List<String> names) {
        return String.join(", ", names.subList(0, Math.min(5, names.size()))) + (names.size() > 5 ? ", …" : "");
    }

    /** Images by the names of their classes, without those of the first experiences. */
    SortedMap<String, Integer> leftOut(int learnt) {
        SortedMap<String, Integer> leftOut = new TreeMap<>();
        IntStream.concat(
                        Arrays.stream(unknown),
                        byExperience.stream().skip(learnt).flatMapToInt(Arrays::stream))
                .forEach(i -> leftOut.merge(dataset.classNames().get(images.label(i)), 1, Integer::sum));
        return leftOut;
    }

    /** @param scores of an experience's images [images][classes] */
    AccuracyRecorder.Right right(double[][] scores, int experience, ClassRange seen, ClassRange own) {
        int[] labels = Arrays.stream(byExperience.get(experience))
                .map(i -> relabel.applyAsInt(images.label(i)))
                .toArray();
        return AccuracyRecorder.Right.count(scores, labels, seen, own);
    }
}

package dev.palimpsest.stream;

/**
 * What a {@link RepetitionStream} brings at once. The arrays belong to the stream and are not to be changed.
 *
 * @param index from 0
 * @param classes of the labelled images, ascending, in the stream's numbering; those from {@code seenBefore} on are
 *     new
 * @param seenBefore classes seen in earlier experiences: those of number [0, seenBefore)
 * @param seen classes seen when the experience is over, those of number [0, seen); equals {@code seenBefore} where
 *     none is new
 * @param labelled indices into the data set's training images, ascending; in no other experience
 * @param unlabelled indices into the data set's training images, ascending; none that is or was labelled, but some may
 *     be later
 * @param test ascending indices into the data set's test images: of the classes that are new here; may be empty
 */
public record RepetitionExperience(
        int index, int[] classes, int seenBefore, int seen, int[] labelled, int[] unlabelled, int[] test) {
    public int newClasses() {
        return seen - seenBefore;
    }
}

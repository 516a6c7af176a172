package dev.palimpsest.checkpoint;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.data.Normalisation;
import dev.palimpsest.stream.Stream.Experience;

/** Images of a data set to score. */
public enum ImagePart {
    /** The data set's test images. */
    TEST,
    /** Training images that the stream held out. */
    VALIDATION,
    /** Images that the model was trained on. */
    TRAIN;

    /** The data set's images that these are among. */
    Images of(Dataset dataset, Normalisation normalisation) {
        return (this == TEST ? dataset.test() : dataset.train()).normalisedBy(normalisation);
    }

    /** Indices of an experience's. */
    int[] of(Experience experience) {
        return switch (this) {
            case TEST -> experience.test();
            case VALIDATION -> experience.validation();
            case TRAIN -> experience.train();
        };
    }
}

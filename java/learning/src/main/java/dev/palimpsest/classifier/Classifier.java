package dev.palimpsest.classifier;

import dev.palimpsest.evaluation.Inference;
import dev.palimpsest.tensor.SafetensorsWriter;
import java.util.Optional;

/**
 * Gives every class seen a score, after one experience. Immutable; what it knows is its own, the networks that it
 * reads are handed to it.
 */
public interface Classifier {
    /**
     * Scores images. A classifier asks the models for the networks that it reads, so that no others are compiled.
     *
     * @param models the models of the run, as they were when the classifier was made
     * @param images that the indices count
     * @param indices of the images to score; there may be none, as an experience without new classes has no images
     * @return [indices][classes seen]; the highest score wins
     */
    double[][] scores(Models models, Inference images, int[] indices);

    /**
     * Adds all that it knows to a file, for {@link ClassifierType#read}.
     *
     * @param file to be written
     * @param prefix of the names of its tensors
     */
    void write(SafetensorsWriter file, String prefix);

    /**
     * The linear head over the latest model's feature that classifies as this does, if there is one besides the
     * network's own: files for other programs have it in that one's place.
     *
     * @return [dimensions + 1][classes]: a row of weights for every dimension, then the biases
     */
    default Optional<double[][]> linearHead() {
        return Optional.empty();
    }

    /**
     * What it keeps besides the models.
     *
     * @return bytes, as a file has them
     */
    long bytes();
}

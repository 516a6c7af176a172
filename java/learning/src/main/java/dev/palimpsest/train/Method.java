package dev.palimpsest.train;

import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.stream.Experience;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import java.util.List;
import java.util.Optional;

/**
 * A way to learn a stream: which images it trains on, what its loss is, what it keeps. The {@link Learner} does
 * everything else. The calls of one experience come in the order {@link #begin}, {@link #loss} for every batch,
 * {@link #end}.
 */
public interface Method extends AutoCloseable {
    /** Before an experience is trained; the network's heads have grown for its classes. */
    default void begin(Learner learner, Experience experience) {}

    /** How many classes the heads tell apart in an experience. */
    default int classes(Stream stream, Experience experience) {
        return experience.classes().end();
    }

    /** What is trained beside the network. */
    default List<Parameter> parameters() {
        return List.of();
    }

    /** Adds the loss terms of one batch. */
    void loss(Pass pass, Terms terms);

    /** After every step of the optimiser. */
    default void stepped() {}

    /** After an experience is trained, before it is evaluated. */
    default void end(Learner learner, Experience experience) {}

    /**
     * Adds to a checkpoint what {@link #resume} needs, after {@link #end}; nothing, if the network is all that it goes
     * on from.
     */
    default void save(SafetensorsWriter checkpoint) {}

    /**
     * In a new method, instead of the calls for all experiences up to this one: gets ready for the next, as
     * {@link #end} left it.
     *
     * @param learner with the network as it was saved
     * @param done the last experience that was trained
     */
    default void resume(Learner learner, Experience done, Safetensors checkpoint) {}

    /** Whether every experience trains on the images of all before it too. */
    default boolean keepsAllImages() {
        return false;
    }

    /**
     * Networks as they are now whose logits are averaged with the trained one's to classify; the caller closes them.
     */
    default List<FrozenNetwork> companions() {
        return List.of();
    }

    /** What its snapshots take now; empty if it keeps none. */
    default Optional<Result.Memory> memory() {
        return Optional.empty();
    }

    @Override
    default void close() {}
}

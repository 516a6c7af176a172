package dev.palimpsest.train;

import dev.palimpsest.data.Images;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.evaluation.Inference;
import dev.palimpsest.model.Network;
import dev.palimpsest.stream.Augmentation;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.stream.loading.Loader;
import java.lang.foreign.Arena;
import java.util.function.Function;

/**
 * What a run is made of.
 *
 * @param method that is learnt by
 * @param settings as the method settled them
 * @param engine that computes
 * @param network that is trained
 * @param networks makes networks of the trained one's form
 * @param stream that is learnt
 * @param images the stream's training images, normalised as the run has it
 * @param augmentation of training images
 * @param loader of training batches
 * @param trainingImages runs frozen networks over the training images
 * @param progress receives the events of the run
 * @param budget ends training early
 * @param seed of whatever is drawn
 */
record Run(
        Method method,
        Settings settings,
        Engine engine,
        Network network,
        Function<Arena, Network> networks,
        Stream stream,
        Images images,
        Augmentation augmentation,
        Loader loader,
        Inference trainingImages,
        Progress progress,
        Budget budget,
        long seed) {}

package dev.palimpsest;

import dev.palimpsest.checkpoint.AtomicFile;
import dev.palimpsest.checkpoint.Checkpoint;
import dev.palimpsest.checkpoint.SavedModel;
import dev.palimpsest.data.Dataset;
import dev.palimpsest.data.Images;
import dev.palimpsest.data.Normalisation;
import dev.palimpsest.engine.DeviceOptions;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.train.Experiment;
import dev.palimpsest.train.Methods;
import dev.palimpsest.train.Progress;
import dev.palimpsest.train.TrainingOptions;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.function.Supplier;

/**
 * Trains the next snapshot on the images of one lesson, from the last snapshot's weights. Nothing holds the network to
 * what it knew: earlier classes are read through the snapshots that measured them, and those stay. Plain training
 * leaves more that is new to be measured than training held by distillation does.
 */
final class SnapshotTraining {
    private static final int BATCH = 32;
    private static final int STEPS = 1000;
    private static final int FEWEST_EPOCHS = 8;
    private static final int MOST_EPOCHS = 30;
    /** Gradients of the first steps of a new head are large. */
    private static final double CLIP = 1;

    private static final double LEARNING_RATE = 0.1;
    private static final double LATER_LEARNING_RATE = 0.02;

    private SnapshotTraining() {}

    /**
     * Trains, and writes the weights with PyTorch's names.
     *
     * @param classes names of the images' labels
     * @param learnt indices of the images to train on
     * @param heldOut indices of images to report an accuracy of; may be empty
     * @param last the snapshot to start from; empty for random weights
     * @param threads of the processor
     * @param snapshot file to be written
     */
    static void train(
            Setup setup,
            List<String> classes,
            Images images,
            Normalisation pixels,
            int[] learnt,
            int[] heldOut,
            Optional<Path> last,
            int threads,
            Progress progress,
            Path snapshot)
            throws IOException {
        Path trained = snapshot.resolveSibling(snapshot.getFileName() + ".trained" + AtomicFile.UNFINISHED);
        Dataset lesson = Dataset.of("lesson", classes, images, images);
        Experiment experiment = Experiment.of(new LessonStream(lesson, learnt, heldOut.length == 0 ? learnt : heldOut))
                .network(setup::architecture)
                .method(Methods.named("fine-tuning").create(Map.of()))
                .training(TrainingOptions.DEFAULT
                        .withEpochs(epochs(setup, learnt.length))
                        .withBatch(BATCH)
                        .withClip(CLIP)
                        .withLearningRate(last.isEmpty() ? LEARNING_RATE : LATER_LEARNING_RATE))
                .augmentation(setup.augmentation())
                .normalisation(pixels)
                .device(DeviceOptions.of(DeviceOptions.Device.CPU, threads))
                .seed(setup.seed())
                .listen(Progress.all(progress, new Progress() {
                    @Override
                    public void checkpoint(Supplier<SafetensorsWriter> state) {
                        write(state.get(), trained);
                    }
                }));
        last.ifPresent(experiment::weights);
        try {
            experiment.run();
            try (SavedModel model = new SavedModel(Checkpoint.read(trained), setup::architecture)) {
                AtomicFile.write(snapshot, model.export(OptionalInt.empty())::writeTo);
            }
        } catch (UncheckedIOException e) {
            throw e.getCause();
        } finally {
            Files.deleteIfExists(trained);
        }
    }

    private static int epochs(Setup setup, int images) {
        return setup.epochs() > 0
                ? setup.epochs()
                : Math.clamp(Math.ceilDiv(STEPS * BATCH, images), FEWEST_EPOCHS, MOST_EPOCHS);
    }

    private static void write(SafetensorsWriter state, Path file) {
        try {
            AtomicFile.write(file, state::writeTo);
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }
}

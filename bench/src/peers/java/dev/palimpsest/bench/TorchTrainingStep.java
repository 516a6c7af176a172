package dev.palimpsest.bench;

import dev.palimpsest.model.Network;
import dev.palimpsest.model.TorchForward;
import dev.palimpsest.tensor.Shape;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.bytedeco.javacpp.Loader;
import org.bytedeco.javacpp.PointerScope;
import org.bytedeco.pytorch.SGD;
import org.bytedeco.pytorch.SGDOptions;
import org.bytedeco.pytorch.Tensor;
import org.bytedeco.pytorch.global.torch;

/** {@link TrainingStep} in PyTorch: same network, weights, batch, loss and optimiser, through libtorch. */
final class TorchTrainingStep {
    private final TorchForward pass = new TorchForward(true);
    private final Network network;
    private final int batch;
    private final Tensor images;
    private final Tensor labels;
    private final SGD optimiser;

    /**
     * Loads PyTorch. To be called before our engine starts, so that PyTorch's OpenMP reads its own settings and not
     * the ones we make.
     *
     * @throws IOException if its libraries cannot be unpacked
     */
    static void load() throws IOException {
        // All files first: a library whose neighbour is not there yet would take the system's PyTorch of another
        // version.
        Loader.cacheResources(torch.class, "/org/bytedeco/pytorch/" + Loader.getPlatform() + "/");
        Loader.load(torch.class);
    }

    TorchTrainingStep(TrainingStep ours, int threads) {
        torch.set_num_threads(threads);
        network = ours.network;
        batch = ours.batch;
        Shape image = network.image();
        images = TorchForward.tensor(
                MemorySegment.ofArray(ours.images), ours.batch, image.extent(0), image.extent(1), image.extent(2));
        labels = Tensor.create(Arrays.stream(ours.labels).asLongStream().toArray(), ours.batch);
        try (PointerScope _ = new PointerScope()) {
            loss();
        }
        SGDOptions options = new SGDOptions(TrainingStep.LEARNING_RATE);
        options.momentum().put(TrainingStep.MOMENTUM);
        optimiser = new SGD(pass.parameters(), options);
    }

    int batch() {
        return batch;
    }

    private Tensor loss() {
        return torch.cross_entropy_loss(pass.logits(network, images), labels);
    }

    /**
     * Forward, backward, update.
     *
     * @return the loss before the update
     */
    double run() {
        try (PointerScope _ = new PointerScope()) {
            optimiser.zero_grad();
            Tensor loss = loss();
            loss.backward();
            optimiser.step();
            return loss.item_float();
        }
    }

    /** Both must tell the same losses over three steps from the same weights. */
    void verify(TrainingStep ours) {
        for (int step = 0; step < 3; step++) {
            double expected = run();
            double actual = ours.run();
            // What differs in last bits grows with every step.
            if (!(Math.abs(actual - expected) <= 1e-4 * (step + 1) * expected)) {
                throw new IllegalStateException(
                        "step " + step + ": PyTorch's loss is " + expected + ", ours " + actual);
            }
        }
    }
}

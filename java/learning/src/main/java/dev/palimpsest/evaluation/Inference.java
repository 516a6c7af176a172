package dev.palimpsest.evaluation;

import dev.palimpsest.data.Images;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.stream.Augmentation;
import dev.palimpsest.stream.Batch;
import dev.palimpsest.stream.loading.BatchPlan;
import dev.palimpsest.stream.loading.Loader;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.Arrays;
import java.util.List;

/** Runs frozen networks over images as they are, without augmentation, in the order asked for. */
public final class Inference implements AutoCloseable {
    private static final int BATCH = 128;

    private final Engine engine;
    private final Images images;
    private final Loader loader;
    private long passes;

    /** What to do with a batch's outputs; they are released afterwards. */
    @FunctionalInterface
    public interface Sink {
        /**
         * Takes one batch's outputs.
         *
         * @param first position of the batch's first image among the indices
         * @param batch the images
         * @param outputs of the network
         */
        void accept(int first, Batch batch, Outputs<Tensor> outputs);
    }

    /**
     * Over some images.
     *
     * @param engine that computes; stays open
     * @param images that indices count
     */
    public Inference(Engine engine, Images images) {
        this.engine = engine;
        this.images = images;
        loader = new Loader(images, label -> label, Augmentation.NONE, BATCH, 0);
    }

    /**
     * The images.
     *
     * @return those that indices count
     */
    public Images images() {
        return images;
    }

    /**
     * Images that went through a network so far, each counted for every network.
     *
     * @return how many
     */
    public long passes() {
        return passes;
    }

    /**
     * Runs a network over some images, a batch at a time.
     *
     * @param network to be run
     * @param indices of the images; if there are none the sink gets nothing
     * @param auxiliary whether the auxiliary heads are wanted too
     * @param sink gets each batch's outputs
     */
    public void run(FrozenNetwork network, int[] indices, boolean auxiliary, Sink sink) {
        batches(indices, (first, batch, input) -> {
            Outputs<Tensor> outputs = network.forward(input, auxiliary);
            sink.accept(first, batch, outputs);
            outputs.forEach(engine::release);
        });
    }

    /** What to do with a batch. */
    private interface Step {
        void accept(int first, Batch batch, Tensor input);
    }

    private void batches(int[] indices, Step step) {
        if (indices.length == 0) {
            return; // a plan has no batch for no image
        }
        int first = 0;
        for (Batch batch : loader.epoch(BatchPlan.sequential(indices, BATCH), 0)) {
            Tensor input = tensor(engine, images, batch);
            step.accept(first, batch, input);
            engine.release(input);
            first += batch.rows();
        }
        passes += indices.length;
    }

    /**
     * Features that the classifier sees.
     *
     * @param network to be run
     * @param indices of the images
     * @return [indices][dimensions]
     */
    public float[][] features(FrozenNetwork network, int[] indices) {
        float[][] features = new float[indices.length][];
        run(network, indices, false, (first, batch, outputs) -> copyRows(engine, outputs.feature(), features, first));
        return features;
    }

    /**
     * Logits of all classes that the network distinguishes.
     *
     * @param network to be run
     * @param indices of the images
     * @return [indices][classes]
     */
    public float[][] logits(FrozenNetwork network, int[] indices) {
        float[][] logits = new float[indices.length][];
        run(network, indices, false, (first, batch, outputs) -> copyRows(engine, outputs.logits(), logits, first));
        return logits;
    }

    /**
     * Pooled outputs of all stages, one stage after the other.
     *
     * @param network to be run
     * @param indices of the images
     * @param grid over whose parts the first stage is pooled, see {@link FrozenNetwork#pooled}
     * @return [indices][dimensions]
     */
    public float[][] pooled(FrozenNetwork network, int[] indices, int grid) {
        float[][] features = new float[indices.length][];
        batches(indices, (first, batch, input) -> {
            List<Tensor> stages = network.pooled(input, grid);
            int dimensions =
                    stages.stream().mapToInt(stage -> stage.shape().extent(1)).sum();
            for (int row = 0; row < batch.rows(); row++) {
                features[first + row] = new float[dimensions];
            }
            int at = 0;
            for (Tensor stage : stages) {
                float[] values = engine.toArray(stage);
                int width = stage.shape().extent(1);
                for (int row = 0; row < batch.rows(); row++) {
                    System.arraycopy(values, row * width, features[first + row], at, width);
                }
                at += width;
                engine.release(stage);
            }
        });
        return features;
    }

    private static void copyRows(Engine engine, Tensor matrix, float[][] rows, int first) {
        float[] values = engine.toArray(matrix);
        int width = matrix.shape().extent(1);
        for (int row = 0; row < matrix.shape().extent(0); row++) {
            rows[first + row] = Arrays.copyOfRange(values, row * width, (row + 1) * width);
        }
    }

    /**
     * A batch's images as a tensor, over the loader's memory where the engine can read that.
     *
     * @param engine that will read it
     * @param images that the batch is of
     * @param batch with memory of its own
     * @return [rows, channels, height, width]
     */
    public static Tensor tensor(Engine engine, Images images, Batch batch) {
        return engine.wrap(Shape.of(batch.rows(), images.channels(), images.height(), images.width()), batch.images());
    }

    @Override
    public void close() {
        loader.close();
    }
}

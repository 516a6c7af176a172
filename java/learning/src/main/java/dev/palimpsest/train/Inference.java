package dev.palimpsest.train;

import dev.palimpsest.data.Images;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.stream.Augmentation;
import dev.palimpsest.stream.Batch;
import dev.palimpsest.stream.BatchPlan;
import dev.palimpsest.stream.Loader;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.Arrays;

/** Runs frozen networks over images as they are, without augmentation, in the order asked for. */
public final class Inference implements AutoCloseable {
    private static final int BATCH = 128;

    private final Engine engine;
    private final Images images;
    private final Loader loader;

    /** What to do with a batch's outputs; they are released afterwards. */
    @FunctionalInterface
    public interface Sink {
        /** @param first position of the batch's first image among the indices */
        void accept(int first, Batch batch, Outputs<Tensor> outputs);
    }

    Inference(Engine engine, Images images) {
        this.engine = engine;
        this.images = images;
        loader = new Loader(images, label -> label, Augmentation.NONE, BATCH, 0);
    }

    public Images images() {
        return images;
    }

    /** @param auxiliary whether the auxiliary heads are wanted too */
    public void run(FrozenNetwork network, int[] indices, boolean auxiliary, Sink sink) {
        int first = 0;
        for (Batch batch : loader.epoch(BatchPlan.sequential(indices, BATCH), 0)) {
            Tensor input = tensor(engine, images, batch);
            Outputs<Tensor> outputs = network.forward(input, auxiliary);
            engine.release(input);
            sink.accept(first, batch, outputs);
            outputs.forEach(engine::release);
            first += batch.rows();
        }
    }

    /** Features of the classifier, one row an index. */
    float[][] features(FrozenNetwork network, int[] indices) {
        float[][] features = new float[indices.length][];
        run(network, indices, false, (first, batch, outputs) -> copyRows(engine, outputs.feature(), features, first));
        return features;
    }

    /** Logits of all classes seen, one row an index. */
    float[][] logits(FrozenNetwork network, int[] indices) {
        float[][] logits = new float[indices.length][];
        run(network, indices, false, (first, batch, outputs) -> copyRows(engine, outputs.logits(), logits, first));
        return logits;
    }

    private static void copyRows(Engine engine, Tensor matrix, float[][] rows, int first) {
        float[] values = engine.toArray(matrix);
        int width = matrix.shape().extent(1);
        for (int row = 0; row < matrix.shape().extent(0); row++) {
            rows[first + row] = Arrays.copyOfRange(values, row * width, (row + 1) * width);
        }
    }

    /** A batch's images as a tensor, over the loader's memory where the engine can read that. */
    static Tensor tensor(Engine engine, Images images, Batch batch) {
        return engine.wrap(Shape.of(batch.rows(), images.channels(), images.height(), images.width()), batch.images());
    }

    @Override
    public void close() {
        loader.close();
    }
}

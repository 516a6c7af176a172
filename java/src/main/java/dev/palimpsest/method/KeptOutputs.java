package dev.palimpsest.method;

import dev.palimpsest.engine.Engine;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.stream.Batch;
import dev.palimpsest.tensor.Tensor;
import dev.palimpsest.train.Inference;
import java.util.Arrays;

/** A frozen network's outputs for a set of images, from which those of any batch are gathered. */
final class KeptOutputs implements AutoCloseable {
    private final int[] row;
    private Outputs<Engine.Table> tables;

    /** @param indices of the images whose outputs are kept */
    KeptOutputs(Engine engine, Inference images, FrozenNetwork network, int[] indices, boolean auxiliary) {
        row = new int[images.images().size()];
        Arrays.fill(row, -1);
        for (int i = 0; i < indices.length; i++) {
            row[indices[i]] = i;
        }
        images.run(network, indices, auxiliary, (first, batch, outputs) -> {
            if (tables == null) {
                tables = outputs.map(output -> engine.table(indices.length, output.shape().extent(1)));
            }
            tables.zip(outputs, (table, output) -> table.put(first, output));
        });
    }

    /** The caller releases them. @throws IllegalArgumentException if the batch has an image that is not kept */
    Outputs<Tensor> of(Batch batch) {
        int[] rows = Arrays.stream(batch.indices()).map(this::rowOf).toArray();
        return tables.map(table -> table.gather(rows));
    }

    private int rowOf(int index) {
        if (row[index] < 0) {
            throw new IllegalArgumentException("image " + index + " is not among those whose teacher outputs are kept");
        }
        return row[index];
    }

    @Override
    public void close() {
        if (tables != null) {
            tables.forEach(Engine.Table::close);
        }
    }
}

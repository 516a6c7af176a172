package dev.palimpsest.method;

import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Table;
import dev.palimpsest.evaluation.Inference;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.stream.Batch;
import dev.palimpsest.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A frozen network's pooled features for a set of images, from which its outputs for any batch are made. The heads are
 * applied anew to each batch: a matrix product may round differently for another number of rows, where convolutions
 * and means treat each image alone.
 */
final class KeptOutputs implements AutoCloseable {
    private final int[] row;
    private final FrozenNetwork.Heads heads;
    private final long bytes;
    private final List<Table> tables = new ArrayList<>();

    /** @param indices of the images whose outputs are kept */
    KeptOutputs(Engine engine, Inference images, FrozenNetwork network, int[] indices) {
        row = new int[images.images().size()];
        Arrays.fill(row, -1);
        for (int i = 0; i < indices.length; i++) {
            row[indices[i]] = i;
        }
        heads = network.heads().copy();
        bytes = bytes(network.network(), indices.length);
        images.run(network, indices, false, (first, batch, outputs) -> {
            for (int l = 0; l < outputs.pooled().size(); l++) {
                Tensor pooled = outputs.pooled().get(l);
                if (tables.size() == l) {
                    tables.add(engine.table(indices.length, pooled.shape().extent(1)));
                }
                tables.get(l).put(first, pooled);
            }
        });
    }

    /** What the features of so many images take. */
    static long bytes(Network network, int images) {
        return (long) images * network.pooledWidth() * Float.BYTES;
    }

    long bytes() {
        return bytes;
    }

    /**
     * The caller releases them.
     *
     * @throws IllegalArgumentException if the batch has an image that is not kept
     */
    Outputs<Tensor> of(Batch batch) {
        int[] rows = Arrays.stream(batch.indices()).map(this::rowOf).toArray();
        return heads.classify(tables.stream().map(table -> table.gather(rows)).toList(), true);
    }

    private int rowOf(int index) {
        if (row[index] < 0) {
            throw new IllegalArgumentException("image " + index + " is not among those whose teacher outputs are kept");
        }
        return row[index];
    }

    @Override
    public void close() {
        heads.close();
        tables.forEach(Table::close);
    }
}

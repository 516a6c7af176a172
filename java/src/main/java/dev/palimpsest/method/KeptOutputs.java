package dev.palimpsest.method;

import dev.palimpsest.engine.Engine;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.stream.Batch;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import dev.palimpsest.train.Inference;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.Arrays;

/** A frozen network's outputs for a set of images, from which those of any batch are gathered. */
final class KeptOutputs implements AutoCloseable {
    /** One output of all images, a row each. */
    private record Table(MemorySegment rows, int width) {
        long rowBytes() {
            return (long) width * Float.BYTES;
        }
    }

    private final Engine engine;
    private final Arena arena = Arena.ofShared();
    private final int[] row;
    private Outputs<Table> tables;

    /** @param indices of the images whose outputs are kept */
    KeptOutputs(Engine engine, Inference images, FrozenNetwork network, int[] indices, boolean auxiliary) {
        this.engine = engine;
        row = new int[images.images().size()];
        Arrays.fill(row, -1);
        for (int i = 0; i < indices.length; i++) {
            row[indices[i]] = i;
        }
        images.run(network, indices, auxiliary, (first, batch, outputs) -> {
            if (tables == null) {
                tables = outputs.map(output -> table(indices.length, output.shape().extent(1)));
            }
            tables.zip(outputs,
                    (table, output) -> MemorySegment.copy(output.data(), 0, table.rows, first * table.rowBytes(), output.shape().bytes()));
        });
    }

    private Table table(int rows, int width) {
        return new Table(arena.allocate((long) rows * width * Float.BYTES, 64), width);
    }

    /** The caller releases them. @throws IllegalArgumentException if the batch has an image that is not kept */
    Outputs<Tensor> of(Batch batch) {
        return tables.map(table -> {
            Tensor output = engine.allocate(Shape.of(batch.rows(), table.width));
            for (int i = 0; i < batch.rows(); i++) {
                int from = row[batch.indices()[i]];
                if (from < 0) {
                    throw new IllegalArgumentException("image " + batch.indices()[i]
                            + " is not among those whose teacher outputs are kept");
                }
                MemorySegment.copy(table.rows, from * table.rowBytes(), output.data(), i * table.rowBytes(), table.rowBytes());
            }
            return output;
        });
    }

    @Override
    public void close() {
        arena.close();
    }
}

package dev.palimpsest.tensor;

import java.lang.foreign.MemorySegment;

/**
 * A tensor a model keeps but does not train: running means and variances of batch norm. Row-major float32; the memory belongs to the model.
 *
 * @throws IllegalArgumentException if the segment does not hold exactly that shape
 */
public record Buffer(String name, Shape shape, MemorySegment value) {
    public Buffer {
        if (value.byteSize() != shape.bytes()) {
            throw new IllegalArgumentException(
                    name + " needs " + shape.bytes() + " bytes (" + shape + " float32), has " + value.byteSize());
        }
    }
}

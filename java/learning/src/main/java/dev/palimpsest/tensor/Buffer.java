package dev.palimpsest.tensor;

import java.lang.foreign.MemorySegment;

/**
 * A tensor a model keeps but does not train: running means and variances of batch norm. Row-major float32; the memory
 * is the model's.
 */
public final class Buffer {
    private final String name;
    private final Shape shape;
    private final Mirror mirror;

    /**
     * A buffer over memory of the caller.
     *
     * @param name unique within the model
     * @param shape of the values
     * @param value float32 values, row-major; not copied
     * @throws IllegalArgumentException if the segment does not hold exactly that shape
     */
    public Buffer(String name, Shape shape, MemorySegment value) {
        if (value.byteSize() != shape.bytes()) {
            throw new IllegalArgumentException(
                    name + " needs " + shape.bytes() + " bytes (" + shape + " float32), has " + value.byteSize());
        }
        this.name = name;
        this.shape = shape;
        mirror = new Mirror(value);
    }

    /**
     * The name under which the model keeps it.
     *
     * @return unique within the model
     */
    public String name() {
        return name;
    }

    /**
     * The shape of the values.
     *
     * @return extents, row-major
     */
    public Shape shape() {
        return shape;
    }

    /**
     * The present values, see {@link Mirror#read}.
     *
     * @return read-only memory of float32 values
     */
    public MemorySegment read() {
        return mirror.read();
    }

    /**
     * The present values, to be changed at once, see {@link Mirror#update}.
     *
     * @return memory of float32 values
     */
    public MemorySegment update() {
        return mirror.update();
    }

    /**
     * For engines, which may keep the values on a device.
     *
     * @return who has the newer copy, host or device
     */
    public Mirror mirror() {
        return mirror;
    }
}

package dev.palimpsest.tensor;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * A trained tensor and its gradient, both float32 and row-major (convolutions OIHW, linear layers [out, in]), in
 * off-heap memory of the given arena; an engine may hold newer values on its device ({@link Mirror}). Not thread-safe.
 */
public final class Parameter {
    /** What a parameter is to pruning and to snapshots. */
    public enum Role {
        /** A convolution's or linear layer's weight: has owners, can be pruned. */
        WEIGHT,
        /** Scale or shift of batch norm: copied into every snapshot. */
        NORM,
        /** Weight or bias of a classifier or auxiliary head: copied into every snapshot. */
        HEAD
    }

    private final String name;
    private final Role role;
    private final Shape shape;
    private final Mirror value;
    private final Mirror gradient;

    /**
     * A parameter whose value and gradient are zeros.
     *
     * @param name unique within the model
     * @param role what it is to pruning and to snapshots
     * @param shape of the value and of the gradient
     * @param arena whose memory both take
     */
    public Parameter(String name, Role role, Shape shape, Arena arena) {
        this.name = name;
        this.role = role;
        this.shape = shape;
        this.value = new Mirror(arena.allocate(shape.bytes(), 64));
        this.gradient = new Mirror(arena.allocate(shape.bytes(), 64));
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
     * What it is to pruning and to snapshots.
     *
     * @return the role it was made with
     */
    public Role role() {
        return role;
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
     * @return read-only memory of {@link #size} float32 values
     */
    public MemorySegment read() {
        return value.read();
    }

    /**
     * The present values, to be changed at once, see {@link Mirror#update}.
     *
     * @return memory of {@link #size} float32 values
     */
    public MemorySegment update() {
        return value.update();
    }

    /**
     * The present gradient, see {@link Mirror#read}.
     *
     * @return read-only memory of {@link #size} float32 values
     */
    public MemorySegment readGradient() {
        return gradient.read();
    }

    /**
     * The present gradient, to be changed at once, see {@link Mirror#update}.
     *
     * @return memory of {@link #size} float32 values
     */
    public MemorySegment updateGradient() {
        return gradient.update();
    }

    /**
     * For engines, which may keep the values on a device.
     *
     * @return who has the newer copy, host or device
     */
    public Mirror valueMirror() {
        return value;
    }

    /**
     * For engines, which may keep the gradient on a device.
     *
     * @return who has the newer copy, host or device
     */
    public Mirror gradientMirror() {
        return gradient;
    }

    /**
     * How many values it has.
     *
     * @return the product of the extents
     */
    public int size() {
        return Math.toIntExact(shape.elements());
    }

    /** Value and gradient are not needed any more: see {@link Mirror#forget}. The host's memory is the arena's. */
    public void forget() {
        value.forget();
        gradient.forget();
    }

    /**
     * Writes values of this parameter's shape, output channel (first extent) o times {@code scale[o]}; all float32 and
     * off-heap.
     *
     * @param values [shape of this parameter]
     * @param scale one factor per output channel
     * @param out [shape of this parameter]
     */
    public void writeScaled(MemorySegment values, MemorySegment scale, MemorySegment out) {
        int channels = shape.extent(0);
        long each = size() / Math.max(1, channels);
        for (int o = 0; o < channels; o++) {
            float factor = scale.getAtIndex(ValueLayout.JAVA_FLOAT, o);
            for (long i = o * each; i < (o + 1) * each; i++) {
                out.setAtIndex(ValueLayout.JAVA_FLOAT, i, values.getAtIndex(ValueLayout.JAVA_FLOAT, i) * factor);
            }
        }
    }

    /**
     * Copies the present values out.
     *
     * @return {@link #size} values, row-major
     */
    public float[] toArray() {
        return read().toArray(ValueLayout.JAVA_FLOAT);
    }

    /**
     * Copies the values in.
     *
     * @param values {@link #size} values, row-major
     * @throws IllegalArgumentException if the count differs
     */
    public void set(float[] values) {
        if (values.length != size()) {
            throw new IllegalArgumentException(
                    name + " is " + shape + " (" + size() + " values), got " + values.length);
        }
        MemorySegment.copy(values, 0, update(), ValueLayout.JAVA_FLOAT, 0, values.length);
    }
}

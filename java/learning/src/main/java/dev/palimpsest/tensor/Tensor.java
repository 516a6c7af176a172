package dev.palimpsest.tensor;

import java.lang.foreign.MemorySegment;

/**
 * Float32 values of a shape in memory that an engine owns. A holder that keeps a tensor beyond the call that gave it
 * counts itself in with {@link #retain()}; the engine reuses the memory when the last one has let go. Not thread-safe.
 */
public final class Tensor {
    /** How the values lie in memory. */
    public enum Layout {
        /** Outermost axis first, the last one contiguous: what users see. */
        ROW_MAJOR,
        /** The engine's own order for activations of this shape. */
        ENGINE
    }

    /** The engine that made it, by identity. */
    private final Object owner;

    private final Shape shape;
    private final Layout layout;
    /** A {@link MemorySegment} of the host's, or what an engine keeps for values on its device. */
    private final Object memory;

    private final boolean borrowed;
    private boolean readOnly;
    private int holders = 1;

    /**
     * A tensor in the host's memory.
     *
     * @param owner the engine that makes it, which alone takes it
     * @param shape of the values
     * @param layout of the values
     * @param data at least {@code shape.bytes()} bytes, which the owner reuses after the last holder let go
     */
    public Tensor(Object owner, Shape shape, Layout layout, MemorySegment data) {
        this(owner, shape, layout, data, false);
    }

    private Tensor(Object owner, Shape shape, Layout layout, Object memory, boolean borrowed) {
        this.owner = owner;
        this.shape = shape;
        this.layout = layout;
        this.memory = memory;
        this.borrowed = borrowed;
        readOnly = borrowed;
    }

    /**
     * A row-major tensor over memory that stays somebody else's: no engine writes it in place or reuses it.
     *
     * @param owner the engine that makes it, which alone takes it
     * @param shape of the values
     * @param data at least {@code shape.bytes()} bytes
     * @return the tensor, with one holder
     */
    public static Tensor borrowed(Object owner, Shape shape, MemorySegment data) {
        return new Tensor(owner, shape, Layout.ROW_MAJOR, data, true);
    }

    /**
     * A tensor whose values are on a device, in memory that only its engine understands.
     *
     * @param owner the engine that makes it, which alone takes it
     * @param shape of the values
     * @param layout of the values
     * @param memory the engine's own, see {@link #deviceMemory}
     * @return the tensor, with one holder
     */
    public static Tensor onDevice(Object owner, Shape shape, Layout layout, Object memory) {
        return new Tensor(owner, shape, layout, memory, false);
    }

    /**
     * The engine that made it.
     *
     * @return what it was made with; compared by identity
     */
    public Object owner() {
        return owner;
    }

    /**
     * The shape of the values.
     *
     * @return extents, outermost first
     */
    public Shape shape() {
        return shape;
    }

    /**
     * How the values lie in memory.
     *
     * @return row-major, or the engine's own order
     */
    public Layout layout() {
        return layout;
    }

    /**
     * The values in the host's memory.
     *
     * @return at least {@code shape().bytes()} bytes
     * @throws IllegalStateException if the values are on a device
     */
    public MemorySegment data() {
        if (!(memory instanceof MemorySegment data)) {
            throw new IllegalStateException("the values of this tensor of " + shape
                    + " are on a device, not in the host's memory: ask Engine.toArray for them");
        }
        return data;
    }

    /**
     * The engine's own memory on its device.
     *
     * @return what {@link #onDevice} was given; for a tensor in the host's memory, the segment there
     */
    public Object deviceMemory() {
        return memory;
    }

    /**
     * Counts one more holder in.
     *
     * @return this tensor
     */
    public Tensor retain() {
        holders++;
        return this;
    }

    /**
     * Whether the values must not be written in place.
     *
     * @return true while somebody else holds the tensor too, or it stands for values of somebody else's
     */
    public boolean shared() {
        return readOnly || holders > 1;
    }

    /**
     * Forbids writing in place, now and later: the values stand for somebody else's.
     *
     * @return this tensor
     */
    public Tensor asReadOnly() {
        readOnly = true;
        return this;
    }

    /**
     * Whether the values stand for somebody else's.
     *
     * @return true for {@linkplain #borrowed borrowed} memory and after {@link #asReadOnly}
     */
    public boolean isReadOnly() {
        return readOnly;
    }

    /**
     * Whether the values are still there.
     *
     * @return false once the last holder let go
     */
    public boolean held() {
        return holders > 0;
    }

    /**
     * Lets one holder go.
     *
     * @return whether the memory is free for reuse: the last holder went, and it was not borrowed
     * @throws IllegalStateException if there is no holder any more
     */
    public boolean letGo() {
        if (holders == 0) {
            throw new IllegalStateException("tensor " + shape + " was released more often than it was held");
        }
        return --holders == 0 && !borrowed;
    }
}

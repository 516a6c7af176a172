package dev.palimpsest.tensor;

import java.lang.foreign.MemorySegment;

/**
 * Float32 values of a shape in memory that an engine owns. A holder that keeps a tensor beyond the call that gave it counts itself in with
 * {@link #retain()}; the engine reuses the memory when the last one has let go. Not thread-safe.
 */
public final class Tensor {
    /** How the values lie in memory. */
    public enum Layout {
        /** Outermost axis first, the last one contiguous: what users see. */
        ROW_MAJOR,
        /** The engine's own order for activations of this shape. */
        ENGINE
    }

    private final Shape shape;
    private final Layout layout;
    private final MemorySegment data;
    private final boolean borrowed;
    private int holders = 1;

    public Tensor(Shape shape, Layout layout, MemorySegment data) {
        this(shape, layout, data, false);
    }

    private Tensor(Shape shape, Layout layout, MemorySegment data, boolean borrowed) {
        this.shape = shape;
        this.layout = layout;
        this.data = data;
        this.borrowed = borrowed;
    }

    /** A row-major tensor over memory that stays somebody else's: no engine writes it in place or reuses it. */
    public static Tensor borrowed(Shape shape, MemorySegment data) {
        return new Tensor(shape, Layout.ROW_MAJOR, data, true);
    }

    public Shape shape() {
        return shape;
    }

    public Layout layout() {
        return layout;
    }

    public MemorySegment data() {
        return data;
    }

    /** Counts one more holder in. */
    public Tensor retain() {
        holders++;
        return this;
    }

    /** True while somebody else holds it too, so that it must not be written in place. */
    public boolean shared() {
        return borrowed || holders > 1;
    }

    /** Lets one holder go. @return whether the memory is free for reuse: the last holder went, and it was not borrowed */
    public boolean letGo() {
        if (holders == 0) {
            throw new IllegalStateException("tensor " + shape + " was released more often than it was held");
        }
        return --holders == 0 && !borrowed;
    }
}

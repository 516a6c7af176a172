package dev.palimpsest.tensor;

import java.util.Arrays;
import java.util.stream.Collectors;

/** The extents of a tensor, outermost first. Immutable; an extent may be zero. */
public final class Shape {
    private static final double MOST_BYTES = 0x1p63;

    private final int[] extents;

    private Shape(int[] extents) {
        this.extents = extents;
    }

    /**
     * The shape of these extents.
     *
     * @param extents outermost first, at least 0 each; none for a scalar; copied
     * @return the shape
     * @throws IllegalArgumentException if an extent is negative, or a tensor of the shape had more bytes than memory
     *     has addresses
     */
    public static Shape of(int... extents) {
        for (int extent : extents) {
            if (extent < 0) {
                throw new IllegalArgumentException("shape " + Arrays.toString(extents) + " has a negative extent");
            }
        }
        Shape shape = new Shape(extents.clone());
        double bytes = Float.BYTES;
        for (int extent : extents) {
            bytes *= extent;
        }
        if (bytes >= MOST_BYTES) {
            throw new IllegalArgumentException("a tensor of " + shape + " float32 values has "
                    + String.format("%.3g", bytes) + " bytes: expected fewer than 2^63");
        }
        return shape;
    }

    /**
     * The number of axes.
     *
     * @return how many extents the shape has
     */
    public int rank() {
        return extents.length;
    }

    /**
     * The extent of one axis.
     *
     * @param axis from 0 for the outermost; a negative one counts from the end, -1 for the innermost
     * @return how many values lie along the axis
     * @throws IndexOutOfBoundsException if there is no such axis
     */
    public int extent(int axis) {
        return extents[axis < 0 ? axis + extents.length : axis];
    }

    /**
     * The product of the extents, as int64: large batches of features pass 2^31.
     *
     * @return how many values a tensor of this shape has
     */
    public long elements() {
        long product = 1;
        for (int extent : extents) {
            product *= extent;
        }
        return product;
    }

    /**
     * The size of a float32 tensor.
     *
     * @return bytes of that many float32 values
     */
    public long bytes() {
        return elements() * Float.BYTES;
    }

    /**
     * All extents.
     *
     * @return outermost first; a copy
     */
    public int[] extents() {
        return extents.clone();
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Shape shape && Arrays.equals(extents, shape.extents);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(extents);
    }

    @Override
    public String toString() {
        if (extents.length == 0) {
            return "1 (no axes)";
        }
        return Arrays.stream(extents).mapToObj(Integer::toString).collect(Collectors.joining("×"));
    }
}

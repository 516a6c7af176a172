package dev.palimpsest.tensor;

import java.util.Arrays;
import java.util.stream.Collectors;

/** The extents of a tensor, outermost first. Immutable; an extent may be zero. */
public final class Shape {
    private final int[] extents;

    private Shape(int[] extents) {
        this.extents = extents;
    }

    /** @throws IllegalArgumentException if an extent is negative */
    public static Shape of(int... extents) {
        for (int extent : extents) {
            if (extent < 0) {
                throw new IllegalArgumentException("shape " + Arrays.toString(extents) + " has a negative extent");
            }
        }
        return new Shape(extents.clone());
    }

    public int rank() {
        return extents.length;
    }

    /** Extent of one axis; a negative axis counts from the end. */
    public int extent(int axis) {
        return extents[axis < 0 ? axis + extents.length : axis];
    }

    /** Product of the extents, as int64: large batches of features pass 2^31. */
    public long elements() {
        long product = 1;
        for (int extent : extents) {
            product *= extent;
        }
        return product;
    }

    /** Bytes of that many float32 values. */
    public long bytes() {
        return elements() * Float.BYTES;
    }

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

package dev.palimpsest.method;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/** Images turned by quarters of a circle, for networks that learn to predict how far. */
final class Rotation {
    /** How many quarters a circle has: the classes of rotation prediction. */
    static final int QUARTERS = 4;

    private Rotation() {}

    /**
     * Writes four copies of every image: block k of the output, {@code rows} images, is turned counter-clockwise by (k
     * + 1)·90°.
     *
     * @param images [rows,C,side,side] float32
     * @param rows how many images there are
     * @param channels C of every image
     * @param side height and width of every image in pixels
     * @param out [4·rows,C,side,side] float32, of other memory
     * @throws IndexOutOfBoundsException if the memory is too small
     */
    static void copies(MemorySegment images, int rows, int channels, int side, MemorySegment out) {
        long planes = (long) rows * channels;
        long area = (long) side * side;
        Objects.checkFromIndexSize(0, planes * area, images.byteSize() / Float.BYTES);
        Objects.checkFromIndexSize(0, QUARTERS * planes * area, out.byteSize() / Float.BYTES);
        MemorySegment source = images;
        for (int k = 0; k < QUARTERS; k++) {
            MemorySegment target = out.asSlice(k * planes * area * Float.BYTES, planes * area * Float.BYTES);
            for (long plane = 0; plane < planes; plane++) {
                quarter(source, target, plane * area, side);
            }
            source = target;
        }
    }

    private static void quarter(MemorySegment source, MemorySegment target, long offset, int side) {
        for (int y = 0; y < side; y++) {
            for (int x = 0; x < side; x++) {
                float value = source.getAtIndex(JAVA_FLOAT, offset + (long) x * side + (side - 1 - y));
                target.setAtIndex(JAVA_FLOAT, offset + (long) y * side + x, value);
            }
        }
    }
}

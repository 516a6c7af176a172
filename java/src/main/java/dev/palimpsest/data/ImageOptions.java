package dev.palimpsest.data;

/**
 * How image files become images of one size; data sets with a size of their own take {@link #NONE} alone.
 *
 * @param size height and width in pixels; 0: as they are, so all files must have one size
 * @param skipDamaged leave out files that cannot be read, with a warning, instead of refusing the data set
 */
public record ImageOptions(int size, boolean skipDamaged) {
    /** Nothing asked for. */
    public static final ImageOptions NONE = new ImageOptions(0, false);

    /** @throws IllegalArgumentException if the size is negative or above 4,096 */
    public ImageOptions {
        if (size < 0 || size > 4096) {
            throw new IllegalArgumentException("image-size = " + size + ": expected 1 to 4096 pixels, or 0 to keep the size");
        }
    }
}

package dev.palimpsest.stream;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Some images and their labels, ready for a network. The image memory is the {@link Loader}'s and holds these images
 * until the next batch is taken from it.
 *
 * @param rows images of one view
 * @param views how often each image is there, each time differently augmented; 1 unless the loader was told otherwise
 * @param images [views·rows,C,H,W] float32, normalised, off-heap, 64-byte aligned; view after view
 * @param labels [rows], as the loader was told to relabel them
 * @param indices [rows], into the images that the loader reads; not to be changed
 */
public record Batch(int rows, int views, MemorySegment images, int[] labels, int[] indices) {
    /** [rows,C,H,W], the images as the loader's augmentation of that number leaves them. */
    public MemorySegment view(int number) {
        long bytes = images.byteSize() / views;
        return images.asSlice(Objects.checkIndex(number, views) * bytes, bytes);
    }
}

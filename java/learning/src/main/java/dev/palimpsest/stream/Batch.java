package dev.palimpsest.stream;

import java.lang.foreign.MemorySegment;
import java.util.Objects;

/**
 * Some images and their labels, ready for a network. The image memory is the loader's and holds these images
 * until the next batch is taken from it. The arrays are the batch's own and not to be changed.
 *
 * @param rows how many images each view has
 * @param views how often each image is there, each time differently augmented; at least 1
 * @param images [views·rows,C,H,W] float32, normalised, off-heap, 64-byte aligned; view after view
 * @param labels [rows], in the numbering that the loader relabels to
 * @param indices [rows], positions among the images that the loader reads
 */
public record Batch(int rows, int views, MemorySegment images, int[] labels, int[] indices) {
    /**
     * The images as one of the loader's augmentations leaves them.
     *
     * @param number of the augmentation among the loader's, from 0
     * @return [rows,C,H,W] float32, a part of {@link #images}
     * @throws IndexOutOfBoundsException if there is no such view
     */
    public MemorySegment view(int number) {
        long bytes = images.byteSize() / views;
        return images.asSlice(Objects.checkIndex(number, views) * bytes, bytes);
    }
}

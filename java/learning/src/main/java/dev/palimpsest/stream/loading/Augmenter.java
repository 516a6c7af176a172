package dev.palimpsest.stream.loading;

import dev.palimpsest.data.Images;
import dev.palimpsest.internal.Purpose;
import dev.palimpsest.internal.SplitMix64;
import dev.palimpsest.stream.Augmentation;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Changes images as an {@link Augmentation} says.
 *
 * @param augmentation of every image
 */
record Augmenter(Augmentation augmentation) {
    /**
     * Checks that images of this size stay in sight.
     *
     * @throws IllegalArgumentException if the whole image could be moved out of sight
     */
    void checkFits(Images images) {
        if (augmentation.padding() >= Math.min(images.height(), images.width())) {
            throw new IllegalArgumentException("augmentation " + augmentation + " can move images of " + images.height()
                    + "×" + images.width() + " out of sight: use fewer pixels");
        }
    }

    /**
     * Writes image {@code index}, changed, as {@link Images#read(int, MemorySegment, long)} would; the offset is in
     * floats.
     *
     * @param canvas of the images' size; what it holds is lost
     */
    void read(
            Images images, Canvas canvas, long seed, int epoch, int index, int repeat, MemorySegment out, long offset) {
        int padding = augmentation.padding();
        SplitMix64 random = SplitMix64.of(seed, Purpose.AUGMENTATION, epoch, index, repeat);
        int top = random.nextInt(2 * padding + 1) - padding;
        int left = random.nextInt(2 * padding + 1) - padding;
        boolean mirrored = augmentation.flip() && random.nextInt(2) == 1;
        if (augmentation.operations() == 0) {
            images.readWindow(index, top, left, mirrored, out, offset);
            return;
        }
        images.readPixels(index, top, left, mirrored, canvas.pixels());
        new RandAugment(augmentation.operations(), augmentation.magnitude())
                .apply(images, SplitMix64.of(seed, Purpose.RAND_AUGMENT, epoch, index, repeat), canvas);
        float[] changed = canvas.pixels();
        MemorySegment.copy(changed, 0, out, ValueLayout.JAVA_FLOAT, offset * Float.BYTES, changed.length);
    }
}

package dev.palimpsest.stream;

import dev.palimpsest.data.Images;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How a training image is changed each time it is seen: moved by up to {@code padding} pixels up, down, left and right
 * (the same as padding it with pixel 0 on every side and cropping at random), then mirrored left to right with
 * probability one half if {@code flip}; then, if asked for, changed by RandAugment: so many operations, drawn from 13,
 * of one magnitude.
 *
 * <p>Augmentations that differ in RandAugment alone move and mirror an image alike: one is the weak, the other the
 * strong view of it.
 *
 * <p>The change is a function of seed, epoch, index of the image and how often the image came before in that epoch:
 * neither threads nor the other images of a batch matter.
 */
public record Augmentation(int padding, boolean flip, int operations, int magnitude) {
    /** Images as they are. */
    public static final Augmentation NONE = new Augmentation(0, false, 0, 0);

    private static final Pattern SYNTAX =
            Pattern.compile("(none|(shift|crop-flip):(\\d{1,4}))(\\+rand:(\\d{1,4}):(\\d{1,4}))?");

    /**
     * @throws IllegalArgumentException if the padding is negative, or the operations or their magnitude are out of
     *     range
     */
    public Augmentation {
        if (padding < 0) {
            throw new IllegalArgumentException(
                    "an image cannot be moved by " + padding + " pixels: expected 0 or more");
        }
        new RandAugment(operations, magnitude);
        magnitude = operations == 0 ? 0 : magnitude;
    }

    /** Moved by up to n pixels. */
    public static Augmentation shift(int n) {
        return new Augmentation(n, false, 0, 0);
    }

    /** Moved by up to n pixels and mirrored; n is 4 in the literature on CIFAR. */
    public static Augmentation cropFlip(int n) {
        return new Augmentation(n, true, 0, 0);
    }

    /** This, and then RandAugment; the literature on MLKD has two operations of magnitude 9, of at most 30. */
    public Augmentation withRandAugment(int operations, int magnitude) {
        return new Augmentation(padding, flip, operations, magnitude);
    }

    /**
     * {@code none}, {@code shift:N} or {@code crop-flip:N}, N in pixels; {@code +rand:OPERATIONS:MAGNITUDE} may
     * follow.
     *
     * @throws IllegalArgumentException if the text is anything else
     */
    public static Augmentation parse(String text) {
        Matcher matcher = SYNTAX.matcher(text.strip());
        if (!matcher.matches()) {
            throw new IllegalArgumentException(
                    "\"" + text + "\" is not an augmentation: expected none, shift:PIXELS or crop-flip:PIXELS, "
                            + "and +rand:OPERATIONS:MAGNITUDE after it for RandAugment");
        }
        Augmentation moved = matcher.group(2) == null
                ? NONE
                : new Augmentation(
                        Integer.parseInt(matcher.group(3)), matcher.group(2).equals("crop-flip"), 0, 0);
        return matcher.group(4) == null
                ? moved
                : moved.withRandAugment(Integer.parseInt(matcher.group(5)), Integer.parseInt(matcher.group(6)));
    }

    /** @throws IllegalArgumentException if the whole image could be moved out of sight */
    void checkFits(Images images) {
        if (padding >= Math.min(images.height(), images.width())) {
            throw new IllegalArgumentException("augmentation " + this + " can move images of " + images.height() + "×"
                    + images.width() + " out of sight: use fewer pixels");
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
        SplitMix64 random = SplitMix64.of(seed, Purpose.AUGMENTATION, epoch, index, repeat);
        int top = random.nextInt(2 * padding + 1) - padding;
        int left = random.nextInt(2 * padding + 1) - padding;
        boolean mirrored = flip && random.nextInt(2) == 1;
        if (operations == 0) {
            images.readWindow(index, top, left, mirrored, out, offset);
            return;
        }
        images.readPixels(index, top, left, mirrored, canvas.pixels());
        new RandAugment(operations, magnitude)
                .apply(images, SplitMix64.of(seed, Purpose.RAND_AUGMENT, epoch, index, repeat), canvas);
        float[] changed = canvas.pixels();
        MemorySegment.copy(changed, 0, out, ValueLayout.JAVA_FLOAT, offset * Float.BYTES, changed.length);
    }

    /** The text that {@link #parse} takes for this. */
    @Override
    public String toString() {
        String moved = flip ? "crop-flip:" + padding : padding > 0 ? "shift:" + padding : "none";
        return moved + (operations > 0 ? "+rand:" + operations + ":" + magnitude : "");
    }
}

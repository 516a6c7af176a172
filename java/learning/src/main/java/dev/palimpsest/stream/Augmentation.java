package dev.palimpsest.stream;

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
 * neither threads nor the other images of a batch matter. Immutable.
 *
 * @param padding most pixels that an image is moved by, at least 0
 * @param flip whether an image is mirrored with probability one half
 * @param operations how many operations of RandAugment follow, 0 to 20
 * @param magnitude how far each of them goes, 0 to 30; 0 if there are none
 */
public record Augmentation(int padding, boolean flip, int operations, int magnitude) {
    /** Leaves images as they are. */
    public static final Augmentation NONE = new Augmentation(0, false, 0, 0);

    private static final Pattern SYNTAX =
            Pattern.compile("(none|(shift|crop-flip):(\\d{1,4}))(\\+rand:(\\d{1,4}):(\\d{1,4}))?");

    /**
     * Checks the ranges.
     *
     * @throws IllegalArgumentException if the padding is negative, or the operations or their magnitude are out of
     *     range
     */
    public Augmentation {
        if (padding < 0) {
            throw new IllegalArgumentException(
                    "an image cannot be moved by " + padding + " pixels: expected 0 or more");
        }
        if (operations < 0 || operations > 20 || magnitude < 0 || magnitude > 30) {
            throw new IllegalArgumentException("rand:" + operations + ":" + magnitude
                    + " cannot be: expected 0 to 20 operations and a magnitude from 0 to 30");
        }
        magnitude = operations == 0 ? 0 : magnitude;
    }

    /**
     * Moves images.
     *
     * @param n most pixels up, down, left and right, at least 0
     * @return an augmentation that moves images and does nothing else
     * @throws IllegalArgumentException if n is negative
     */
    public static Augmentation shift(int n) {
        return new Augmentation(n, false, 0, 0);
    }

    /**
     * Moves and mirrors images, the usual augmentation for CIFAR with n = 4.
     *
     * @param n most pixels up, down, left and right, at least 0
     * @return an augmentation that moves images and mirrors them left to right with probability one half
     * @throws IllegalArgumentException if n is negative
     */
    public static Augmentation cropFlip(int n) {
        return new Augmentation(n, true, 0, 0);
    }

    /**
     * This augmentation, and then RandAugment. The literature on MLKD takes two operations of magnitude 9.
     *
     * @param number how many operations, 0 to 20
     * @param strength magnitude of each, 0 to 30
     * @return an augmentation that moves and mirrors images as this one does
     * @throws IllegalArgumentException if a number is out of range
     */
    public Augmentation withRandAugment(int number, int strength) {
        return new Augmentation(padding, flip, number, strength);
    }

    /**
     * Reads an augmentation as recipes write it.
     *
     * @param text {@code none}, {@code shift:N} or {@code crop-flip:N}, N in pixels;
     *     {@code +rand:OPERATIONS:MAGNITUDE} may follow
     * @return the augmentation, whose {@link #toString} gives such a text again
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

    /** The text that {@link #parse} takes for this. */
    @Override
    public String toString() {
        String moved = flip ? "crop-flip:" + padding : padding > 0 ? "shift:" + padding : "none";
        return moved + (operations > 0 ? "+rand:" + operations + ":" + magnitude : "");
    }
}

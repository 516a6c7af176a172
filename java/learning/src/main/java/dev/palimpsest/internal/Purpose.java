package dev.palimpsest.internal;

/** The first coordinate of every random number of streams: uses that share a seed must not share its numbers. */
public final class Purpose {
    /** The order of classes. */
    public static final long CLASS_ORDER = 1;
    /** Images held out. */
    public static final long VALIDATION = 2;
    /** The order of images in an epoch. */
    public static final long EPOCH = 3;
    /** The order of images in memory. */
    public static final long MEMORY = 4;
    /** Moves and mirrors images. */
    public static final long AUGMENTATION = 5;
    /** Operations on pixels. */
    public static final long RAND_AUGMENT = 6;
    /** Classes that come again. */
    public static final long REPETITION = 7;
    /** Images with labels. */
    public static final long LABELLED = 8;
    /** Classes of unlabelled images. */
    public static final long POOL_CLASSES = 9;

    private Purpose() {}
}

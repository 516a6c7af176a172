package dev.palimpsest.stream;

/** The first coordinate of every random number here: uses that share a seed must not share its numbers. */
final class Purpose {
    static final long CLASS_ORDER = 1;
    static final long VALIDATION = 2;
    static final long EPOCH = 3;
    static final long MEMORY = 4;
    static final long AUGMENTATION = 5;
    static final long RAND_AUGMENT = 6;
    static final long REPETITION = 7;
    static final long LABELLED = 8;
    static final long POOL_CLASSES = 9;

    private Purpose() {}
}

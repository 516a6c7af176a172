package dev.palimpsest.data;

/** Pixels of images of one size, unsigned. Any number of threads may read. */
interface Pixels {
    /** How many images there are. */
    int images();

    /** The pixels of one image, [C,H,W]; not to be changed. */
    byte[] of(int index);

    /** Pixels that are held as one array per image; kept, not copied. */
    static Pixels of(byte[][] arrays) {
        return new Pixels() {
            @Override
            public int images() {
                return arrays.length;
            }

            @Override
            public byte[] of(int index) {
                return arrays[index];
            }
        };
    }
}

package dev.palimpsest.engine.onednn;

/** Orders of axes, dnnl_format_tag_t. */
enum Format {
    ANY(1),
    VECTOR(2),
    MATRIX(3),
    TRANSPOSED(14),
    NCHW(5),
    NHWC(22),
    BLOCKED_16(78),
    BLOCKED_8(102);

    private final int tag;

    Format(int tag) {
        this.tag = tag;
    }

    int tag() {
        return tag;
    }

    static Format rowMajor(int rank) {
        return switch (rank) {
            case 1 -> VECTOR;
            case 2 -> MATRIX;
            case 4 -> NCHW;
            default ->
                throw new IllegalArgumentException("expected a vector, a matrix or images, got " + rank + " axes");
        };
    }
}

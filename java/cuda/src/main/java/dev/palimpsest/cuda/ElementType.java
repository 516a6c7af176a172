package dev.palimpsest.cuda;

/** How teachers' values lie in device memory; the kernels' arithmetic is float32 for all of them. */
public enum ElementType {
    FLOAT32("float32", 4),
    BFLOAT16("bfloat16", 2),
    FLOAT16("float16", 2);

    private final String label;
    private final int bytes;

    ElementType(String label, int bytes) {
        this.label = label;
        this.bytes = bytes;
    }

    /** As in the kernels' names. */
    public String label() {
        return label;
    }

    /** Of one element. */
    public int bytes() {
        return bytes;
    }
}

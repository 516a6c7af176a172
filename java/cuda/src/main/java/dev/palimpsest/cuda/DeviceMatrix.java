package dev.palimpsest.cuda;

/**
 * Rows in device memory.
 *
 * @param address of the first element
 * @param stride elements between the starts of consecutive rows
 */
public record DeviceMatrix(long address, long stride) {

    /** How teachers' values lie in device memory; the kernels' arithmetic is float32 for all of them. */
    public enum ElementType {
        /** IEEE single precision. */
        FLOAT32("float32", 4),
        /** The upper half of a float32. */
        BFLOAT16("bfloat16", 2),
        /** IEEE half precision. */
        FLOAT16("float16", 2);

        private final String label;
        private final int bytes;

        ElementType(String label, int bytes) {
            this.label = label;
            this.bytes = bytes;
        }

        /**
         * As in the kernels' names.
         *
         * @return as kernels' names have it, such as {@code float32}
         */
        public String label() {
            return label;
        }

        /**
         * Of one element.
         *
         * @return how many a value takes
         */
        public int bytes() {
            return bytes;
        }
    }
}

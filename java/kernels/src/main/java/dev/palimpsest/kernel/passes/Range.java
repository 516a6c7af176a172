package dev.palimpsest.kernel.passes;

/** A pass whose memory is bound; disjoint ranges may run on different threads at once. */
@FunctionalInterface
public interface Range {
    /**
     * Computes the parts [begin, end): images, or elements.
     *
     * @param begin first part
     * @param end the part after the last
     */
    void run(long begin, long end);
}

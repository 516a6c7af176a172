package dev.palimpsest.snapshot;

/**
 * Memory of all snapshots together.
 *
 * @param snapshotBytes as they are kept
 * @param fullCopiesBytes the same models kept whole, in float32
 * @param bitsPerWeight of owners alone, without norms and heads
 */
public record SnapshotMemory(long snapshotBytes, long fullCopiesBytes, double bitsPerWeight) {
    /** The memory of a method that keeps no snapshots: none. */
    public static final SnapshotMemory NONE = new SnapshotMemory(0, 0, 0);

    /**
     * What snapshots take now.
     *
     * @param snapshots to be measured
     * @return bytes and bits
     */
    public static SnapshotMemory of(Snapshots snapshots) {
        return new SnapshotMemory(snapshots.bytes(), snapshots.fullCopyBytes(), snapshots.bitsPerWeight());
    }
}

package dev.palimpsest.tensor;

import dev.palimpsest.kernel.SnapshotReconstruction;

/**
 * Which of the present weights of a parameter an earlier model had; the others were +0. What
 * {@link SnapshotReconstruction} needs in addition to the weights: an engine that has them on its device rebuilds the
 * earlier ones there.
 *
 * @param planes the owners' bit planes, as {@link SnapshotReconstruction#pack} makes them
 * @param planeCount 1 to 8
 * @param step weights with 0 &lt; code ≤ step are kept
 */
public record SnapshotMask(Mirror planes, int planeCount, int step) {
    /**
     * Checks the numbers.
     *
     * @throws IllegalArgumentException if planes or step are out of range
     */
    public SnapshotMask {
        if (planeCount < 1 || planeCount > SnapshotReconstruction.MOST_PLANES || step < 0 || step >= 1 << planeCount) {
            throw new IllegalArgumentException("step " + step + " of " + planeCount + " planes: expected 1 to "
                    + SnapshotReconstruction.MOST_PLANES + " planes, and a step from 0 to 2^planes - 1");
        }
    }
}

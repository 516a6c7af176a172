package dev.palimpsest.engine;

import dev.palimpsest.tensor.Tensor;
import java.util.function.DoubleSupplier;

/**
 * A loss, the mean over a batch's rows, and its gradient by what it is of.
 *
 * @param value in float64; asking waits for the device, needs the engine open, and must be done before another hundred
 *     losses have been computed
 * @param gradient of the shape of what the loss is of; whoever asked for the loss releases it
 */
public record Loss(DoubleSupplier value, Tensor gradient) {
    /**
     * A loss whose value is there already.
     *
     * @param value in float64
     * @param gradient of the shape of what the loss is of
     * @return both
     */
    public static Loss of(double value, Tensor gradient) {
        return new Loss(() -> value, gradient);
    }
}

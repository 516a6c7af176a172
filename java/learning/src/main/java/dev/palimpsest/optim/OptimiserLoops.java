package dev.palimpsest.optim;

import dev.palimpsest.tensor.Parameter;
import java.util.List;

/**
 * What a backend offers an {@link Optimiser}: one rule's state, masks and loops over a list of parameters, where the
 * backend has them. It may assume what the optimiser has checked. Used by one thread at a time.
 *
 * <p>All backends give the same weights bit for bit from the same gradients; after {@link #clip} they may differ in
 * the last bit of the factor, since each adds the squares in an order of its own.
 */
public interface OptimiserLoops extends AutoCloseable {
    /**
     * A parameter of a list.
     *
     * @param parameter to move
     * @param from index in the list before of the parameter whose state this one goes on from, in its first weights;
     *     −1: its state starts at zero
     * @param steps that it has made already
     */
    record Entry(Parameter parameter, int from, long steps) {}

    /**
     * Replaces the list of parameters. A mask stays with a parameter of unchanged size and goes with any other. If it
     * fails, the list before is still in force.
     *
     * @param entries the new list
     */
    void track(List<Entry> entries);

    /**
     * Replaces the masks of all parameters and forgets state.
     *
     * @param masks for each parameter of the list, a byte for each weight, 0 where neither it nor its state may change
     *     by a bit; null lets all of it move. The arrays are the caller's and do not change
     * @param kept for each parameter, a byte for each weight, 0 where its state becomes zero; null keeps all
     */
    void masks(byte[][] masks, byte[][] kept);

    /**
     * Works out the Euclidean norm of the gradients of all weights that may move; the next {@link #step} multiplies
     * them by min(1, limit / (norm + 1e-6)), as {@code torch.nn.utils.clip_grad_norm_} does. The squares are summed in
     * float64. A norm of NaN makes every weight that moves NaN.
     *
     * @param maxNorm the limit, above 0
     */
    void clip(double maxNorm);

    /**
     * Moves every parameter of the list by its gradient.
     *
     * @param learningRate finite and at least 0
     */
    void step(double learningRate);

    /**
     * The state of a parameter.
     *
     * @param parameter index in the list
     * @return a copy, an array of the parameter's size for each kind of state of the rule
     */
    float[][] state(int parameter);

    /**
     * Replaces the state of a parameter.
     *
     * @param parameter index in the list
     * @param values as {@link #state(int)} gives them; copied
     */
    void state(int parameter, float[][] values);

    @Override
    void close();

    /**
     * Plain Java loops over the host's memory: what every other backend has to agree with.
     *
     * @param rule of the updates
     * @return loops that hold nothing off-heap
     */
    static OptimiserLoops onHost(UpdateRule rule) {
        return new HostLoops(rule);
    }
}

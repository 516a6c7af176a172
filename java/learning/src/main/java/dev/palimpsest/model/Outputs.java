package dev.palimpsest.model;

import java.util.List;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Function;

/**
 * What a network gives for N images.
 *
 * @param <V> kind of values: tensors, or variables on a tape
 * @param pooled each stage's output, averaged over its positions, [N, C_l]; the last one is the feature that the
 *     classifier sees
 * @param auxiliary logits of the auxiliary heads on all stages but the last, [N, classes]; empty where they are off
 * @param logits of the classifier, [N, classes seen]
 */
public record Outputs<V>(List<V> pooled, List<V> auxiliary, V logits) {
    /**
     * What the classifier sees: the last stage's pooled output.
     *
     * @return [N, C of the last stage]
     */
    public V feature() {
        return pooled.getLast();
    }

    /**
     * The same with every output replaced.
     *
     * @param <W> kind of the new values
     * @param function gives the value that takes an output's place
     * @return outputs of the same form
     */
    public <W> Outputs<W> map(Function<V, W> function) {
        return new Outputs<>(
                pooled.stream().map(function).toList(),
                auxiliary.stream().map(function).toList(),
                function.apply(logits));
    }

    /**
     * Each output with its counterpart in another network's outputs of the same form.
     *
     * @param <W> kind of the other's values
     * @param other of the same form
     * @param action gets each pair
     */
    public <W> void zip(Outputs<W> other, BiConsumer<V, W> action) {
        for (int l = 0; l < pooled.size(); l++) {
            action.accept(pooled.get(l), other.pooled.get(l));
        }
        for (int l = 0; l < auxiliary.size(); l++) {
            action.accept(auxiliary.get(l), other.auxiliary.get(l));
        }
        action.accept(logits, other.logits);
    }

    /**
     * All of them in turn: to release tensors, for example.
     *
     * @param action gets pooled outputs, auxiliary logits and logits, in this order
     */
    public void forEach(Consumer<V> action) {
        pooled.forEach(action);
        auxiliary.forEach(action);
        action.accept(logits);
    }
}

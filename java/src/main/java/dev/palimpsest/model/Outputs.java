package dev.palimpsest.model;

import java.util.List;

/**
 * What a network gives for N images.
 *
 * @param pooled each stage's output, averaged over its positions, [N, C_l]; the last one is the feature that the classifier sees
 * @param auxiliary logits of the auxiliary heads on all stages but the last, [N, classes]; empty where they are off
 * @param logits of the classifier, [N, classes seen]
 */
public record Outputs<V>(List<V> pooled, List<V> auxiliary, V logits) {
    public V feature() {
        return pooled.getLast();
    }
}

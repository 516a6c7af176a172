package dev.palimpsest.method;

import dev.palimpsest.recipe.Recipe;

/**
 * LwF.MC, learning without forgetting for many classes, as iCaRL's authors have it (Rebuffi et al., CVPR 2017, section
 * 4): iCaRL's loss without exemplars, classified by the highest output. Not verified against published numbers
 * (CIFAR-100, Table 1: 11.7 to 64.5).
 */
final class LwfMc extends SigmoidDistillation {
    static Recipe settled(Recipe recipe) {
        return Methods.withoutExemplars(Methods.plain(recipe)).with("cross-entropy", "bce");
    }
}

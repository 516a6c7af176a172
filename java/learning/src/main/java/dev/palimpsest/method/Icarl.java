package dev.palimpsest.method;

import dev.palimpsest.recipe.Recipe;

/**
 * iCaRL, incremental classifier and representation learning (Rebuffi et al., CVPR 2017): exemplars chosen by herding
 * are mixed among the new images, the loss distils the last model's sigmoids, and the nearest mean of exemplars
 * classifies. Not verified against published numbers (CIFAR-100 with 2000 exemplars, Table 1: 57.0 to 68.6).
 */
final class Icarl extends SigmoidDistillation {
    static Recipe settled(Recipe recipe) {
        return Methods.plain(Methods.withExemplars(recipe, "lwf-mc"))
                .with("cross-entropy", "bce")
                .with("selection", "herding")
                .with("rehearsal", "mixed")
                .with("classifier", "nearest-mean");
    }
}

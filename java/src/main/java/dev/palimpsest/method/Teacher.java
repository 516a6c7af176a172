package dev.palimpsest.method;

import dev.palimpsest.engine.Engine;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.tensor.ClassRange;
import dev.palimpsest.tensor.Tensor;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Pass;

/** A frozen earlier model and the classes that it teaches. What it says of an image that never changes is computed once and kept. */
final class Teacher implements AutoCloseable {
    private final FrozenNetwork network;
    private final ClassRange classes;
    private KeptOutputs kept;

    Teacher(FrozenNetwork network, ClassRange classes) {
        this.network = network;
        this.classes = classes;
    }

    ClassRange classes() {
        return classes;
    }

    /** Computes its outputs for all images at hand, if they are not augmented. */
    void prepare(Learner learner) {
        if (learner.imagesNeverChange()) {
            kept = new KeptOutputs(learner.engine(), learner.trainingImages(), network, learner.imagesAtHand(), true);
        }
    }

    /** What it says of a batch; the caller releases it. */
    Outputs<Tensor> outputs(Pass pass) {
        return kept != null ? kept.of(pass.batch()) : network.forward(pass.images(), true);
    }

    /** The columns of its classes, [rows, size of its classes], from logits of all classes that it knew; the caller releases it. */
    Tensor taught(Engine engine, Tensor logits) {
        return engine.columns(logits, classes);
    }

    @Override
    public void close() {
        network.close();
        if (kept != null) {
            kept.close();
        }
    }
}

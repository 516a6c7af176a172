package dev.palimpsest.method;

import dev.palimpsest.engine.Engine;
import dev.palimpsest.kernel.ClassRange;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.tensor.Tensor;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Pass;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A frozen earlier model and the classes that it teaches. Its outputs for an image that never changes are computed
 * once and kept, where memory allows; then its network is not needed any more.
 */
final class Teacher implements AutoCloseable {
    private final TeacherMemory memory;
    private final Supplier<FrozenNetwork> compiler;
    private final ClassRange classes;
    /** A network that cannot be compiled again; null where there is none. */
    private @Nullable FrozenNetwork own;

    private @Nullable KeptOutputs kept;

    /** @param compiler makes the network, the same each time */
    Teacher(TeacherMemory memory, Supplier<FrozenNetwork> compiler, ClassRange classes) {
        this.memory = memory;
        this.compiler = compiler;
        this.classes = classes;
    }

    /** With the only copy of a model, which is kept whatever the limit and closed with this. */
    Teacher(TeacherMemory memory, FrozenNetwork own, ClassRange classes) {
        this(
                memory,
                () -> {
                    throw new IllegalStateException("this teacher's network is the only copy of its model");
                },
                classes);
        this.own = own;
    }

    ClassRange classes() {
        return classes;
    }

    FrozenNetwork compile() {
        return compiler.get();
    }

    /** Computes its outputs for all images at hand, if they are not augmented and fit. */
    void prepare(Learner learner) {
        int[] images = learner.imagesAtHand();
        if (learner.imagesNeverChange() && memory.reserve(KeptOutputs.bytes(learner.network(), images.length))) {
            kept = with(network -> new KeptOutputs(learner.engine(), learner.trainingImages(), network, images));
            closeNetwork();
        }
    }

    private <T> T with(Function<FrozenNetwork, T> use) {
        return own != null ? use.apply(own) : memory.with(this, use);
    }

    private void closeNetwork() {
        memory.drop(this);
        if (own != null) {
            own.close();
            own = null;
        }
    }

    /** Its outputs for a batch; the caller releases them. */
    Outputs<Tensor> outputs(Pass pass) {
        return kept != null ? kept.of(pass.batch()) : with(network -> network.forward(pass.images(), true));
    }

    /**
     * The columns of its classes, [rows, size of its classes], from logits of all classes that it knew; the caller
     * releases it.
     */
    Tensor taught(Engine engine, Tensor logits) {
        return engine.columns(logits, classes);
    }

    @Override
    public void close() {
        closeNetwork();
        if (kept != null) {
            memory.free(kept.bytes());
            kept.close();
            kept = null;
        }
    }
}

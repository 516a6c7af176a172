package dev.palimpsest.method;

import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.stream.Experience;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Result;
import dev.palimpsest.train.Terms;
import java.util.List;
import java.util.Optional;

/** A method that does what another one does, while a test looks on. */
public class Watched implements Method {
    private final Method inner;

    public Watched(Method inner) {
        this.inner = inner;
    }

    /** Before an experience is trained. */
    protected void begun(Learner learner, Experience experience) {}

    /** Before the terms of a batch. */
    protected void passing(Pass pass) {}

    /** After a step of the optimiser, and what the method does then. */
    protected void moved() {}

    /** After an experience is trained. */
    protected void ended(Learner learner, Experience experience) {}

    @Override
    public final void begin(Learner learner, Experience experience) {
        inner.begin(learner, experience);
        begun(learner, experience);
    }

    @Override
    public final void loss(Pass pass, Terms terms) {
        passing(pass);
        inner.loss(pass, terms);
    }

    @Override
    public final void end(Learner learner, Experience experience) {
        inner.end(learner, experience);
        ended(learner, experience);
    }

    @Override
    public final int classes(Stream stream, Experience experience) {
        return inner.classes(stream, experience);
    }

    @Override
    public final List<Parameter> parameters() {
        return inner.parameters();
    }

    @Override
    public final void stepped() {
        inner.stepped();
        moved();
    }

    @Override
    public final List<FrozenNetwork> companions() {
        return inner.companions();
    }

    @Override
    public final void save(SafetensorsWriter checkpoint) {
        inner.save(checkpoint);
    }

    @Override
    public final void resume(Learner learner, Experience done, Safetensors checkpoint) {
        inner.resume(learner, done, checkpoint);
    }

    @Override
    public final boolean keepsAllImages() {
        return inner.keepsAllImages();
    }

    @Override
    public final Optional<Result.Memory> memory() {
        return inner.memory();
    }

    @Override
    public void close() {
        inner.close();
    }
}

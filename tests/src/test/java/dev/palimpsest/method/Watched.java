package dev.palimpsest.method;

import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.snapshot.Snapshots;
import dev.palimpsest.stream.Stream;
import dev.palimpsest.stream.Stream.Experience;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.train.Learner;
import dev.palimpsest.train.Method;
import dev.palimpsest.train.Method.Phase;
import dev.palimpsest.train.Pass;
import dev.palimpsest.train.Settings;
import dev.palimpsest.train.Terms;
import java.util.List;
import java.util.Optional;
import java.util.SequencedMap;

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
    public final String name() {
        return inner.name();
    }

    @Override
    public final SequencedMap<String, String> options() {
        return inner.options();
    }

    @Override
    public final Settings settle(Settings asked) {
        return inner.settle(asked);
    }

    @Override
    public final void check(List<Integer> newClasses, Settings settings) {
        inner.check(newClasses, settings);
    }

    @Override
    public final boolean repeats() {
        return inner.repeats();
    }

    @Override
    public final boolean usesAuxiliaryHeads() {
        return inner.usesAuxiliaryHeads();
    }

    @Override
    public final void begin(Learner learner, Experience experience) {
        inner.begin(learner, experience);
        begun(learner, experience);
    }

    @Override
    public final List<Phase> phases(Learner learner, Experience experience) {
        return inner.phases(learner, experience);
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
    public final Optional<Snapshots> snapshots() {
        return inner.snapshots();
    }

    @Override
    public final boolean keepsAllImages() {
        return inner.keepsAllImages();
    }

    @Override
    public void close() {
        inner.close();
    }
}

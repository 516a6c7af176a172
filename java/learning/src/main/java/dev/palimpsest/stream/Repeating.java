package dev.palimpsest.stream;

import dev.palimpsest.data.Dataset;
import dev.palimpsest.kernel.ClassRange;
import java.util.List;

/** A stream whose classes repeat, as a learner meets it; nothing is held out for validation. */
public final class Repeating implements Stream {
    private final RepetitionStream stream;
    private final List<Experience> experiences;

    public Repeating(RepetitionStream stream) {
        this.stream = stream;
        experiences = stream.experiences().stream().map(Repeating::experience).toList();
    }

    private static Experience experience(RepetitionExperience of) {
        return new Experience(
                of.index(),
                new ClassRange(of.seenBefore(), of.seen()),
                of.classes(),
                of.labelled(),
                of.unlabelled(),
                new int[0],
                of.test());
    }

    @Override
    public Dataset dataset() {
        return stream.dataset();
    }

    @Override
    public List<Experience> experiences() {
        return experiences;
    }

    @Override
    public int classes() {
        return stream.classes();
    }

    @Override
    public List<String> classNames() {
        return stream.classNames().subList(0, stream.classes());
    }

    @Override
    public int relabel(int label) {
        return stream.relabel(label);
    }
}

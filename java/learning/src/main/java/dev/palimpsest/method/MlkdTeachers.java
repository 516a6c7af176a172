package dev.palimpsest.method;

import dev.palimpsest.checkpoint.NetworkTensors;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.MovingAverage;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.FrozenNetwork.Weights;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.tensor.Mirror;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Safetensors;
import dev.palimpsest.tensor.SafetensorsWriter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import dev.palimpsest.train.Pass;
import java.lang.foreign.Arena;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * MLKD's teachers, the newest first: a copy of the student as an experience finds it, and those of the experiences
 * before. All of them follow the student by an exponential moving average after every step; head and batch-norm
 * statistics are the student's. They run in training mode, so each batch is normalised by its own statistics.
 */
final class MlkdTeachers implements AutoCloseable {
    private static final String COUNT = "count";

    private final Engine engine;
    private final Network student;
    private final int most;
    private final double keep;
    private final Function<Arena, Network> networks;
    private final Arena arena = Arena.ofShared();
    private final List<Network> teachers = new ArrayList<>();
    private final List<Network> spare = new ArrayList<>();
    /** Of the present teachers; null before there are any. */
    private @Nullable MovingAverage average;

    /**
     * @param most teachers at a time
     * @param keep share that a teacher keeps of itself at every step
     * @param networks makes networks of the student's form
     */
    MlkdTeachers(Engine engine, Network student, int most, double keep, Function<Arena, Network> networks) {
        this.engine = engine;
        this.student = student;
        this.most = most;
        this.keep = keep;
        this.networks = networks;
    }

    /** The student as it is becomes the newest teacher. That of experience 0 knows nothing: it does not stay. */
    void begin(int experience) {
        if (experience == 1) {
            spare.addAll(teachers);
            teachers.clear();
        } else if (teachers.size() == most) {
            spare.add(teachers.removeLast());
        }
        Network newest = unused();
        copy(newest);
        teachers.addFirst(newest);
        if (average != null) {
            average.close();
        }
        average = averageOfAll();
    }

    int count() {
        return teachers.size();
    }

    /** Adds all of them, heads and statistics too. */
    void save(SafetensorsWriter to, String prefix) {
        to.add(prefix + COUNT, Shape.of(1), new int[] {teachers.size()});
        for (int k = 0; k < teachers.size(); k++) {
            new NetworkTensors(teachers.get(k)).write(to, prefix + k + ".");
        }
    }

    /**
     * Takes over what {@link #save} added.
     *
     * @throws IllegalArgumentException with a sentence, if a tensor is missing or does not fit
     */
    void restore(Safetensors from, String prefix) {
        int count = from.ints(prefix + COUNT)[0];
        if (count < Math.max(1, teachers.size()) || count > most) {
            throw new IllegalArgumentException("it has " + count + " teachers, expected 1 to " + most);
        }
        while (teachers.size() < count) {
            teachers.add(unused());
        }
        for (int k = 0; k < count; k++) {
            new NetworkTensors(teachers.get(k)).load(from, prefix + k + ".");
        }
    }

    /** Weights of all of them; head and statistics are the student's. */
    long bytes() {
        return teachers.stream()
                .flatMap(teacher -> teacher.parameters().stream())
                .filter(parameter -> parameter.role() != Parameter.Role.HEAD)
                .mapToLong(parameter -> parameter.shape().bytes())
                .sum();
    }

    /**
     * Outputs of the k-th newest one for images, which are normalised by themselves. The caller releases all of it.
     */
    Outputs<Tensor> outputs(int k, Tensor images) {
        return teachers.get(k).forward(engine, images, false);
    }

    /** Outputs of the k-th newest one for several batches, normalised as one. The caller releases all of it. */
    List<Outputs<Tensor>> joined(int k, List<Tensor> batches) {
        Tensor together = engine.stacked(batches);
        Outputs<Tensor> outputs = outputs(k, together);
        engine.release(together);
        List<Outputs<Tensor>> apart = new ArrayList<>();
        int first = 0;
        for (Tensor batch : batches) {
            int begin = first;
            int end = first + batch.shape().extent(0);
            apart.add(outputs.map(output -> engine.part(output, begin, end)));
            first = end;
        }
        outputs.forEach(engine::release);
        return apart;
    }

    /** Outputs of all of them for a pass's images, the newest first; the pass's own. */
    List<Outputs<Tensor>> outputs(Pass pass) {
        List<Outputs<Tensor>> outputs = new ArrayList<>();
        for (int k = 0; k < count(); k++) {
            outputs.add(pass.own(outputs(k, pass.images())));
        }
        return outputs;
    }

    /**
     * Outputs of every teacher, the newest first.
     *
     * @param labelled for labelled images
     * @param strong for unlabelled images as training augments them
     * @param confident what the choice of a teacher goes by: the newest one's for the plain images, else
     *     {@code strong}
     */
    record OfBatches(List<Outputs<Tensor>> labelled, List<Outputs<Tensor>> strong, List<Outputs<Tensor>> confident) {}

    /**
     * Outputs for a pass's images and for unlabelled ones; the pass's own.
     *
     * @param strong unlabelled images as training augments them
     * @param weak the same images, plain
     * @param joined whether a teacher normalises all of its batches as one
     */
    OfBatches outputs(Pass pass, Tensor strong, Tensor weak, boolean joined) {
        OfBatches all = new OfBatches(new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
        for (int k = 0; k < count(); k++) {
            List<Tensor> batches = k == 0 ? List.of(pass.images(), strong, weak) : List.of(pass.images(), strong);
            int teacher = k;
            List<Outputs<Tensor>> outputs = joined
                    ? joined(k, batches)
                    : batches.stream().map(images -> outputs(teacher, images)).toList();
            outputs.forEach(pass::own);
            all.labelled.add(outputs.get(0));
            all.strong.add(outputs.get(1));
            all.confident.add(outputs.getLast());
        }
        return all;
    }

    /** The newest one compiled as it is. */
    FrozenNetwork freezeNewest() {
        return new FrozenNetwork(engine, teachers.getFirst(), Weights.of(teachers.getFirst()));
    }

    /** After a step of the student. */
    void follow() {
        if (average != null) {
            average.step();
        }
    }

    /** Memory of a teacher that left serves the next one. */
    private Network unused() {
        Network network = spare.isEmpty() ? networks.apply(arena) : spare.removeLast();
        if (network.classes() != student.classes()) {
            network.grow(student.classes());
        }
        return network;
    }

    private void copy(Network teacher) {
        Pairs pairs = new Pairs();
        pairs.add(teacher, parameter -> 0f);
        try (MovingAverage copying = pairs.average()) {
            copying.step();
        }
    }

    private MovingAverage averageOfAll() {
        Pairs pairs = new Pairs();
        for (Network teacher : teachers) {
            pairs.add(teacher, parameter -> parameter.role() == Parameter.Role.HEAD ? 0f : (float) keep);
        }
        return pairs.average();
    }

    /** Tensors of teachers, each paired with the student's in its place. */
    private final class Pairs {
        private final List<Mirror> targets = new ArrayList<>();
        private final List<Mirror> sources = new ArrayList<>();
        private final List<Float> kept = new ArrayList<>();

        void add(Network teacher, Function<Parameter, Float> share) {
            for (int p = 0; p < student.parameters().size(); p++) {
                Parameter from = student.parameters().get(p);
                add(teacher.parameters().get(p).valueMirror(), from.valueMirror(), share.apply(from));
            }
            for (int b = 0; b < student.buffers().size(); b++) {
                add(teacher.buffers().get(b).mirror(), student.buffers().get(b).mirror(), 0);
            }
        }

        private void add(Mirror target, Mirror source, float share) {
            if (share < 1) {
                targets.add(target);
                sources.add(source);
                kept.add(share);
            }
        }

        MovingAverage average() {
            float[] shares = new float[kept.size()];
            for (int i = 0; i < shares.length; i++) {
                shares[i] = kept.get(i);
            }
            return engine.movingAverage(targets, sources, shares);
        }
    }

    @Override
    public void close() {
        if (average != null) {
            average.close();
        }
        arena.close();
    }
}

package dev.palimpsest.method;

import static java.lang.foreign.ValueLayout.JAVA_FLOAT;

import dev.palimpsest.engine.Engine;
import dev.palimpsest.model.BatchForward;
import dev.palimpsest.model.FrozenNetwork;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.model.Weights;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/**
 * MLKD's teachers, the newest first: a copy of the student as an experience finds it, and those of the experiences before. All of them
 * follow the student by an exponential moving average after every step; head and batch-norm statistics are the student's. They run in
 * training mode, so each batch is normalised by its own statistics.
 */
final class MlkdTeachers implements AutoCloseable {
    private static final int BLOCK = 1024;

    private final Engine engine;
    private final Network student;
    private final int most;
    private final double keep;
    private final Function<Arena, Network> networks;
    private final Arena arena = Arena.ofShared();
    private final List<Network> teachers = new ArrayList<>();
    private final List<Network> spare = new ArrayList<>();
    private final float[] own = new float[BLOCK];
    private final float[] students = new float[BLOCK];

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
        // Memory of a teacher that left serves the next one.
        Network newest = spare.isEmpty() ? networks.apply(arena) : spare.removeLast();
        if (newest.classes() != student.classes()) {
            newest.grow(student.classes());
        }
        copy(newest);
        teachers.addFirst(newest);
    }

    int count() {
        return teachers.size();
    }

    /** What the k-th newest one says of images, which are normalised by themselves. The caller releases all of it. */
    Outputs<Tensor> outputs(int k, Tensor images) {
        return teachers.get(k).forward(new BatchForward(engine), images, false);
    }

    /** What the k-th newest one says of several batches, normalised as one. The caller releases all of it. */
    List<Outputs<Tensor>> joined(int k, List<Tensor> batches) {
        Tensor together = concatenated(batches);
        Outputs<Tensor> outputs = outputs(k, together);
        engine.release(together);
        List<Outputs<Tensor>> apart = new ArrayList<>();
        int first = 0;
        for (Tensor batch : batches) {
            int begin = first;
            int end = first + batch.shape().extent(0);
            apart.add(outputs.map(output -> rows(output, begin, end)));
            first = end;
        }
        outputs.forEach(engine::release);
        return apart;
    }

    private Tensor concatenated(List<Tensor> batches) {
        Shape one = batches.getFirst().shape();
        int rows = batches.stream().mapToInt(batch -> batch.shape().extent(0)).sum();
        Shape shape = Shape.of(rows, one.extent(1), one.extent(2), one.extent(3));
        float[] values = new float[Math.toIntExact(shape.elements())];
        int at = 0;
        for (Tensor batch : batches) {
            float[] own = engine.toArray(batch);
            System.arraycopy(own, 0, values, at, own.length);
            at += own.length;
        }
        return engine.tensor(shape, values);
    }

    private Tensor rows(Tensor matrix, int begin, int end) {
        int columns = matrix.shape().extent(1);
        return engine.tensor(Shape.of(end - begin, columns),
                Arrays.copyOfRange(engine.toArray(matrix), begin * columns, end * columns));
    }

    /** The newest one compiled as it is. */
    FrozenNetwork freezeNewest() {
        return new FrozenNetwork(engine, teachers.getFirst(), Weights.of(teachers.getFirst()));
    }

    /** After a step of the student. */
    void follow() {
        for (Network teacher : teachers) {
            List<Parameter> parameters = student.parameters();
            List<Parameter> followers = teacher.parameters();
            for (int p = 0; p < parameters.size(); p++) {
                boolean head = parameters.get(p).role() == Parameter.Role.HEAD;
                if (head || keep < 1) {
                    mix(followers.get(p), parameters.get(p), head ? 0 : (float) keep);
                }
            }
            copyBuffers(teacher);
        }
    }

    private void copy(Network teacher) {
        List<Parameter> parameters = student.parameters();
        List<Parameter> followers = teacher.parameters();
        for (int p = 0; p < parameters.size(); p++) {
            mix(followers.get(p), parameters.get(p), 0);
        }
        copyBuffers(teacher);
    }

    private void copyBuffers(Network teacher) {
        for (int b = 0; b < student.buffers().size(); b++) {
            Buffer from = student.buffers().get(b);
            teacher.buffers().get(b).value().copyFrom(from.value());
        }
    }

    /** In blocks that stay in the first-level cache, over plain arrays, which the JIT compiler vectorises. */
    private void mix(Parameter teacher, Parameter from, float kept) {
        MemorySegment values = teacher.value();
        MemorySegment target = from.value();
        for (int begin = 0; begin < from.size(); begin += BLOCK) {
            int count = Math.min(BLOCK, from.size() - begin);
            MemorySegment.copy(values, JAVA_FLOAT, 4L * begin, own, 0, count);
            MemorySegment.copy(target, JAVA_FLOAT, 4L * begin, students, 0, count);
            for (int i = 0; i < count; i++) {
                own[i] = kept == 0 ? students[i] : kept * own[i] + (1 - kept) * students[i];
            }
            MemorySegment.copy(own, 0, values, JAVA_FLOAT, 4L * begin, count);
        }
        teacher.changed();
    }

    @Override
    public void close() {
        arena.close();
    }
}

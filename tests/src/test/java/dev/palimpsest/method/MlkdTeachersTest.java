package dev.palimpsest.method;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import dev.palimpsest.Golden;
import dev.palimpsest.autograd.Tape;
import dev.palimpsest.autograd.Variable;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.engine.Engines;
import dev.palimpsest.model.Network;
import dev.palimpsest.model.Networks;
import dev.palimpsest.model.Outputs;
import dev.palimpsest.tensor.Buffer;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Function;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class MlkdTeachersTest {
    private static final Shape IMAGE = Shape.of(1, 8, 8);
    private static final double KEEP = 0.9;

    private final Arena arena = Arena.ofShared();
    private final Engine engine = open();
    private final Function<Arena, Network> networks =
            of -> Networks.digitsNet(IMAGE, List.of(4, 6)).create(of, 1);
    private final List<Network> made = new ArrayList<>();
    private final Network student = networks.apply(arena);
    private final MlkdTeachers teachers;

    MlkdTeachersTest() {
        student.grow(5);
        teachers = new MlkdTeachers(engine, student, 3, KEEP, of -> {
            made.add(networks.apply(of));
            return made.getLast();
        });
    }

    /** Overridden to test another engine. */
    Engine open() {
        return Engines.cpu(1);
    }

    @AfterEach
    void close() {
        teachers.close();
        engine.close();
        arena.close();
    }

    /** As training would. */
    private void move(long seed) {
        Random random = new Random(seed);
        for (Parameter parameter : student.parameters()) {
            float[] values = parameter.toArray();
            for (int i = 0; i < values.length; i++) {
                values[i] += (float) (0.3 * random.nextGaussian());
            }
            parameter.set(values);
        }
        for (Buffer buffer : student.buffers()) {
            for (long i = 0; i < buffer.shape().elements(); i++) {
                buffer.update().setAtIndex(ValueLayout.JAVA_FLOAT, i, 1 + random.nextFloat());
            }
        }
    }

    private Tensor images(int rows, long seed) {
        Random random = new Random(seed);
        float[] values = new float[rows * 64];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) random.nextGaussian();
        }
        return engine.tensor(Shape.of(rows, 1, 8, 8), values);
    }

    private float[] logits(Outputs<Tensor> outputs) {
        return engine.toArray(outputs.logits());
    }

    @Test
    void theNewestTwoBeforeItStayFromTheSecondExperienceOn() {
        int[] counts = new int[6];
        for (int e = 0; e < 6; e++) {
            move(e);
            teachers.begin(e);
            counts[e] = teachers.count();
        }
        assertArrayEquals(new int[] {1, 1, 2, 3, 3, 3}, counts);
        assertEquals(3, made.size(), "a teacher that leaves gives its memory to the next");
    }

    @Test
    void aStepMovesTheBodyByItsShareAndBringsHeadAndStatistics() {
        teachers.begin(0);
        Network teacher = made.getFirst();
        List<float[]> before =
                teacher.parameters().stream().map(Parameter::toArray).toList();
        move(1);
        teachers.follow();
        for (int p = 0; p < before.size(); p++) {
            Parameter now = teacher.parameters().get(p);
            float[] target = student.parameters().get(p).toArray();
            if (now.role() == Parameter.Role.HEAD) {
                assertArrayEquals(target, now.toArray(), now.name());
                continue;
            }
            double[] expected = new double[target.length];
            for (int i = 0; i < expected.length; i++) {
                expected[i] = KEEP * before.get(p)[i] + (1 - KEEP) * target[i];
            }
            Golden.close(now.name(), expected, now.toArray(), 1e-6);
        }
        for (int b = 0; b < student.buffers().size(); b++) {
            assertArrayEquals(
                    student.buffers().get(b).read().toArray(ValueLayout.JAVA_FLOAT),
                    teacher.buffers().get(b).read().toArray(ValueLayout.JAVA_FLOAT));
        }
    }

    @Test
    void aCopySaysWhatTheStudentSaysInTrainingMode() {
        move(2);
        teachers.begin(0);
        Tape tape = new Tape(engine);
        Outputs<Variable> said = student.forward(tape, false, tape.input(images(6, 3)), false);
        float[] expected = engine.toArray(said.logits().value());
        assertArrayEquals(expected, logits(teachers.outputs(0, images(6, 3))));
        tape.clear();
    }

    @Test
    void joinedBatchesAreNormalisedAsOne() {
        teachers.begin(0);
        List<Outputs<Tensor>> joined = teachers.joined(0, List.of(images(6, 3), images(5, 4)));
        Tensor together = engine.tensor(Shape.of(11, 1, 8, 8), concatenated(images(6, 3), images(5, 4)));
        float[] all = logits(teachers.outputs(0, together));
        assertArrayEquals(Arrays.copyOfRange(all, 0, 30), logits(joined.get(0)));
        assertArrayEquals(Arrays.copyOfRange(all, 30, 55), logits(joined.get(1)));
        assertFalse(
                Arrays.equals(logits(joined.get(0)), logits(teachers.outputs(0, images(6, 3)))),
                "apart is something else");
    }

    private float[] concatenated(Tensor a, Tensor b) {
        float[] first = engine.toArray(a);
        float[] both = Arrays.copyOf(first, 11 * 64);
        System.arraycopy(engine.toArray(b), 0, both, first.length, both.length - first.length);
        return both;
    }
}

package dev.palimpsest.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import dev.palimpsest.engine.EngineOperations.Operation;
import dev.palimpsest.tensor.Mirror;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;

/**
 * What every engine refuses, and in which words: each operation gets tensors of all sorts in the place of each of its
 * own, and arguments that are wrong in other ways.
 */
class EngineContractTest {
    private final Engine engine = open();
    private final Engine other = Engines.cpu(1);

    /** Overridden to test another engine. */
    Engine open() {
        return Engines.cpu(1);
    }

    @AfterEach
    void close() {
        engine.close();
        other.close();
    }

    @Test
    void everyOperationRefusesEveryTensorThatDoesNotFit() {
        Map<String, String> sentences = sentences(engine, other);
        assertTrue(sentences.size() > 1000, "cases: " + sentences.size());
        try (Engine reference = Engines.cpu(1)) {
            Map<String, String> expected = sentences(reference, other);
            expected.forEach((which, sentence) -> assertEquals(sentence, sentences.get(which), which));
            assertEquals(expected.keySet(), sentences.keySet());
        }
    }

    @Test
    void everyOperationRefusesOtherArgumentsThatDoNotFit() {
        try (EngineOperations ours = new EngineOperations(engine);
                EngineOperations reference = new EngineOperations(other)) {
            Map<String, Executable> calls = ours.wrongCalls();
            Map<String, Executable> same = reference.wrongCalls();
            assertEquals(same.keySet(), calls.keySet());
            calls.forEach((which, call) -> assertEquals(refusal(which, same.get(which)), refusal(which, call), which));
            ours.all().forEach(Operation::call);
        }
    }

    /** Each wrong tensor's sentence, after which every operation still does what it should. */
    private static Map<String, String> sentences(Engine engine, Engine other) {
        Map<String, String> sentences = new TreeMap<>();
        try (EngineOperations operations = new EngineOperations(engine);
                EngineOperations foreign = new EngineOperations(other)) {
            Map<String, Tensor> wrong = operations.tensors();
            Tensor released = engine.tensor(Shape.of(2, 3), new float[6]);
            engine.release(released);
            for (Operation operation : operations.all()) {
                operation.call();
                for (int place = 0; place < operation.arguments().size(); place++) {
                    String where = operation.name() + ", argument " + place + ": ";
                    for (Map.Entry<String, Tensor> each : wrong.entrySet()) {
                        List<Tensor> arguments = new ArrayList<>(operation.arguments());
                        arguments.set(place, each.getValue());
                        if (operation.takes(place, each.getValue())) {
                            operation.callWith(arguments);
                        } else {
                            sentences.put(
                                    where + each.getKey(),
                                    refusal(where + each.getKey(), () -> operation.callWith(arguments)));
                        }
                    }
                    List<Tensor> arguments = new ArrayList<>(operation.arguments());
                    Tensor own = arguments.get(place);
                    arguments.set(place, foreign.like(own));
                    String theirs = refusal(where + "another engine's", () -> operation.callWith(arguments));
                    assertTrue(theirs.contains("belongs to another engine"), where + theirs);
                    sentences.put(where + "another engine's", theirs);
                    arguments.set(place, released);
                    sentences.put(where + "released", refusal(where + "released", () -> operation.callWith(arguments)));
                }
                operation.call();
            }
        }
        return sentences;
    }

    private static String refusal(String which, Executable call) {
        try {
            call.execute();
        } catch (IllegalArgumentException | IndexOutOfBoundsException e) {
            assertTrue(e.getMessage().matches(".*\\d.*"), which + " has no values in its sentence: " + e.getMessage());
            return e.getClass().getSimpleName() + ": " + e.getMessage();
        } catch (Throwable e) {
            throw new AssertionError(which + " is refused in another way: " + e, e);
        }
        return fail(which + " is taken");
    }

    @Test
    void teachersOfAnotherWidthAreRefused() {
        Tensor student = engine.tensor(Shape.of(2, 3), new float[] {1, 2, 3, 4, 5, 6});
        Tensor teacher = engine.tensor(Shape.of(2, 4), new float[] {1, 1, 1, 1, 90, 1, 1, 1});
        Tensor weights = engine.tensor(Shape.of(2, 1), new float[] {1, 1});
        try (TeacherLoss loss = engine.featureMse(2, 3, 1)) {
            assertEquals(
                    "the output of teacher 0 must be 2×3, got 2×4",
                    assertThrows(IllegalArgumentException.class, () -> loss.of(student, List.of(teacher), weights))
                            .getMessage());
            Tensor fitting = engine.tensor(Shape.of(2, 3), new float[] {1, 2, 3, 4, 5, 8});
            assertEquals(2, loss.of(student, List.of(fitting), weights).value().getAsDouble(), 1e-12);
        }
    }

    @Test
    void rowsOfAnotherWidthAreRefusedByATable() {
        try (Table table = engine.table(2, 3)) {
            table.put(0, engine.tensor(Shape.of(2, 3), new float[] {1, 2, 3, 4, 5, 6}));
            assertEquals(
                    "rows of 2×2 from row 0 on do not fit a table of 2×3",
                    assertThrows(
                                    IllegalArgumentException.class,
                                    () -> table.put(0, engine.tensor(Shape.of(2, 2), new float[4])))
                            .getMessage());
            assertArrayEquals(new float[] {4, 5, 6, 1, 2, 3}, engine.toArray(table.gather(new int[] {1, 0})));
        }
    }

    /** A refusal leaves nothing that the next call could stumble over. */
    @Test
    void aSumAfterARefusedSumIsRight() {
        try (EngineOperations ours = new EngineOperations(engine);
                EngineOperations foreign = new EngineOperations(other)) {
            Tensor a = ours.activation(2, 8, 3, 3);
            Tensor b = ours.activation(2, 8, 3, 3);
            assertThrows(IllegalArgumentException.class, () -> engine.addRelu(a, foreign.activation(2, 8, 3, 3)));
            float[] left = engine.toArray(a);
            float[] right = engine.toArray(b);
            float[] sum = engine.toArray(engine.addRelu(a, b));
            int positive = 0;
            for (int i = 0; i < sum.length; i++) {
                assertEquals(Math.max(left[i] + right[i], 0), sum[i], 1e-6 * Math.abs(left[i]) + 1e-6);
                positive += sum[i] > 0 ? 1 : 0;
            }
            assertTrue(positive > sum.length / 4, positive + " of " + sum.length + " are positive");
        }
    }

    @Test
    void multiplesAndSumsKeepTheLayoutOfAnActivation() {
        try (EngineOperations ours = new EngineOperations(engine)) {
            Tensor a = ours.activation(2, 16, 3, 3);
            float[] values = engine.toArray(a);
            Tensor twice = engine.scaled(-2, a);
            assertEquals(a.layout(), twice.layout());
            float[] scaled = engine.toArray(twice);
            engine.addScaled(twice, 3, a);
            float[] sum = engine.toArray(twice);
            for (int i = 0; i < values.length; i++) {
                assertEquals(-2 * values[i], scaled[i], 1e-6 * Math.abs(values[i]));
                assertEquals(values[i], sum[i], 1e-5 * Math.abs(values[i]));
                assertFalse(values[i] == 0);
            }
        }
    }

    @Test
    void memoryOfTheCallersIsNoTargetOfASum() {
        float[] values = {1, 2, 3};
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment callers = arena.allocateFrom(ValueLayout.JAVA_FLOAT, values);
            Tensor wrapped = engine.wrap(Shape.of(1, 3), callers);
            Tensor source = engine.tensor(Shape.of(1, 3), new float[] {4, 5, 6});
            assertEquals(
                    "the target of a sum, a tensor of 1×3, stands for memory that Engine.wrap was given, which stays as"
                            + " it is: copy it with Engine.tensor",
                    assertThrows(IllegalArgumentException.class, () -> engine.addScaled(wrapped, 2, source))
                            .getMessage());
            assertArrayEquals(values, engine.toArray(wrapped));
            assertArrayEquals(values, callers.toArray(ValueLayout.JAVA_FLOAT));
            engine.addScaled(source, 2, wrapped);
            assertArrayEquals(new float[] {6, 9, 12}, engine.toArray(source));
            engine.release(source);
            engine.release(wrapped);
        }
    }

    @Test
    void anotherThreadIsRefused() throws InterruptedException {
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread thread = new Thread(
                () -> {
                    try {
                        engine.allocate(Shape.of(2));
                    } catch (Throwable e) {
                        thrown.set(e);
                    }
                },
                "stranger");
        thread.start();
        thread.join();
        assertEquals(
                "the engine belongs to the thread " + Thread.currentThread().getName()
                        + ", was called by stranger: open one engine for each thread",
                thrown.get().getMessage());
    }

    @Test
    void whatBelongsToAClosedEngineIsRefused() {
        try (EngineOperations operations = new EngineOperations(engine)) {
            List<Operation> all = operations.all();
            all.forEach(Operation::call);
            Tensor left = engine.allocate(Shape.of(2));
            engine.close();
            engine.close();
            for (Operation operation : all) {
                assertEquals(
                        "the engine is closed: open another one with Engines.open",
                        assertThrows(IllegalStateException.class, operation::call, operation.name())
                                .getMessage());
            }
            engine.release(left);
        }
    }

    @Test
    void whatWasClosedIsRefused() {
        TeacherLoss loss = engine.featureMse(2, 3, 0);
        loss.close();
        Tensor matrix = engine.tensor(Shape.of(2, 3), new float[6]);
        assertThrows(IllegalStateException.class, () -> loss.of(matrix, List.of(), matrix));
        Table table = engine.table(2, 3);
        table.close();
        assertThrows(IllegalStateException.class, () -> table.put(0, matrix));
        Matrices matrices = engine.matrices();
        Matrix of = matrices.of(matrix);
        matrices.close();
        assertThrows(IllegalStateException.class, of::softmax);
        assertThrows(IllegalStateException.class, () -> matrices.of(matrix));
        List<Mirror> pair = List.of(new Mirror(Arena.ofAuto().allocate(16, 64)));
        MovingAverage average = engine.movingAverage(pair, pair, new float[1]);
        average.close();
        assertThrows(IllegalStateException.class, average::step);
    }
}

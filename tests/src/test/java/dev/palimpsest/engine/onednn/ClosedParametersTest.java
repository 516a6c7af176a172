package dev.palimpsest.engine.onednn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.engine.Convolution;
import dev.palimpsest.engine.Engine;
import dev.palimpsest.tensor.Parameter;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.MemorySegment.Scope;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.function.ThrowingSupplier;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What happens when another thread closes the arena of a model while an engine computes with it. */
class ClosedParametersTest {
    private static final int ROUNDS = 2;
    private static final Shape IMAGES = Shape.of(16, 16, 16, 16);
    private static final Convolution GEOMETRY = new Convolution(16, 32, 3, 1, 1);
    private static final int ROWS = 512;
    private static final int WIDTH = 512;

    /** Shared memory of the test's own, which is poisoned instead of freed: what reads it later shows. */
    private static final class Poisoned implements Arena {
        private final Arena memory;
        private final Arena shared = Arena.ofShared();

        Poisoned(Arena memory) {
            this.memory = memory;
        }

        @Override
        public MemorySegment allocate(long bytes, long alignment) {
            MemorySegment own = memory.allocate(bytes, alignment);
            return own.reinterpret(shared, freed -> own.fill((byte) -1));
        }

        @Override
        public Scope scope() {
            return shared.scope();
        }

        @Override
        public void close() {
            shared.close();
        }
    }

    private enum Operation {
        LINEAR,
        CONVOLUTION;

        /** @return what it computed */
        ThrowingSupplier<float[]> with(Engine engine, Arena arena) {
            return switch (this) {
                case LINEAR -> {
                    Parameter weight = parameter("weight", arena, WIDTH, WIDTH);
                    Parameter bias = parameter("bias", arena, WIDTH);
                    yield () -> {
                        Tensor input = constant(engine, Shape.of(ROWS, WIDTH));
                        Tensor output = engine.linear(input, weight, bias);
                        Tensor gradient = engine.linearGradient(output, input, weight, bias);
                        return release(engine, gradient, output, input);
                    };
                }
                case CONVOLUTION -> {
                    Parameter weight = parameter("weight", arena, 32, 16, 3, 3);
                    yield () -> {
                        weight.valueMirror().update(); // packed anew
                        Tensor input = constant(engine, IMAGES);
                        Tensor output = engine.convolution(input, weight, GEOMETRY);
                        Tensor gradient = engine.convolutionInputGradient(output, weight, GEOMETRY, IMAGES);
                        engine.convolutionWeightGradient(input, output, weight, GEOMETRY);
                        return release(engine, gradient, output, input);
                    };
                }
            };
        }

        private static Parameter parameter(String name, Arena arena, int... extents) {
            Parameter made = new Parameter(name, Parameter.Role.WEIGHT, Shape.of(extents), arena);
            float[] values = new float[(int) made.shape().elements()];
            Arrays.fill(values, 0.01f);
            made.valueMirror().update().copyFrom(MemorySegment.ofArray(values));
            return made;
        }

        private static Tensor constant(Engine engine, Shape shape) {
            float[] values = new float[(int) shape.elements()];
            Arrays.fill(values, 0.5f);
            return engine.tensor(shape, values);
        }

        private static float[] release(Engine engine, Tensor... made) {
            float[] values = engine.toArray(made[0]);
            Stream.of(made).forEach(engine::release);
            return values;
        }
    }

    @ParameterizedTest
    @EnumSource
    void anEngineHoldsItsParametersOrSaysThatTheyAreGone(Operation operation) throws Throwable {
        int met = 0;
        for (int threads = 1; threads <= 2; threads++) {
            for (int round = 0; round < ROUNDS; round++) {
                try (Arena memory = Arena.ofShared();
                        Engine engine = new Engine(new OneDnnBackend(threads))) {
                    Poisoned model = new Poisoned(memory);
                    ThrowingSupplier<float[]> compute = operation.with(engine, model);
                    float[] right = compute.get();
                    int wait = round * 10_000;
                    boolean[] held = new boolean[1];
                    Thread closer = Thread.ofPlatform().start(() -> {
                        for (int spin = 0; spin < wait; spin++) {
                            Thread.onSpinWait();
                        }
                        held[0] = close(model);
                    });
                    String sentence = "";
                    while (sentence.isEmpty()) {
                        try {
                            float[] found = compute.get();
                            for (float value : found) {
                                assertFalse(Float.isNaN(value), "read after its memory was freed");
                            }
                            assertEquals(right.length, found.length);
                        } catch (IllegalStateException e) {
                            sentence = e.getMessage();
                        }
                    }
                    closer.join();
                    assertTrue(
                            sentence.contains("was closed") && sentence.contains("keep it")
                                    || sentence.equals("Already closed"), // by the JDK, between two calls
                            sentence);
                    met += held[0] ? 1 : 0;
                }
            }
        }
        System.out.println(operation + ": " + met + " of " + 2 * ROUNDS + " closes came during a call");
    }

    /** @return whether it was held for a while */
    private static boolean close(Arena arena) {
        for (boolean held = false; ; held = true) {
            try {
                arena.close();
                return held;
            } catch (IllegalStateException e) {
                Thread.onSpinWait();
            }
        }
    }
}

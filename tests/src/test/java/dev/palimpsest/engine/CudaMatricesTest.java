package dev.palimpsest.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.palimpsest.Golden;
import dev.palimpsest.cuda.TestDevice;
import dev.palimpsest.tensor.Shape;
import dev.palimpsest.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Every operation on matrices gives on a GPU what Java's loops give; rows are longer than a warp and do not fill
 * blocks.
 */
@Tag("device")
class CudaMatricesTest extends MatricesTest {
    private static final int ROWS = 38;
    private static final int COLUMNS = 71;
    private static final int[] SOME =
            IntStream.range(0, 40).map(i -> (i * 7 + 3) % COLUMNS).toArray();
    private static final int[] OTHERS = IntStream.range(0, COLUMNS)
            .filter(c -> IntStream.of(SOME).noneMatch(s -> s == c))
            .toArray();

    @Override
    Engine open() {
        return DeviceEngine.open();
    }

    /** On a fresh machine. */
    private Engine another() {
        close();
        return open();
    }

    private static float[] random(int seed, int count) {
        SplittableRandom random = new SplittableRandom(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; i++) {
            values[i] = (float) (2 * random.nextGaussian());
        }
        return values;
    }

    /** What each operation gives, by its name. */
    private static final class Results {
        final Map<String, float[]> matrices = new LinkedHashMap<>();
        final Map<String, Double> values = new LinkedHashMap<>();
        private final Engine engine;

        Results(Engine engine) {
            this.engine = engine;
            Tensor first = engine.tensor(Shape.of(ROWS, COLUMNS), random(1, ROWS * COLUMNS));
            Tensor second = engine.tensor(Shape.of(ROWS, COLUMNS), random(2, ROWS * COLUMNS));
            try (Matrices on = engine.matrices()) {
                operations(on, first, second);
            }
            engine.release(first);
            engine.release(second);
        }

        private void operations(Matrices on, Tensor first, Tensor second) {
            double[] constants = new double[COLUMNS];
            for (int c = 0; c < COLUMNS; c++) {
                constants[c] = c % 5 == 0 ? -0.5 * c : Double.NaN;
            }
            Matrix fixed = on.row(constants);
            Matrix a = on.of(first);
            Matrix b = on.of(second);
            add("fixed", on.of(first, fixed));
            matrices.put("masked", array(a.toTensor(fixed)));
            Matrix product = a.times(b.transposed());
            add("product", product);
            add("sum", a.plus(-0.3, b));
            add("scaled", a.scaled(1.7));
            add("quotient", a.over(-3));
            add("rows", a.rows(5, 20).above(b.rows(1, 3)));
            add("diagonal", product.withDiagonal(-7));
            values.put("dot", a.dot(b).getAsDouble());
            Matrix p = a.softmax();
            Matrix q = b.softmax();
            add("softmax", p);
            add("gradient of softmax", p.softmaxGradient(b));
            add(
                    "log loss",
                    p.logLoss(IntStream.range(0, ROWS)
                            .map(r -> (r * 11) % COLUMNS)
                            .toArray()));
            values.put("divergence", q.divergence(p).getAsDouble());
            add("constant margin", a.margin(OTHERS, SOME, 0.1, true));
            add("margin", a.margin(OTHERS, SOME, 0.1, false));
            Matrix.Unit unit = a.unitRows();
            add("unit rows", unit.rows());
            add("lengths", unit.length());
            add("gradient of unit rows", unit.gradient(b));
            Matrix centred = a.centred();
            add("centred", centred);
            add(
                    "spread",
                    centred.transposed().times(centred).scaled(0.1 / ROWS).spread(1, 1e-4, 2 * COLUMNS, 25 * COLUMNS));
            Tensor chosen = on.argMax(List.of(p, q, p), null);
            matrices.put("most confident", array(chosen.retain()));
            matrices.put(
                    "most confident about the label",
                    array(on.argMax(List.of(q, p), IntStream.range(0, ROWS).toArray())));
            matrices.put("chosen rows", array(engine.chosenRows(chosen, List.of(first, second, first))));
            engine.release(chosen);
        }

        private void add(String name, Matrix matrix) {
            matrices.put(name, array(matrix.toTensor()));
        }

        private void add(String name, Matrix.Term term) {
            add(name, term.gradient());
            values.put(name, term.value().getAsDouble());
        }

        private float[] array(Tensor tensor) {
            float[] array = engine.toArray(tensor);
            engine.release(tensor);
            return array;
        }
    }

    @Test
    void everyOperationGivesWhatJavasLoopsGive() {
        Results expected;
        try (Engine cpu = Engines.cpu(1)) {
            expected = new Results(cpu);
        }
        try (Engine gpu = another()) {
            Results found = new Results(gpu);
            expected.matrices.forEach(
                    (name, values) -> Golden.close(name, DoubleLayers.doubles(values), found.matrices.get(name), 3e-7));
            expected.values.forEach(
                    (name, value) -> assertEquals(value, found.values.get(name), 1e-12 * Math.abs(value), name));
        }
        TestDevice.assertNothingIsLeft();
        List<Integer> chosen = new ArrayList<>();
        for (int i = 0; i < 3 * ROWS; i++) {
            if (expected.matrices.get("most confident")[i] == 1) {
                chosen.add(i % 3);
            }
        }
        assertEquals(ROWS, chosen.size());
        assertTrue(chosen.contains(0) && chosen.contains(1) && !chosen.contains(2), "the first wins ties: " + chosen);
    }

    /** Equal scores in lanes of their own, and the first of them not in the first lane. */
    @Test
    void theFirstOfEqualScoresHasTheGradient() {
        float[] values = new float[COLUMNS];
        values[SOME[36]] = 1;
        values[SOME[35]] = 1;
        values[OTHERS[3]] = 3;
        values[OTHERS[30]] = 3;
        double[] expected = new double[COLUMNS];
        expected[SOME[35]] = -1;
        expected[OTHERS[3]] = 1;
        try (Engine gpu = another();
                Matrices on = gpu.matrices()) {
            Matrix.Term margin = on.of(gpu.tensor(Shape.of(1, COLUMNS), values)).margin(OTHERS, SOME, 0.1, false);
            Golden.close("gradient", expected, gpu.toArray(margin.gradient().toTensor()), 0);
            assertEquals(2.1, margin.value().getAsDouble(), 1e-12);
        }
        TestDevice.assertNothingIsLeft();
    }
}

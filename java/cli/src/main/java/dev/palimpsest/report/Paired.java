package dev.palimpsest.report;

import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * The difference between two groups of runs, taken on each class order (and seed) that both have: what an order does
 * to both of them cancels.
 *
 * @param count pairs
 * @param mean of the differences
 * @param standardError of that mean, sd/√n with the sample deviation; NaN for fewer than two pairs
 */
record Paired(int count, double mean, double standardError) {
    /** The group's figure minus the reference's. Class orders where either lacks it are left out. */
    static Paired of(Group group, Group reference, Function<Metrics, Number> figure) {
        Map<String, Double> others = byOrder(reference, figure);
        Map<String, Double> own = byOrder(group, figure);
        return of(own.entrySet().stream()
                .filter(figureOf -> others.containsKey(figureOf.getKey()))
                .mapToDouble(figureOf -> figureOf.getValue() - others.getOrDefault(figureOf.getKey(), Double.NaN))
                .toArray());
    }

    static Paired of(double... differences) {
        Spread spread = Spread.of(differences);
        return new Paired(spread.count(), spread.mean(), spread.deviation() / Math.sqrt(spread.count()));
    }

    private static Map<String, Double> byOrder(Group group, Function<Metrics, Number> figure) {
        Map<String, Double> values = new TreeMap<>();
        for (SavedRun run : group.runs()) {
            Number value = figure.apply(run.metrics().orElseThrow());
            if (value != null) {
                values.put(run.option("order") + " seed " + run.option("seed"), value.doubleValue());
            }
        }
        return values;
    }

    /**
     * {@code +1.2 ± 0.4 (3)}: mean, standard error, pairs; – for fewer than two: one pair does not predict the next.
     */
    String text(double scale, int decimals) {
        return count < 2
                ? "–"
                : String.format(
                        Locale.ROOT,
                        "%+,." + decimals + "f ± %,." + decimals + "f (%d)",
                        mean * scale,
                        standardError * scale,
                        count);
    }
}

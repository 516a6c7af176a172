package dev.palimpsest.report;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.apache.commons.statistics.distribution.TDistribution;

/**
 * The difference between two groups of runs, taken on each class order (and seed) that both have: what an order does
 * to both of them cancels.
 *
 * @param count pairs
 * @param mean of the differences
 * @param standardError of that mean, sd/√n with the sample deviation; NaN for fewer than two pairs
 */
record Paired(int count, double mean, double standardError) {
    /** More pairs than these nobody runs. */
    static final int MOST_NEEDED = 1000;

    private static final double SIGNIFICANCE = 0.05;
    private static final double POWER = 0.8;

    /** In words. */
    enum Verdict {
        BETTER("better"),
        WORSE("worse"),
        UNDECIDED("cannot be told");

        private final String words;

        Verdict(String words) {
            this.words = words;
        }

        @Override
        public String toString() {
            return words;
        }
    }

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
     * Half the width of the 95 % confidence interval of the mean: Student's t with count − 1 degrees of freedom times
     * the standard error.
     *
     * @return NaN for fewer than two pairs
     */
    double halfWidth() {
        return count < 2 ? Double.NaN : quantile(count, 1 - SIGNIFICANCE / 2) * standardError;
    }

    /**
     * What the interval allows to say: one that holds 0 says nothing.
     *
     * @param direction 1 where more is better, −1 where less is
     */
    Verdict verdict(int direction) {
        double halfWidth = halfWidth();
        if (direction * mean - halfWidth > 0) {
            return Verdict.BETTER;
        }
        return direction * mean + halfWidth < 0 ? Verdict.WORSE : Verdict.UNDECIDED;
    }

    /**
     * How many pairs it takes to tell a mean of this size from 0 in four of five comparisons (power 80 %, two-sided
     * level 5 %), if differences scatter as these do: the smallest n with (t(0.975, n − 1) + t(0.8, n − 1))·sd/√n ≤
     * |mean|.
     *
     * @return empty where it is not defined, or beyond {@link #MOST_NEEDED}
     */
    OptionalInt needed() {
        double deviation = standardError * Math.sqrt(count);
        if (count < 2 || !(Math.abs(mean) > 0)) {
            return OptionalInt.empty();
        }
        return IntStream.rangeClosed(2, MOST_NEEDED)
                .filter(n -> (quantile(n, 1 - SIGNIFICANCE / 2) + quantile(n, POWER)) * deviation / Math.sqrt(n)
                        <= Math.abs(mean))
                .findFirst();
    }

    /** Of Student's t for the mean of n values. */
    private static double quantile(int n, double probability) {
        return TDistribution.of(n - 1).inverseCumulativeProbability(probability);
    }

    /** {@code +1.2}, {@code [+0.1, +2.3]}: the mean and its interval. */
    List<String> text(double scale, int decimals) {
        String number = "%+,." + decimals + "f";
        double halfWidth = halfWidth();
        return List.of(
                String.format(Locale.ROOT, number, mean * scale),
                String.format(
                        Locale.ROOT,
                        "[" + number + ", " + number + "]",
                        (mean - halfWidth) * scale,
                        (mean + halfWidth) * scale));
    }
}

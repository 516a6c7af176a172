package dev.palimpsest.report;

import java.util.Arrays;
import java.util.Locale;

/**
 * Mean and sample standard deviation.
 *
 * @param deviation NaN for fewer than two values
 */
record Spread(int count, double mean, double deviation) {
    static Spread of(double... values) {
        double mean = Arrays.stream(values).average().orElse(Double.NaN);
        double squares = Arrays.stream(values)
                .map(value -> (value - mean) * (value - mean))
                .sum();
        return new Spread(
                values.length, mean, values.length < 2 ? Double.NaN : Math.sqrt(squares / (values.length - 1)));
    }

    /** {@code 76.7 ± 2.4}, {@code 76.7} for one value, – for none. */
    String text(double scale, int decimals) {
        if (count == 0) {
            return "–";
        }
        String mean = String.format(Locale.ROOT, "%,." + decimals + "f", this.mean * scale);
        return count == 1 ? mean : mean + String.format(Locale.ROOT, " ± %,." + decimals + "f", deviation * scale);
    }
}

package dev.palimpsest.recipe;

import java.util.List;
import java.util.Map;

/**
 * What a comparison is repeated over.
 *
 * @param seeds one a repetition
 * @param everything whether a seed changes all that is drawn (class order, stream, weights, order of images and their
 *     augmentation), or the class order alone
 */
public record Repeats(List<String> seeds, boolean everything) {
    public Repeats {
        seeds = List.copyOf(seeds);
    }

    /** Other seeds of the same things. */
    public Repeats withSeeds(List<String> others) {
        return new Repeats(others, everything);
    }

    /** What a seed is of, as runs and their folders are called: order or seed. */
    public String word() {
        return everything ? "seed" : "order";
    }

    /** Sets the options of one repetition. */
    public void set(Map<String, String> options, String seed) {
        options.put("order", seed);
        if (everything) {
            options.put("seed", seed);
        }
    }
}

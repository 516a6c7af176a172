package dev.palimpsest.train;

import dev.palimpsest.option.Check;
import dev.palimpsest.option.Option;
import dev.palimpsest.option.OptionGroup;
import java.util.List;

/**
 * Limits that end training early, with what was learnt until then.
 *
 * @param maxMinutes of the whole run; 0: no limit
 * @param maxMemory main memory of the process in 10⁶ bytes; 0: no limit
 */
public record BudgetOptions(double maxMinutes, int maxMemory) {
    private static final Option<BudgetOptions, Double> MAX_MINUTES = Option.number(
            "max-minutes",
            0,
            "End training after the step in which so many minutes have passed, and evaluate; 0: no limit.",
            BudgetOptions::maxMinutes);
    private static final Option<BudgetOptions, Integer> MAX_MEMORY = Option.integer(
            "max-memory",
            0,
            "End training after the step in which the process had more main memory, in MB, and evaluate; 0: no limit.",
            BudgetOptions::maxMemory);
    /** Texts to values and back. */
    public static final OptionGroup<BudgetOptions> GROUP = new OptionGroup<>(
            List.of(MAX_MINUTES, MAX_MEMORY),
            values -> new BudgetOptions(values.get(MAX_MINUTES), values.get(MAX_MEMORY)));

    /** Without limits. */
    public static final BudgetOptions NONE = new BudgetOptions(0, 0);

    /**
     * Checks the ranges.
     *
     * @throws IllegalArgumentException with a sentence naming the option and what was expected
     */
    public BudgetOptions {
        Check.notNegative("max-minutes", maxMinutes);
        Check.atLeast("max-memory", maxMemory, 0);
    }
}

package dev.palimpsest.recipe;

import java.util.List;

/**
 * Limits that end training early, with what was learnt until then.
 *
 * @param maxMinutes of the whole run; 0: no limit
 * @param maxMemory main memory of the process in 10⁶ bytes; 0: no limit
 */
public record BudgetOptions(double maxMinutes, int maxMemory) {
    static final Option<Double> MAX_MINUTES = Option.number(
            "max-minutes",
            0,
            "End training after the step in which so many minutes have passed, and evaluate; 0: no limit.",
            r -> r.budget().maxMinutes());
    static final Option<Integer> MAX_MEMORY = Option.integer(
            "max-memory",
            0,
            "End training after the step in which the process had more main memory, in MB, and evaluate; 0: no limit.",
            r -> r.budget().maxMemory());
    static final List<Option<?>> ALL = List.of(MAX_MINUTES, MAX_MEMORY);

    /** @throws IllegalArgumentException with a sentence naming the option and what was expected */
    public BudgetOptions {
        Check.notNegative("max-minutes", maxMinutes);
        Check.atLeast("max-memory", maxMemory, 0);
    }

    static BudgetOptions of(Values values) {
        return new BudgetOptions(values.get(MAX_MINUTES), values.get(MAX_MEMORY));
    }
}

package dev.palimpsest.report;

/**
 * Where a run comes from.
 *
 * @param recipe name of its recipe
 * @param command that repeats the run
 * @param block title of the suite's block it belongs to; empty for a run of no suite
 * @param label of its variant in the block
 * @param reference label of the variant that the block's others are paired with
 */
public record Origin(String recipe, String command, String block, String label, String reference) {
    /**
     * Of a run of no suite.
     *
     * @param recipe name of its recipe
     * @param command that repeats the run
     */
    public Origin(String recipe, String command) {
        this(recipe, command, "", "", "");
    }
}

/**
 * Recipes: files and flags of options that fill an {@link dev.palimpsest.train.Experiment}, and suites of them. Knows
 * every package of the library; nothing of the command line or of reports.
 */
package dev.palimpsest.recipe;

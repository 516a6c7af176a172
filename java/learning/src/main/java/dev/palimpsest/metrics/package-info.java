/**
 * Figures of merit of a run, computed from counts of right answers: accuracy per experience, average incremental
 * accuracy, forgetting, backward transfer.
 *
 * <p>Knows no other package of the library: neither how answers come about nor how figures are shown.
 */
package dev.palimpsest.metrics;

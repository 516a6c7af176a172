/**
 * The whole state of a run between two experiences as one safetensors file, written and read in one place, and the
 * accuracies and models that can be read out of it. Knows snapshots, classifiers, metrics and evaluation; nothing of
 * training or methods.
 */
package dev.palimpsest.checkpoint;

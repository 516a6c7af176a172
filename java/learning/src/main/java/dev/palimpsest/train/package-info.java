/**
 * Experiments: one network learning one stream by one method, with every setting explicit. The learner takes batches
 * through the network, asks the method for losses and phases, and reports. Methods implement
 * {@link dev.palimpsest.train.Method} and register by {@link dev.palimpsest.train.MethodProvider}; no method is known
 * here by name, and no recipe.
 */
package dev.palimpsest.train;

/**
 * The terms of a training loss, each a differentiable scalar on a tape: cross-entropy, distillation of logits,
 * features and relations, replay of stored logits. It knows engines, tapes and the kernels' façades; which terms a
 * method uses, and with which weights, is the method's own business.
 */
package dev.palimpsest.loss;

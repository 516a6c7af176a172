/**
 * Reverse-mode differentiation: a tape records the operations of one step, and walks them backwards once. It knows
 * engines and tensors; nothing of networks, losses or methods.
 */
package dev.palimpsest.autograd;

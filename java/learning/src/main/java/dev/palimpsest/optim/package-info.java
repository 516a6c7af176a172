/**
 * How parameters move along their gradients: update rules, clipping, masks, learning-rate schedules. It knows
 * parameters ({@code tensor}) and nothing of networks, methods or devices: what a backend must offer for its device is
 * {@link dev.palimpsest.optim.Optimiser.Loops}, and {@link dev.palimpsest.optim.Optimiser} is the one contract in front
 * of it.
 */
package dev.palimpsest.optim;

/**
 * How earlier models stay readable: which step owns each weight, the bit planes that keep the owners, and the weights
 * of any earlier model, reconstructed from the live ones or kept as full copies. It knows parameters ({@code tensor}),
 * weights of networks ({@code model}) and the reconstruction kernel; nothing of losses, methods or training.
 */
package dev.palimpsest.snapshot;

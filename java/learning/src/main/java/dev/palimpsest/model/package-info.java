/**
 * Networks composed of layers. An {@link dev.palimpsest.model.Architecture} defines how values
 * ({@link dev.palimpsest.model.Node}) pass through layers ({@link dev.palimpsest.model.Layer}) for images of one
 * shape; {@link dev.palimpsest.model.Networks} has those of the literature. From it come
 * {@linkplain dev.palimpsest.model.Network networks} with weights of their own and heads that grow with the classes.
 * A network's forward pass is recorded on a tape, or keeps outputs alone; a {@link dev.palimpsest.model.FrozenNetwork}
 * is compiled from {@link dev.palimpsest.model.FrozenNetwork.Weights}, the present ones or a snapshot's, with norms
 * folded into convolutions.
 *
 * <p>The package knows tensors, engines and tapes. It knows nothing of losses, methods, snapshots' forms or recipes.
 */
package dev.palimpsest.model;

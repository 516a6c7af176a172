/**
 * Layers, losses and small matrices on one device. {@link dev.palimpsest.engine.Engines} opens an
 * {@link dev.palimpsest.engine.Engine}, which checks every argument once and hands it to a
 * {@link dev.palimpsest.engine.Backend}; those come from {@link dev.palimpsest.engine.EngineProvider}s, found by name.
 * It knows tensors and the three kernels, and neither networks nor methods.
 */
package dev.palimpsest.engine;

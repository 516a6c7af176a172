/**
 * The processor's engine, on oneDNN through the foreign function interface. Nobody imports it: it is found as an
 * {@link dev.palimpsest.engine.EngineProvider}. It knows the engine's interfaces, tensors and the three kernels.
 */
package dev.palimpsest.engine.onednn;

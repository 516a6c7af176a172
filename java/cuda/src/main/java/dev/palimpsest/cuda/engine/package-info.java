/**
 * The engine of NVIDIA GPUs: layers on cuDNN and cuBLAS, losses and optimisers on our kernels. Nobody imports it: it
 * is found as an {@link dev.palimpsest.engine.EngineProvider}. It knows the driver classes of
 * {@code dev.palimpsest.cuda}, the engine's interfaces and tensors.
 */
package dev.palimpsest.cuda.engine;

/**
 * Values and their shapes: {@link dev.palimpsest.tensor.Shape}, {@link dev.palimpsest.tensor.Tensor} for what an
 * engine computes, {@link dev.palimpsest.tensor.Parameter} and {@link dev.palimpsest.tensor.Buffer} for what a model
 * owns, and the safetensors files that they are kept in.
 *
 * <p>Knows the kernels' packed owners and checksums and nothing else of the library: an engine computes with these
 * values, they compute nothing.
 */
package dev.palimpsest.tensor;

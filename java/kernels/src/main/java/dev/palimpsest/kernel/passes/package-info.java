/**
 * Passes over activations that an engine on the processor needs beside its library: in C++ and in plain Java, with the
 * same bits. Exported to this library's own modules only.
 */
package dev.palimpsest.kernel.passes;

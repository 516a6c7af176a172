/** The threads that kernels and engines share. Exported to this library's own modules only. */
package dev.palimpsest.kernel.threads;
